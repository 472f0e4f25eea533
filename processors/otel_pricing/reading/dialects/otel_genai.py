"""The GenAI semantic conventions, current and older names: the default dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_pricing.model.operations import inference
from otel_pricing.model.values import text
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.record import SpanRecord

OPERATION = "gen_ai.operation.name"
MODELS = ("gen_ai.request.model", "gen_ai.response.model")
# Spans without an operation that have one of these are containers of calls, not calls.
CONTAINER_MARKS = (
    "traceloop.span.kind",
    "gen_ai.agent.name",
    "gen_ai.agent.id",
    "gen_ai.tool.name",
    "gen_ai.tool.call.id",
    "gen_ai.workflow.name",
)


def operation(record: SpanRecord) -> str | None:
    """Return the model-call operation; the first conventions had no attribute for it."""
    attributes = record.attributes
    operation = text(attributes.get(OPERATION))
    if operation is not None:
        return inference(operation)
    if any(mark in attributes for mark in CONTAINER_MARKS):
        return None
    model = next((found for name in MODELS if (found := text(attributes.get(name)))), None)
    if model is None:
        return None
    return "embeddings" if "embed" in model.lower() else "chat"


OTEL_GENAI = Dialect("otel-genai", matches=lambda _record: True, operation=operation)
