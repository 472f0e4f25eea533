"""Recordings of stacked instrumentations: real libraries, one fake provider, one bill.

Each file in `data` holds the spans of one small program that called a loopback server through real
client libraries with real instrumentations on, reduced to names, numbers and made-up answers. The
server gives every OpenAI chat 1200 tokens in and 300 out, and reuses its response ids, as test
servers do.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from otel_pricing import BillingWindow, PriceBook, PricedCall, decide, price_call, read_call
from otel_pricing.reading.otlp_json import read_spans

DATA = Path(__file__).parent / "data"

# gpt-4o with 1024 cached: 176 × 2.50 + 1024 × 1.25 + 300 × 10 = 4720; plain: 6000
# gpt-5 with 1024 cached: 176 × 1.25 + 1024 × 0.125 + 300 × 10 = 3348; flex: (1500 + 3000) / 2
# claude: 176 × 3 + 1024 × 0.30 + 400 × 3.75 + 100 × 6 + 300 × 15 = 7435.2
# claude on Bedrock, no split: (528 + 307.2 + 500 × 3.75 + 4500) × 1.1 = 7931.22
# gpt-5 plain: 1500 + 3000 = 4500; claude on Bedrock plain: (3600 + 4500) × 1.1 = 8910
# mistral-large-latest: 1200 × 2 + 300 × 6 = 4200
# llama-3.3-70b on Groq: 1200 × 0.59 + 300 × 0.79 = 945; command-r-plus: 1200 × 2.50 + 300 × 10
# gemini: 176 × 0.30 + 1024 × 0.03 + 400 × 2.50 = 1083.52
EXPECTED = {
    "oi-langchain+oi-openai.l_chat": (2, 1, 4_720_000),
    "oi-langchain+oi-openai.l_parallel": (8, 4, 24_000_000),
    "oi-langchain+oi-openai.l_flex": (2, 1, 2_250_000),
    "oi-langchain+oi-openai.l_agent": (4, 2, 12_000_000),
    "ollm-langchain+ollm-openai.l_responses": (2, 1, 3_348_000),
    "genai-langchain+genai-openai.l_responses": (1, 1, 3_348_000),
    "genai-openai+oi-openai.parallel": (10, 5, 30_000_000),
    "genai-anthropic+native.a_stream": (2, 1, 7_435_200),
    "ollm-anthropic+native.a_chat": (2, 1, 7_435_200),
    "oi-langchain+oi-anthropic+native.l_anth": (3, 1, 7_435_200),
    "litellm+oi-openai.ll_chat": (2, 1, 4_720_000),
    "litellm.ll_anth": (1, 1, 7_435_200),
    "pydantic+genai-openai.p_tool": (4, 2, 12_000_000),
    "pydantic+genai-anthropic+native.p_anth": (4, 1, 7_435_200),
    "google-genai.g_chat": (1, 1, 1_083_520),
    "ollm-google.g_chat": (1, 1, 1_083_520),
    "genai-bedrock.b_chat": (1, 1, 7_931_220),
    "ollm-bedrock.b_chat": (1, 1, 7_931_220),
    "openai-v2.chat_flex": (1, 1, 2_250_000),
    "ollm-openai+genai-openai+oi-openai.resp_tool": (6, 2, 9_000_000),
    "oi-llama+oi-openai.li_stream": (2, 1, 6_000_000),
    "oi-llama+oi-openai.li_agent": (4, 2, 12_000_000),
    "oi-agents+oi-openai.ag_cached": (2, 1, 4_720_000),
    "oi-google+ollm-google.g_stream": (2, 1, 1_083_520),
    "oi-bedrock+ollm-bedrock.b_conv": (2, 1, 8_910_000),
    "ollm-mistral.mi_chat": (2, 1, 4_200_000),
    "langfuse.resp": (1, 1, 3_348_000),
    "langsmith.cached": (1, 1, 4_720_000),
    "logfire-anthropic.a_cached": (1, 1, 7_435_200),
    "logfire-anthropic+native.a_stream": (2, 1, 7_435_200),
    "logfire-openai.resp_stream": (1, 1, 3_348_000),
    "oi-langchain+native.l_anth_stream": (2, 1, 7_435_200),
    "ollm-langchain+native.l_anth_agent_stream": (4, 2, 16_200_000),
    "oi-langchain+ollm-langchain.l_parallel": (8, 4, 24_000_000),
    "litellm+ollm-openai.ll_parallel": (6, 3, 18_000_000),
    "pydantic+native.p_anth_stream": (2, 1, 7_435_200),
    "strands.st_tool": (2, 2, 12_000_000),
    "strands+ollm-openai.st_cached": (2, 1, 4_720_000),
    "agent-framework.af_resp": (2, 2, 10_720_000),
    "agent-framework+oi-openai.af_stream": (4, 2, 12_000_000),
    "adk+ollm-google.adk_chat": (2, 1, 1_083_520),
    "semantic-kernel+ollm-openai.sk_agent": (4, 2, 12_000_000),
    "openlit.cached": (1, 1, 4_720_000),
    "mlflow.cached": (1, 1, 4_720_000),
    "ollm-anthropic+genai-anthropic+oi-anthropic+native.a_cached": (4, 1, 7_435_200),
    "ollm-langchain-0.40.l_chat": (1, 1, 4_720_000),
    "adk.adk_parallel": (3, 3, 3_330_000),
    # The two embeddings have no usage.
    "ollm-llama+ollm-openai.li_rag": (3, 3, 6_000_000),
    "ollm-groq.gr_stream": (1, 1, 945_000),
    "ollm-cohere.co_chat": (1, 1, 6_000_000),
    "oi-agno+oi-openai.agno_tool": (4, 2, 12_000_000),
    "oi-smolagents+oi-openai.smol_tool": (2, 1, 6_000_000),
    "oi-haystack+oi-openai.hay_cached": (2, 1, 4_720_000),
    "oi-dspy+oi-litellm+oi-openai.dspy_predict": (3, 1, 6_000_000),
    "oi-crewai+oi-openai.cr_tool": (2, 2, 12_000_000),
    "oi-instructor+oi-anthropic+native.in_cached": (2, 1, 7_435_200),
}
"""Name of a recording -> spans of model calls, actual calls, nano-US-dollars."""


TOLD_TWICE = "litellm.ll_resp_stream"


def calls_in(name: str, book: PriceBook, *, without_ids: bool = False) -> list[PricedCall]:
    """Return the priced calls of a recording."""
    calls = [c for span in read_spans(DATA / f"{name}.otlp.jsonl") if (c := read_call(span))]
    if without_ids:
        calls = [replace(call, response_id=None) for call in calls]
    return [price_call(call, book) for call in calls]


def bill(calls: list[PricedCall]) -> tuple[int, int]:
    """Return the number of calls that are billed and their cost."""
    billed = [call for call in calls if call.billed]
    return len(billed), sum(call.cost_nano_usd or 0 for call in billed)


def test_every_recording_is_expected() -> None:
    """An unused recording proves nothing."""
    assert {path.name.removesuffix(".otlp.jsonl") for path in DATA.iterdir()} == {
        *EXPECTED,
        TOLD_TWICE,
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_stacked_instrumentations_make_one_bill(name: str, book: PriceBook) -> None:
    """The number and cost of the calls, for any number of spans."""
    spans, calls, nano_usd = EXPECTED[name]

    priced = calls_in(name, book)

    assert len(priced) == spans
    assert bill(decide(priced)) == (calls, nano_usd)


def test_an_answer_that_litellm_reports_twice_is_one_call(book: PriceBook) -> None:
    """Its callbacks for streams of the Responses API run twice; only id and start show that.

    So this recording is separate from the others, whose bill is the same without ids.
    """
    priced = calls_in(TOLD_TWICE, book)

    assert len(priced) == 2
    assert bill(decide(priced)) == (1, 4_720_000)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_bill_is_the_same_without_response_ids(name: str, book: PriceBook) -> None:
    """With content hidden some instrumentations have none: time and tokens are enough."""
    _, calls, nano_usd = EXPECTED[name]

    assert bill(decide(calls_in(name, book, without_ids=True))) == (calls, nano_usd)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_bill_is_the_same_live(name: str, book: PriceBook) -> None:
    """Decided as the spans end, one by one."""
    _, calls, nano_usd = EXPECTED[name]
    window = BillingWindow()
    live: dict[int, PricedCall] = {}

    for call in calls_in(name, book):
        live |= {changed.call.span_id: changed for changed in window.offer(call)}

    assert bill(list(live.values())) == (calls, nano_usd)
