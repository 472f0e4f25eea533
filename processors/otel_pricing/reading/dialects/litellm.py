"""LiteLLM's own OpenTelemetry callback: cached tokens are only in a string."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing.model.instrumentations import scopes_of
from otel_pricing.model.usage import normalise
from otel_pricing.model.usage_objects import counts_of, reported_cost_usd
from otel_pricing.model.values import LONGEST_JSON, json_object, usd
from otel_pricing.reading.dialects import otel_genai
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.call import ModelCall
    from otel_pricing.model.record import SpanRecord

SCOPES = scopes_of("litellm")
USAGE_OBJECT = "metadata.usage_object"
HIDDEN_PARAMS = "hidden_params"


def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
    """Read the usage from LiteLLM's usage object, which has more than the span's counts."""
    usage_object = _mapping(record.attributes.get(USAGE_OBJECT))
    if not call.reported_cost_usd:
        call = _with_cost(record, call, usage_object)
    usage = normalise(counts_of(usage_object))
    return call if usage is None else replace(call, usage=usage)


def _with_cost(record: SpanRecord, call: ModelCall, usage_object: dict[str, object]) -> ModelCall:
    """Read the cost computed by LiteLLM, or else the provider's in the usage object."""
    hidden = _mapping(record.attributes.get(HIDDEN_PARAMS))
    for source, cost in (
        (f"{HIDDEN_PARAMS}: response_cost", usd(hidden.get("response_cost"))),
        (f"{USAGE_OBJECT}: cost", reported_cost_usd(usage_object)),
    ):
        if cost:
            return replace(call, reported_cost_usd=cost, reported_cost_source=source)
    return call


def _mapping(value: object) -> dict[str, object]:
    """Return the object in *value*: JSON, or the repr of a dict."""
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
    matches=lambda record: record.scope_name in SCOPES or USAGE_OBJECT in record.attributes,
    operation=otel_genai.operation,
    refine=refine,
)
