"""Logfire and LangSmith: conventional attributes for totals, a usage object for the rest.

LangSmith also writes the details of a total as a separate object.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from otel_pricing.model.usage import normalise
from otel_pricing.model.usage_objects import counts_of, reported_cost_usd
from otel_pricing.model.values import json_object, text
from otel_pricing.reading.dialects import otel_genai
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.call import ModelCall, Usage
    from otel_pricing.model.record import SpanRecord

USAGE_OBJECTS = ("gen_ai.usage.raw", "langsmith.metadata.usage_metadata")
DETAILS = ("input_token_details", "output_token_details")
_ATTRIBUTES = (*USAGE_OBJECTS, *(f"gen_ai.usage.{name}" for name in DETAILS))


def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
    """Add the counts that are only in the usage object to the totals of the attributes."""
    usage_object = next(
        (o for n in USAGE_OBJECTS if (o := json_object(record.attributes.get(n)))), {}
    )
    if not usage_object:
        usage_object = {n: json_object(record.attributes.get(f"gen_ai.usage.{n}")) for n in DETAILS}
    cost = reported_cost_usd(usage_object)
    if cost and not call.reported_cost_usd:
        call = replace(call, reported_cost_usd=cost, reported_cost_source="usage.cost")
    usage = normalise(counts_of(usage_object))
    if usage is None:
        return call
    tier = call.service_tier or text(usage_object.get("service_tier"))
    return replace(call, usage=_filled(call.usage, usage), service_tier=tier)


def _filled(usage: Usage | None, found: Usage) -> Usage:
    if usage is None:
        return found
    unsaid = {f.name for f in fields(usage) if getattr(usage, f.name) is None}
    return replace(usage, **{name: getattr(found, name) for name in unsaid})


RAW_USAGE = Dialect(
    "raw-usage",
    matches=lambda record: any(name in record.attributes for name in _ATTRIBUTES),
    operation=otel_genai.operation,
    refine=refine,
)
