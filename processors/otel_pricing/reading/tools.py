"""Reading of tool executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_pricing.model.tool_call import BY_PROVIDER, ToolCall
from otel_pricing.model.values import text
from otel_pricing.reading.recognise import is_tool_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_pricing.model.call import PricedCall
    from otel_pricing.model.record import SpanRecord

_NAMES: Final = (
    "gen_ai.tool.name",
    "tool.name",
    "tool_name",
    "traceloop.entity.name",
    "ai.toolCall.name",
)
_AGENTS: Final = ("gen_ai.agent.name", "agent.name")
_SERVER_TOOLS: Final = {"web_search_requests": "web_search"}
"""Units of usage that count tools run by the provider."""
MOST_PLACES: Final = 100
"""Maximum stored executions of one tool per model call; no provider allows as many."""


def read_tool_call(record: SpanRecord) -> ToolCall | None:
    """Return the tool execution in *record*; None for any other span.

    Without an attribute the tool's name is in the span's: `execute_tool get_weather` in the GenAI
    conventions, `get_weather` in others.
    """
    attributes = record.attributes
    if not is_tool_call(attributes):
        return None
    name = next((named for key in _NAMES if (named := text(attributes.get(key)))), None)
    agent = next((named for key in _AGENTS if (named := text(attributes.get(key)))), None)
    error_type = text(attributes.get("error.type")) or _exception(record)
    return ToolCall(
        tool=name or record.name.removeprefix("execute_tool").strip(),
        trace_id=record.trace_id,
        span_id=record.span_id,
        start_ns=record.start_ns,
        duration_ns=max(0, record.end_ns - record.start_ns),
        service=text(record.resource_attributes.get("service.name")) or "",
        agent=agent or "",
        error_type=error_type or "",
        failed=record.status_is_error or bool(error_type),
    )


def tools_of_provider(priced: PricedCall) -> Iterator[ToolCall]:
    """Yield the tools run by the provider for a billed call, as counted in its usage."""
    call = priced.call
    if not priced.billed or call.usage is None:
        return
    for unit, tool in _SERVER_TOOLS.items():
        for place in range(min(getattr(call.usage, unit) or 0, MOST_PLACES)):
            yield ToolCall(
                tool=tool,
                trace_id=call.trace_id,
                span_id=call.span_id,
                start_ns=call.start_ns,
                # Places of different tools of one call differ.
                place=place + 1 + MOST_PLACES * list(_SERVER_TOOLS).index(unit),
                service=call.service or "",
                agent=call.agent or "",
                source=BY_PROVIDER,
            )


def _exception(record: SpanRecord) -> str | None:
    for event in record.events:
        if event.name == "exception" and record.status_is_error:
            return text(event.attributes.get("exception.type"))
    return None
