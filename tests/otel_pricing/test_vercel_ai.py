"""Spans of the Vercel AI SDK: counts of the provider's metadata, and reported cost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from otel_pricing import Usage, read_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_pricing import ModelCall, SpanRecord

REQUEST: dict[str, object] = {
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.provider": "openai.chat",
    "ai.model.id": "gpt-4o",
    "ai.usage.promptTokens": 1200,
    "ai.usage.completionTokens": 300,
}


def with_metadata(metadata: object, **more: object) -> dict[str, object]:
    return {**REQUEST, "ai.response.providerMetadata": json.dumps(metadata), **more}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("ai.generateText.doGenerate", "chat"),
        ("ai.streamText.doStream", "chat"),
        ("ai.embed.doEmbed", "embeddings"),
        ("ai.rerank.doRerank", "rerank"),
        ("ai.generateText", None),
    ],
)
def test_requests_are_calls_and_functions_around_them_are_not(
    record: Callable[..., SpanRecord], operation: str, expected: str | None
) -> None:
    call = read_call(record({**REQUEST, "ai.operationId": operation}, scope_name="ai"))
    assert (call.operation if call else None) == expected


def test_an_operation_of_the_conventions_counts_as_well(
    read: Callable[..., ModelCall],
) -> None:
    found = read(
        {**REQUEST, "ai.operationId": "ai.other", "gen_ai.operation.name": "chat"}, scope_name="ai"
    )
    assert found.operation == "chat"


@pytest.mark.parametrize(
    ("provider", "metadata", "usage"),
    [
        (
            "openai.chat",
            {"openai": {"cachedPromptTokens": 1024, "reasoningTokens": 200}},
            Usage(
                input_tokens=1200, output_tokens=300, cache_read_tokens=1024, reasoning_tokens=200
            ),
        ),
        (
            "amazon-bedrock",
            {"bedrock": {"usage": {"cacheReadInputTokens": 100, "cacheWriteInputTokens": 50}}},
            Usage(
                input_tokens=1350, output_tokens=300, cache_read_tokens=100, cache_write_tokens=50
            ),
        ),
        (
            "anthropic.messages",
            {"anthropic": {"cacheReadInputTokens": 1024, "cacheCreationInputTokens": 500}},
            Usage(
                input_tokens=2724, output_tokens=300, cache_read_tokens=1024, cache_write_tokens=500
            ),
        ),
        (
            "anthropic.messages",
            {"anthropic": {"usage": {"input_tokens": 176, "output_tokens": 300}}},
            Usage(input_tokens=176, output_tokens=300),
        ),
        ("openai.chat", {}, Usage(input_tokens=1200, output_tokens=300)),
    ],
)
def test_cached_tokens_of_the_metadata_count(
    read: Callable[..., ModelCall], provider: str, metadata: object, usage: Usage
) -> None:
    """Beside the input or in it, by provider."""
    call = read(with_metadata(metadata, **{"ai.model.provider": provider}), scope_name="ai")
    assert call.usage == usage


@pytest.mark.parametrize(
    ("metadata", "source"),
    [
        ({"openrouter": {"usage": {"cost": 0.0125}}}, "openrouter.usage.cost"),
        ({"gateway": {"cost": "0.0125"}}, "gateway.cost"),
    ],
)
def test_a_cost_that_a_gateway_reports_is_read(
    read: Callable[..., ModelCall], metadata: object, source: str
) -> None:
    call = read(with_metadata(metadata), scope_name="ai")
    assert call.reported_cost_usd == Decimal("0.0125")
    assert source in (call.reported_cost_source or "")


@pytest.mark.parametrize(
    ("metadata", "tier"),
    [
        ({"openai": {"serviceTier": "flex"}}, "flex"),
        ({"anthropic": {"usage": {"service_tier": "batch", "input_tokens": 1}}}, "batch"),
    ],
)
def test_the_tier_of_the_metadata_is_the_calls(
    read: Callable[..., ModelCall], metadata: object, tier: str
) -> None:
    call = read(with_metadata(metadata), scope_name="ai")
    assert call.service_tier == tier


@pytest.mark.parametrize("name", ["ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"])
def test_the_time_to_the_first_chunk_is_in_milliseconds(
    read: Callable[..., ModelCall], name: str
) -> None:
    call = read({**REQUEST, name: 250}, scope_name="ai")
    assert call.time_to_first_token_ns == 250_000_000


def test_invalid_metadata_changes_nothing(
    read: Callable[..., ModelCall],
) -> None:
    call = read({**REQUEST, "ai.response.providerMetadata": "no {json"}, scope_name="ai")
    assert call.usage == Usage(input_tokens=1200, output_tokens=300)
    assert call.time_to_first_token_ns is None
