"""Recognition of model calls and tool executions, for every span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_pricing.model.instrumentations import SERVICE_SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_pricing.model.call import ModelCall
    from otel_pricing.model.record import SpanRecord

MARKS = frozenset(
    {
        "gen_ai.operation.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "openinference.span.kind",
        "llm.request.type",
        "llm.request.model",
        "langfuse.observation.type",
        "mlflow.spanType",
        "ai.operationId",
        "span.type",
    }
)
"""Attributes of model calls; each call has at least one."""
_TOOL_KINDS: Final[Mapping[str, frozenset[object]]] = {
    "gen_ai.operation.name": frozenset({"execute_tool"}),
    "openinference.span.kind": frozenset({"TOOL", "tool"}),
    "traceloop.span.kind": frozenset({"tool"}),
    "langfuse.observation.type": frozenset({"tool"}),
    "mlflow.spanType": frozenset({"TOOL", '"TOOL"'}),
    "ai.operationId": frozenset({"ai.toolCall"}),
}
"""Attributes that mark a tool in each convention, and their values."""
TOOL_MARKS: Final = frozenset(_TOOL_KINDS)
"""Attributes of tool executions; each execution has at least one."""
ALL_MARKS: Final = MARKS | TOOL_MARKS
"""Attributes without which a span is neither a model call nor the execution of a tool."""


def is_model_call(attributes: Mapping[str, object], scope_name: str = "") -> bool:
    """Return whether a span may be a model call, by a fast check; False is certain.

    It runs on the application's thread for every span, so it only checks for a few attributes in
    one pass; `read_call` interprets them.
    """
    if not reads_scope(scope_name):
        return False
    return not MARKS.isdisjoint(attributes)


def is_tool_call(attributes: Mapping[str, object]) -> bool:
    """Return whether a span with *attributes* describes the execution of a tool."""
    if TOOL_MARKS.isdisjoint(attributes):  # most spans
        return False
    for key, values in _TOOL_KINDS.items():
        kind = attributes.get(key)
        # Values of other types may not be hashable.
        if isinstance(kind, str) and kind in values:
            return True
    return False


def reads_scope(scope_name: str) -> bool:
    """Return whether a span of the instrumentation scope *scope_name* may be a model call."""
    return scope_name not in SERVICE_SCOPES


def read_call(record: SpanRecord) -> ModelCall | None:
    """Return the model call in *record*, in any dialect, or None.

    Agents, tools, chains and workflows are not model calls, even if they repeat usage. Invalid
    values are read as not reported; this never raises for an attribute's value.
    """
    if not is_model_call(record.attributes, record.scope_name):
        return None
    from otel_pricing.reading.dialects import DIALECTS

    dialect = next(d for d in DIALECTS if d.matches(record))
    return dialect.read(record)
