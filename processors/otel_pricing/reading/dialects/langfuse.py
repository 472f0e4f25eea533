"""Langfuse's SDK: proprietary attribute names, usage and cost as JSON.

A generation or an embedding is a model call; its other observations (spans, agents, tools, chains,
retrievers) are not. The provider is not reported; the model is looked up for all providers.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from otel_pricing.model.usage import Counts, normalise
from otel_pricing.model.usage_objects import counts_of
from otel_pricing.model.values import count, json_object, text, usd
from otel_pricing.reading.dialects.names import plus
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_pricing.model.call import ModelCall
    from otel_pricing.model.record import SpanRecord

TYPE = "langfuse.observation.type"
OPERATION_OF_TYPE = {"generation": "chat", "embedding": "embeddings"}
USAGE = "langfuse.observation.usage_details"
COST = "langfuse.observation.cost_details"
PARAMETERS = "langfuse.observation.model.parameters"
OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


def operation(record: SpanRecord) -> str | None:
    """Return the model-call operation of the observation's type; None for other types."""
    kind = text(record.attributes.get(TYPE))
    return OPERATION_OF_TYPE.get(kind.lower()) if kind else None


def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
    """Read usage, tier and limits from their JSON."""
    usage = json_object(record.attributes.get(USAGE))
    parameters = json_object(record.attributes.get(PARAMETERS))
    limits = (count(parameters.get(name)) for name in OUTPUT_LIMITS)
    # It writes zeros for unknown values.
    reported = _cost(json_object(record.attributes.get(COST)))
    if reported is not None and not call.reported_cost_usd:
        call = replace(call, reported_cost_usd=reported, reported_cost_source=COST)
    own = "input" in usage or "output" in usage
    return replace(
        call,
        usage=normalise(_own_counts(usage) if own else counts_of(usage)) or call.usage,
        service_tier=call.service_tier or text(parameters.get("service_tier")),
        max_output_tokens=call.max_output_tokens or next((n for n in limits if n), None),
    )


def _cost(details: Mapping[str, object]) -> Decimal | None:
    """Return the total, or the sum of the parts without one."""
    if "total" in details:
        return usd(details["total"]) or None
    parts = [amount for value in details.values() if (amount := usd(value)) is not None]
    return sum(parts, Decimal(0)) or None


def _own_counts(usage: Mapping[str, object]) -> Counts:
    """Return counts in Langfuse's spelling, in which all units are separate."""

    def total(side: str) -> int | None:
        parts = [
            count(n) for name, n in usage.items() if name == side or name.startswith(f"{side}_")
        ]
        known = [n for n in parts if n is not None]
        return sum(known) if known else None

    read = _first(usage, "input_cache_read", "input_cached_tokens", "cache_read_input_tokens")
    write = _first(usage, "input_cache_creation", "cache_creation_input_tokens")
    beside = sum(count(usage.get(n)) or 0 for n in _BESIDE)
    input_tokens = total("input")
    return Counts(
        input_tokens=None if input_tokens is None else input_tokens + beside,
        output_tokens=total("output"),
        cache_read_tokens=read,
        cache_write_tokens=write,
        reasoning_tokens=_first(usage, "output_reasoning", "output_reasoning_tokens"),
        input_audio_tokens=_first(usage, "input_audio", "input_audio_tokens"),
        output_audio_tokens=_first(usage, "output_audio", "output_audio_tokens"),
        input_image_tokens=_first(usage, "input_image", "input_image_tokens"),
        output_image_tokens=_first(usage, "output_image", "output_image_tokens"),
    )


_BESIDE = ("cache_read_input_tokens", "cache_creation_input_tokens")


def _first(usage: Mapping[str, object], *names: str) -> int | None:
    return next((n for name in names if (n := count(usage.get(name))) is not None), None)


LANGFUSE = Dialect(
    "langfuse",
    matches=lambda record: TYPE in record.attributes,
    operation=operation,
    refine=refine,
    names=plus(response_model=("langfuse.observation.model.name",)),
)
