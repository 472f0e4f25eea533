"""LiteLLM's own OpenTelemetry callback: cached tokens stand only in a string."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing.dialects import otel_genai
from otel_pricing.dialects.reading import Dialect
from otel_pricing.usage import Counts, normalise
from otel_pricing.values import LONGEST_JSON, count, json_object, walk

if TYPE_CHECKING:
    from otel_pricing.call import ModelCall
    from otel_pricing.record import SpanRecord

SCOPE = "litellm"
USAGE_OBJECT = "metadata.usage_object"


def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
    """Take the usage from LiteLLM's usage object, which says more than the span's counts."""
    said = _mapping(record.attributes.get(USAGE_OBJECT))
    prompt, completion = "prompt_tokens_details", "completion_tokens_details"
    usage = normalise(
        Counts(
            input_tokens=count(said.get("prompt_tokens")),
            output_tokens=count(said.get("completion_tokens")),
            total_tokens=count(said.get("total_tokens")),
            cache_read_tokens=_either(
                walk(said, prompt, "cached_tokens"), said.get("cache_read_input_tokens")
            ),
            cache_write_tokens=_either(
                walk(said, prompt, "cache_creation_tokens"),
                said.get("cache_creation_input_tokens"),
            ),
            cache_write_5m_tokens=count(
                walk(said, prompt, "cache_creation_token_details", "ephemeral_5m_input_tokens")
            ),
            cache_write_1h_tokens=count(
                walk(said, prompt, "cache_creation_token_details", "ephemeral_1h_input_tokens")
            ),
            reasoning_tokens=count(walk(said, completion, "reasoning_tokens")),
            input_audio_tokens=count(walk(said, prompt, "audio_tokens")),
            output_audio_tokens=count(walk(said, completion, "audio_tokens")),
            web_search_requests=count(walk(said, "server_tool_use", "web_search_requests")),
        )
    )
    return call if usage is None else replace(call, usage=usage)


def _either(value: object, other: object) -> int | None:
    """Return the larger of two spellings of one count; LiteLLM fills the unused one with 0."""
    found = [n for n in (count(value), count(other)) if n is not None]
    return max(found, default=None)


def _mapping(value: object) -> dict[str, object]:
    """Return the object in *value*: JSON, or what Python prints for a dict."""
    parsed = json_object(value)
    if parsed or not isinstance(value, str) or len(value) > LONGEST_JSON // 10:
        return parsed
    try:
        # Only literals are read: this evaluates nothing.
        literal = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return {}
    return literal if isinstance(literal, dict) else {}


LITELLM = Dialect(
    "litellm",
    speaks=lambda record: record.scope_name == SCOPE or USAGE_OBJECT in record.attributes,
    operation=otel_genai.operation,
    refine=refine,
)
