"""Model calls among requests, bounds on their cost, and the cost in responses."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_budget.estimate import CAUTION, Estimate, Tariff, Tokens, kinds
from otel_budget.reservations.usage_ceilings import UsageCeiling
from otel_pricing import Price, PriceBook, Rate, Usage
from otel_wire.answers import Answer, AnswerReader
from otel_wire.endpoints import may_call_model
from otel_wire.requests import MEDIA_BYTES, ModelRequest, read_request
from otel_wire.unseen_input import UNSEEN_TOKENS

CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
GEMINI: dict[str, Any] = {"contents": [{"parts": [{"text": "hi"}]}]}
CONVERSE: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


def read_answer(*parts: bytes) -> Answer:
    reader = AnswerReader(None, 200, {})
    for part in parts:
        reader.feed(part)
    return reader.end()


def read(path: str, body: dict[str, Any], host: str = "127.0.0.1") -> ModelRequest | None:
    if not may_call_model("POST", path):
        return None
    return read_request(host, path, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/chat/completions", CHAT, ("openai", "gpt-4o", "chat")),
        ("/v1/responses", {"model": "gpt-5", "input": "hi"}, ("openai", "gpt-5", "chat")),
        ("/v1/embeddings", {"model": "e", "input": "hi"}, ("openai", "e", "embeddings")),
        ("/v1/completions", {"model": "c", "prompt": "hi"}, ("openai", "c", "text_completion")),
        ("/v1/messages", CHAT, ("anthropic", "gpt-4o", "chat")),
        ("/openai/deployments/prod/chat/completions", CHAT, ("openai", "gpt-4o", "chat")),
        ("/api/chat", {"model": "llama3", "messages": []}, ("ollama", "llama3", "chat")),
        (
            "/v1beta/models/gemini-2.5-pro:generateContent",
            GEMINI,
            ("gcp.gemini", "gemini-2.5-pro", "generate_content"),
        ),
        (
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
            GEMINI,
            ("gcp.gemini", "gemini-2.5-pro", "generate_content"),
        ),
        (
            "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse",
            CONVERSE,
            ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0", "chat"),
        ),
        ("/model/amazon.nova-pro-v1:0/converse-stream", CONVERSE,
         ("aws.bedrock", "amazon.nova-pro-v1:0", "chat")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_model_calls_are_known_by_path_and_shape(
    path: str, body: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    """On any host."""
    request = read(path, body)

    assert request is not None
    assert (request.provider, request.model, request.operation) == expected


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/orders", CHAT),
        ("/2010-04-01/Accounts/AC1/messages", {"To": "+1", "Body": "hi"}),
        ("/channels/1/messages", {"content": "hi"}),
        ("/v1/messages/count_tokens", CHAT),
        ("/v1/chat/completions", {"messages": []}),
    ],
)
def test_similar_requests_are_not_model_calls(path: str, body: dict[str, Any]) -> None:
    """Other services have messages too."""
    assert read(path, body) is None


def test_a_known_host_identifies_the_provider() -> None:
    """For any name in the path."""
    request = read("/openai/v1/chat/completions", CHAT, "api.groq.com")

    assert request is not None
    assert request.provider == "groq"


@pytest.mark.parametrize(
    ("more", "limit"),
    [
        ({}, None),
        ({"max_tokens": 300}, 300),
        ({"max_completion_tokens": 400, "max_tokens": 300}, 400),
        ({"max_tokens": 300, "n": 3}, 900),
        ({"generationConfig": {"maxOutputTokens": 50, "candidateCount": 2}}, 100),
        ({"inferenceConfig": {"maxTokens": 70}}, 70),
        ({"max_tokens": "many"}, None),
    ],
    ids=str,
)
def test_the_output_a_request_allows(more: dict[str, Any], limit: int | None) -> None:
    """In all its choices together."""
    request = read("/v1/chat/completions", {**CHAT, **more})

    assert request is not None
    assert request.max_output_tokens == limit


def test_an_encoded_image_is_not_taken_for_text() -> None:
    """A megabyte of base64 is some thousand tokens, not a million."""
    url = "data:image/png;base64," + "A" * 1_000_000
    body = {"model": "gpt-4o", "messages": [{"content": [{"image_url": {"url": url}}]}]}
    request = read("/v1/chat/completions", body)

    assert request is not None
    assert request.size < MEDIA_BYTES + 500


def a_request(**more: Any) -> ModelRequest:
    return ModelRequest("openai", "gpt-4o", "chat", **{"size": 1000, **more})


def test_an_unknown_kind_of_call_reserves_several_times_its_ceiling() -> None:
    """No tokenizer makes more tokens than bytes."""
    estimate = Estimate.of(a_request(max_output_tokens=300), (None, None))

    assert estimate.ceiling == Tokens(1000 + UNSEEN_TOKENS, 300)
    assert estimate.caution == CAUTION
    assert estimate.least.input < estimate.ceiling.input


def test_an_embedding_is_wrapped_in_nothing() -> None:
    """So that a small budget admits a cheap call."""
    request = read("/v1/embeddings", {"model": "e", "input": "x" * 973})
    assert request is not None
    assert request.size == 1000

    assert Estimate.of(request, (None, None)).ceiling == Tokens(1064, 0)


def usage_ceiling(calls: int, most: int, least: int, size: int = 1000) -> UsageCeiling:
    return UsageCeiling("gpt-4o", "k", calls, most, least, size)


@pytest.mark.parametrize(
    ("learned", "size", "ceiling"),
    [
        (usage_ceiling(1, 250, 250), 1000, 250),
        (usage_ceiling(1, 250, 250), 990, 375),
        (usage_ceiling(9, 250, 250), 990, 250),
        (usage_ceiling(9, 250, 250), 2000, 500),
        (usage_ceiling(10, 250, 200), 1000, 260),
    ],
    ids=[
        "the same request costs the same",
        "one call alone proves little",
        "many calls prove much",
        "a longer request may have as many more tokens",
        "figures that differ leave a margin",
    ],
)
def test_observed_usage_replaces_the_bound(learned: UsageCeiling, size: int, ceiling: int) -> None:
    """So that reservations are small."""
    estimate = Estimate.of(a_request(size=size, max_output_tokens=300), (learned, None))

    assert estimate.ceiling == Tokens(ceiling, 300)
    assert estimate.caution == 1


def test_usage_of_short_requests_does_not_apply_to_long_ones() -> None:
    """Sizes are grouped by powers of two, hidden input by its name."""
    names = {kinds(a_request(size=size))[0] for size in (900, 1000, 5000)}

    assert len(names) == 2
    assert kinds(a_request(hidden_input=True)) != kinds(a_request())


def test_the_undiscounted_rate_is_charged() -> None:
    """(1000 x 2.50 + 300 x 10) micro-dollars, although 900 may come from the cache."""
    price = PriceBook().find("openai", "gpt-4o", at_ns=1_763_000_000_000_000_000)
    assert price is not None

    assert Tariff.of(price, a_request()).nano_usd(Tokens(1000, 300)) == 5_500_000


def test_a_cache_write_is_reserved_at_its_rate() -> None:
    """An hour's cache costs twice the input: 1000 x 6 micro-dollars."""
    price = PriceBook().find("anthropic", "claude-sonnet-4-5", at_ns=1_763_000_000_000_000_000)
    assert price is not None

    tariff = Tariff.of(price, a_request(writes_cache=True))
    assert tariff.nano_usd(Tokens(1000, 0)) == 6_000_000


@pytest.mark.parametrize(
    ("tokens", "nano_usd"),
    [(Tokens(199_999, 0), 599_997_000), (Tokens(200_001, 0), 1_200_006_000)],
)
def test_a_long_input_is_charged_at_its_own_rate(tokens: Tokens, nano_usd: int) -> None:
    """3 USD a million tokens, 6 when there are more than 200,000 of them."""
    price = Price(input=Rate(Decimal(3), ((200_000, Decimal(6)),)))

    assert Tariff.of(price, a_request()).nano_usd(tokens) == nano_usd


@given(
    rate=st.decimals("0", "1000", places=5),
    dearer=st.decimals("0", "1000", places=5),
    step=st.integers(0, 2000),
    tokens=st.builds(Tokens, st.integers(0, 4000), st.integers(0, 4000)),
)
def test_a_tariff_charges_no_less_than_the_rates(
    rate: Decimal, dearer: Decimal, step: int, tokens: Tokens
) -> None:
    """And at most one nano-dollar more, for it rounds up."""
    price = Price(input=Rate(rate, ((step, dearer),)), output=Rate(dearer))
    exact = 1000 * (tokens.input * Rate(rate, ((step, dearer),)).at(tokens.input))
    exact += 1000 * tokens.output * dearer

    charged = Tariff.of(price, a_request()).nano_usd(tokens)

    assert exact <= charged < exact + 1


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (
            {"usage": {"prompt_tokens": 1200, "completion_tokens": 300,
                       "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
                       "completion_tokens_details": {"reasoning_tokens": 200}}},
            Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024,
                  reasoning_tokens=200, input_audio_tokens=0),
        ),
        (
            {"usage": {"input_tokens": 176, "output_tokens": 300, "cache_read_input_tokens": 1024,
                       "cache_creation_input_tokens": 0}},
            Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024,
                  cache_write_tokens=0),
        ),
        (
            {"usage": {"input_tokens": 1200, "output_tokens": 300,
                       "input_tokens_details": {"cached_tokens": 1024}}},
            Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024),
        ),
        (
            {"usageMetadata": {"promptTokenCount": 1200, "candidatesTokenCount": 300,
                               "thoughtsTokenCount": 100, "totalTokenCount": 1600}},
            Usage(input_tokens=1200, output_tokens=400, reasoning_tokens=100),
        ),
        ({"usage": {"inputTokens": 176, "outputTokens": 300}},
         Usage(input_tokens=176, output_tokens=300)),
        ({"choices": []}, None),
        ({"choices": [{"message": {"content": '"usage": {"prompt_tokens": 9}'}}]}, None),
    ],
    ids=["openai", "anthropic", "responses", "gemini", "bedrock", "none", "in the text"],
)  # fmt: skip
def test_usage_is_read_in_every_dialect(answer: dict[str, Any], usage: Usage | None) -> None:
    """Totals include their parts; text is not usage."""
    assert read_answer(json.dumps(answer).encode()).usage == usage


def test_a_stream_in_two_parts_is_put_together() -> None:
    """Anthropic reports the input at the beginning and the output at the end."""
    head = (
        b'data: {"message": {"model": "m-1", "usage": {"input_tokens": 7, "output_tokens": 1}}}\n\n'
    )
    tail = b'data: {"type": "message_delta", "usage": {"output_tokens": 30}}'
    answer = read_answer(head, tail)

    assert answer.usage == Usage(input_tokens=7, output_tokens=30)
    assert answer.model == "m-1"
