"""Faults that users of other tools reported: the same spans are counted right here.

`docs/reports.md` names the reports, and the tests that need more than an import.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.ledger_cli import answer, run

_BEGAN_NS = 1_795_000_000 * 10**9
_SECOND = 10**9


@dataclass(frozen=True)
class Span:
    """A span of an archive: attributes, and its place and time in the trace."""

    attributes: dict[str, Any]
    after_s: float = 0
    took_ms: int = 800
    parent: int | None = None
    """The place of the parent in the archive."""
    name: str = "chat"


@dataclass(frozen=True)
class Case:
    """An archive and its cost."""

    name: str
    spans: list[Span]
    nano_usd: int | None
    """None where only the status is certain."""
    calls: int = 1
    scope: str = "opentelemetry.instrumentation.genai.openai"
    line: dict[str, int] = field(default_factory=dict)
    """Other values of the total."""


def chat(
    tokens_in: object = 400, tokens_out: object = 100, model: str = "gpt-4o", **more: Any
) -> dict[str, Any]:
    """Return the attributes of a chat: 2,000 micro-dollars by default."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.usage.input_tokens": tokens_in,
        "gen_ai.usage.output_tokens": tokens_out,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def vercel(provider: str, model: str, **usage: int) -> list[Span]:
    """Return the two spans that the AI SDK makes of a call."""
    outer = {"ai.model.id": model, "ai.model.provider": provider, "ai.operationId": "ai.streamText"}
    inner = {
        **outer,
        "ai.operationId": "ai.streamText.doStream",
        "gen_ai.system": provider,
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        **{f"ai.usage.{name}": count for name, count in usage.items()},
    }
    return [
        Span(outer, name="ai.streamText", took_ms=900),
        Span(inner, after_s=0.01, parent=0, name="ai.streamText.doStream"),
    ]


def response_span(number: int, **more: Any) -> dict[str, Any]:
    """Return a chat with a new response id."""
    return chat(gen_ai__response__id=f"resp-{number}", **more)


def openinference(model: str) -> list[Span]:
    """Return a span that names the seller in its model only: 100 tokens in, 100 out."""
    return [
        Span(
            {
                "openinference.span.kind": "LLM",
                "llm.model_name": model,
                "llm.token_count.prompt": 100,
                "llm.token_count.completion": 100,
            }
        )
    ]


CASES = [
    Case(
        "three in a row, each the child of the one before",
        [Span(response_span(n), after_s=n, parent=n - 1 if n else None) for n in range(3)],
        6_000_000,
        calls=3,
    ),
    Case(
        "a small call inside a large one, of the same instrumentation",
        [
            Span(response_span(1, tokens_in=800), took_ms=5000),
            Span(response_span(2, tokens_in=40, tokens_out=10), after_s=1, parent=0),
        ],
        3_200_000,
        calls=2,
    ),
    Case(
        "a call, the tool that it asked for, and the next call",
        [
            Span(response_span(1)),
            Span({"gen_ai.operation.name": "execute_tool"}, after_s=1, parent=0, name="tool"),
            Span(response_span(2), after_s=2, parent=1),
        ],
        4_000_000,
        calls=2,
    ),
    Case(
        "the same answer again from the cache of a gateway",
        [Span(response_span(1), took_ms=3000), Span(response_span(1), after_s=90, took_ms=1)],
        2_000_000,
        scope="litellm",
    ),
    Case(
        "an image from a chat model, by its own rate",
        [
            Span(
                chat(
                    50,
                    500,
                    "gemini-2.5-flash-image",
                    gen_ai__provider__name="gcp.gemini",
                    gen_ai__usage__image__output_tokens=500,
                )
            )
        ],
        15_015_000,
    ),
    Case(
        "an image model that does not say which tokens are images",
        [Span(chat(300, 400, "gpt-image-1.5"))],
        None,
        line={"partial_calls": 1},
    ),
    Case(
        "cached input of the AI SDK",
        vercel("openai.responses", "gpt-4o", cachedInputTokens=800),
        # 200 x 2.50 + 800 x 1.25 + 200 x 10
        3_500_000,
        scope="ai",
    ),
    *(
        Case(f"the AI SDK's name of {provider}", vercel(provider, model), None, scope="ai")
        for provider, model in (
            ("xai.chat", "grok-3"),
            ("groq.chat", "llama-3.3-70b-versatile"),
            ("deepseek.chat", "deepseek-chat"),
            ("azure.responses", "gpt-4o"),
        )
    ),
    Case(
        "a model that always searches and reasons, without either count",
        [Span(chat(100, 1000, "sonar-deep-research", gen_ai__provider__name="perplexity"))],
        None,
        line={"partial_calls": 1},
    ),
    Case("counts as text", [Span(chat("400", "100"))], 2_000_000),
    Case("counts as floats", [Span(chat(400.0, 100.0))], 2_000_000),
    Case(
        "an agent's request, with counts without a prefix and input without the cache",
        [
            Span(
                {
                    "span.type": "llm_request",
                    "gen_ai.system": "anthropic",
                    "model": "claude-sonnet-4-5-20250929",
                    "input_tokens": 10,
                    "output_tokens": 100,
                    "cache_read_tokens": 10_000,
                    "cache_creation_tokens": 2_000,
                },
                name="claude_code.llm_request",
            )
        ],
        # 10 x 3 + 100 x 15 + 10,000 x 0.30 + 2,000 x 3.75
        12_030_000,
        scope="com.anthropic.claude_code.tracing",
    ),
    Case(
        "cached input of a model without a rate for it",
        [
            Span(
                chat(
                    400,
                    100,
                    "ft:gpt-4o-mini-2024-07-18:org::id",
                    gen_ai__usage__cache_read__input_tokens=200,
                )
            )
        ],
        None,
        line={"estimated_calls": 1},
    ),
    Case(
        "a seller's name before the model",
        openinference("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        # 100 x 3.30 + 100 x 16.50
        1_980_000,
        scope="openinference.instrumentation.dspy",
    ),
    Case(
        "a host of one's own before the model of another maker",
        openinference("hosted_vllm/gpt-4o"),
        0,
        scope="openinference.instrumentation.smolagents",
        line={"unpriced_calls": 1},
    ),
]


def imported(folder: Path, case: Case) -> Path:
    """Import the archive of *case* into a new ledger and return its path."""
    spans = [_otlp(number, span) for number, span in enumerate(case.spans)]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "app"}}]}
    scopes = [{"scope": {"name": case.scope}, "spans": spans}]
    archive = folder / "spans.jsonl"
    archive.write_text(
        json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}) + "\n"
    )
    ledger = folder / "ledger.db"
    done = run("ledger", "import", archive, "--ledger", ledger)
    assert done.exit_code == 0, done.output
    return ledger


def _otlp(number: int, span: Span) -> dict[str, Any]:
    start = _BEGAN_NS + int(span.after_s * _SECOND)
    parent = {} if span.parent is None else {"parentSpanId": f"{span.parent + 1:016x}"}
    return {
        "traceId": f"{1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": span.name,
        "kind": 3,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + span.took_ms * 10**6),
        "attributes": [
            {"key": key, "value": _value(value)} for key, value in span.attributes.items()
        ],
        "status": {},
        **parent,
    }


def _value(value: object) -> dict[str, object]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_calls_and_cost_are_right(tmp_path: Path, case: Case) -> None:
    """The number of calls, their cost, and its certainty."""
    total = answer("costs", "--ledger", imported(tmp_path, case))["total"]
    expected = {"calls": case.calls, "unpriced_calls": 0, "partial_calls": 0, **case.line}

    assert {name: total[name] for name in expected} == expected
    if case.nano_usd is not None:
        assert total["cost_nano_usd"] == case.nano_usd
    else:
        assert total["cost_nano_usd"] > 0
