"""The Vercel AI SDK: `ai.*` names, and the provider's own usage in its metadata as JSON.

A call is two spans: `ai.generateText` for the function, `ai.generateText.doGenerate` for each
request to the provider. Only the requests are model calls.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing.model.operations import inference
from otel_pricing.model.usage import normalise
from otel_pricing.model.usage_objects import counts_of
from otel_pricing.model.values import count, json_object, nanoseconds, text, usd, walk
from otel_pricing.prices.aliases import list_provider
from otel_pricing.reading.dialects import otel_genai
from otel_pricing.reading.dialects.names import plus
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.call import ModelCall, Usage
    from otel_pricing.model.record import SpanRecord

OPERATION_ID = "ai.operationId"
METADATA = "ai.response.providerMetadata"
OPERATION_OF_REQUEST = {
    "doGenerate": "chat",
    "doStream": "chat",
    "doEmbed": "embeddings",
    "doRerank": "rerank",
    "doTranscribe": "transcription",
}
_DETAILS = "ai.usage.inputTokenDetails."
_CACHED_BESIDE = frozenset({"anthropic", "aws"})
"""Sellers whose cached tokens the SDK excluded from the input before it reported details."""


def operation(record: SpanRecord) -> str | None:
    """Return the model-call operation of a request; None for a function around requests."""
    name = text(record.attributes.get(OPERATION_ID)) or ""
    request = OPERATION_OF_REQUEST.get(name.rpartition(".")[2])
    if request is not None:
        return request
    return inference(text(record.attributes.get(otel_genai.OPERATION)) or "")


def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
    """Read facts only in the provider's metadata: cached tokens, tiers and reported cost."""
    metadata = json_object(record.attributes.get(METADATA))
    call = replace(
        call,
        usage=_usage(record, call, metadata),
        service_tier=call.service_tier
        or text(walk(metadata, "openai", "serviceTier"))
        or text(walk(metadata, "anthropic", "usage", "service_tier")),
        time_to_first_token_ns=call.time_to_first_token_ns or _first_chunk(record),
    )
    for path in (("openrouter", "usage", "cost"), ("gateway", "cost")):
        reported = usd(walk(metadata, *path))
        if reported and not call.reported_cost_usd:
            source = f"{METADATA}: {'.'.join(path)}"
            call = replace(call, reported_cost_usd=reported, reported_cost_source=source)
    return call


def _usage(record: SpanRecord, call: ModelCall, metadata: dict[str, object]) -> Usage | None:
    own = walk(metadata, "anthropic", "usage")
    if isinstance(own, dict) and (usage := normalise(counts_of(own))) is not None:
        return usage
    counts = VERCEL_AI.counts(record)
    seller = list_provider(call.provider)
    return normalise(
        replace(
            counts,
            cache_read_tokens=counts.cache_read_tokens
            or _first_count(
                metadata,
                ("openai", "cachedPromptTokens"),
                ("bedrock", "usage", "cacheReadInputTokens"),
                ("anthropic", "cacheReadInputTokens"),
            ),
            cache_write_tokens=counts.cache_write_tokens
            or _first_count(
                metadata,
                ("bedrock", "usage", "cacheWriteInputTokens"),
                ("anthropic", "cacheCreationInputTokens"),
            ),
            reasoning_tokens=counts.reasoning_tokens
            or _first_count(metadata, ("openai", "reasoningTokens")),
        ),
        input_excludes_cache=seller in _CACHED_BESIDE
        and not any(name.startswith(_DETAILS) for name in record.attributes),
        rest_is_output=seller == "google",
    )


def _first_count(metadata: dict[str, object], *paths: tuple[str, ...]) -> int | None:
    return next((n for path in paths if (n := count(walk(metadata, *path))) is not None), None)


def _first_chunk(record: SpanRecord) -> int | None:
    for name in ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk"):
        duration_ns = nanoseconds(record.attributes.get(name))
        if duration_ns is not None:
            return duration_ns // 1000
    return None


VERCEL_AI = Dialect(
    "vercel-ai",
    matches=lambda record: OPERATION_ID in record.attributes,
    operation=operation,
    refine=refine,
    names=plus(
        provider=("ai.model.provider",),
        request_model=("ai.model.id",),
        response_model=("ai.response.model",),
        response_id=("ai.response.id",),
        input_tokens=("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
        output_tokens=("ai.usage.outputTokens", "ai.usage.completionTokens"),
        total_tokens=("ai.usage.totalTokens",),
        cache_read_tokens=(
            "ai.usage.inputTokenDetails.cacheReadTokens",
            "ai.usage.cachedInputTokens",
        ),
        cache_write_tokens=(
            "ai.usage.inputTokenDetails.cacheWriteTokens",
            "ai.usage.cacheCreationInputTokens",
        ),
        reasoning_tokens=(
            "ai.usage.outputTokenDetails.reasoningTokens",
            "ai.usage.reasoningTokens",
        ),
        max_output_tokens=("ai.settings.maxOutputTokens", "ai.settings.maxTokens"),
    ),
)
