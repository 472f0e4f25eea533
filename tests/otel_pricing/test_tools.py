"""Recognition and reading of tool executions."""

from __future__ import annotations

from typing import Any

import pytest

from otel_pricing import CostStatus, ModelCall, PricedCall, SpanEvent, SpanRecord, Usage
from otel_pricing.model.tool_call import BY_PROVIDER
from otel_pricing.reading.recognise import is_tool_call
from otel_pricing.reading.tools import read_tool_call, tools_of_provider


def record(name: str = "", attributes: dict[str, object] | None = None, **more: Any) -> SpanRecord:
    return SpanRecord(
        trace_id=1,
        span_id=2,
        name=name,
        start_ns=1_000,
        end_ns=4_000,
        attributes=attributes or {},
        resource_attributes={"service.name": "shop"},
        **more,
    )


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather"}, "x"),
        ({"gen_ai.operation.name": "execute_tool"}, "execute_tool weather"),
        ({"openinference.span.kind": "TOOL", "tool.name": "weather"}, "x"),
        ({"openinference.span.kind": "TOOL"}, "weather"),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "weather"}, "weather.tool"),
        ({"langfuse.observation.type": "tool"}, "weather"),
        ({"mlflow.spanType": '"TOOL"'}, "weather"),
        ({"ai.operationId": "ai.toolCall", "ai.toolCall.name": "weather"}, "ai.toolCall"),
    ],
)
def test_a_tool_is_recognised_in_every_convention(attributes: dict[str, object], name: str) -> None:
    """By its kind; the name is an attribute, or the span's name."""
    tool = read_tool_call(record(name, attributes))

    assert tool is not None
    assert (tool.tool, tool.service, tool.duration_ns, tool.failed) == (
        "weather",
        "shop",
        3_000,
        False,
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"gen_ai.operation.name": "chat", "gen_ai.tool.name": "weather"},
        {"gen_ai.operation.name": "invoke_agent"},
        {"openinference.span.kind": "CHAIN"},
        {"gen_ai.operation.name": ["execute_tool"]},
    ],
)
def test_other_spans_are_not_tools(attributes: dict[str, object]) -> None:
    """A name of a tool alone is not its execution."""
    assert not is_tool_call(attributes)
    assert read_tool_call(record("x", attributes)) is None


def test_a_failure_has_its_class_and_its_agent() -> None:
    """From `error.type`, or from the exception that the span recorded."""
    kind: dict[str, object] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.agent.name": "planner",
    }
    raised = SpanEvent(name="exception", attributes={"exception.type": "KeyError"})
    first = read_tool_call(record("x", {**kind, "error.type": "timeout"}))
    second = read_tool_call(record("x", kind, status_is_error=True, events=(raised,)))
    third = read_tool_call(record("x", kind, status_is_error=True))

    assert first is not None
    assert second is not None
    assert third is not None
    found = [(tool.error_type, tool.failed, tool.agent) for tool in (first, second, third)]
    assert found == [
        ("timeout", True, "planner"),
        ("KeyError", True, "planner"),
        ("", True, "planner"),
    ]


@pytest.mark.parametrize(
    ("billed", "searches", "found"), [(True, 3, 3), (False, 3, 0), (True, 0, 0)]
)
def test_searches_of_the_provider_are_counted_from_its_usage(
    billed: bool, searches: int, found: int
) -> None:
    """Once for each reported search, on the billed call; they have no duration."""
    call = ModelCall(
        trace_id=1,
        span_id=2,
        start_ns=5,
        end_ns=6,
        scope="x",
        operation="chat",
        provider="anthropic",
        usage=Usage(web_search_requests=searches),
    )
    priced = PricedCall(call=call, status=CostStatus.PRICED, cost_nano_usd=1, billed=billed)

    tools = list(tools_of_provider(priced))

    assert [(t.tool, t.source, t.duration_ns) for t in tools] == (
        [("web_search", BY_PROVIDER, None)] * found
    )
    assert len({t.place for t in tools}) == found
