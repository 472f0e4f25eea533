"""OpenLLMetry (traceloop): its own request types in older versions, the conventions since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_pricing.model.operations import inference
from otel_pricing.model.values import text
from otel_pricing.reading.dialects import otel_genai
from otel_pricing.reading.dialects.names import plus
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.record import SpanRecord

CONTAINER_KIND = "traceloop.span.kind"
KINDS_OF_MODELS = ("task", "workflow")
REQUEST_TYPE = "llm.request.type"


def matches(record: SpanRecord) -> bool:
    """Return whether the span has one of OpenLLMetry's own attributes."""
    return REQUEST_TYPE in record.attributes or CONTAINER_KIND in record.attributes


def operation(record: SpanRecord) -> str | None:
    """Return the model-call operation; None for workflows, tasks, agents and tools.

    LlamaIndex's models are tasks or workflows too, with an operation.
    """
    kind = record.attributes.get(CONTAINER_KIND)
    if kind is not None:
        explicit = text(record.attributes.get(otel_genai.OPERATION)) or ""
        return inference(explicit) if kind in KINDS_OF_MODELS else None
    request_type = text(record.attributes.get(REQUEST_TYPE))
    known = inference(request_type) if request_type else None
    return known or otel_genai.operation(record)


OPENLLMETRY = Dialect(
    "openllmetry",
    matches=matches,
    operation=operation,
    names=plus(
        request_model=("llm.request.model",),
        response_model=("llm.response.model",),
        input_tokens=("llm.usage.prompt_tokens",),
        output_tokens=("llm.usage.completion_tokens",),
        cache_read_tokens=("llm.usage.cache_read_input_tokens",),
        cache_write_tokens=("llm.usage.cache_creation_input_tokens",),
        reasoning_tokens=("llm.usage.reasoning_tokens",),
    ),
)
