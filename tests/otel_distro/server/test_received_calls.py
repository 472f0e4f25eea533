"""Calls and tools among the spans that the embedded collector receives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from otel_distro.base.internal_errors import InternalErrors
from otel_distro.server.received_calls import ReceivedCalls
from otel_pricing import PriceBook, PricedCall
from otel_pricing.model.tool_call import ToolCall
from support.otlp_messages import A, spans

TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"}


class Ledger:
    """A sink that stores its calls."""

    def __init__(self) -> None:
        self.calls: list[PricedCall] = []
        self.tools: list[ToolCall] = []

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        self.calls += new

    def executed(self, tools: Sequence[ToolCall]) -> None:
        self.tools += tools

    def flush(self) -> None:
        """There is no queue."""


def receive(received: ReceivedCalls, attributes: dict[str, Any]) -> object:
    span = spans(A(1, "x")).scope_spans[0].spans[0]
    scope = InstrumentationScope(name="some.scope")
    return received.span(span, attributes, {"service.name": "shop"}, scope)


def test_tools_are_stored_once_and_get_no_cost() -> None:
    """With the calls of their batch, or without any."""
    ledger, internal_errors = Ledger(), InternalErrors()
    received = ReceivedCalls(PriceBook, internal_errors, ledger=ledger)

    added = receive(received, dict(TOOL))
    received.settle()
    received.settle()

    assert added is None
    assert [(tool.tool, tool.service) for tool in ledger.tools] == [("get_weather", "shop")]
    assert ledger.calls == []
    assert internal_errors.counts() == {}


def test_without_a_ledger_tools_are_not_kept() -> None:
    """They are dropped."""
    received = ReceivedCalls(PriceBook, InternalErrors(), ledger=None)

    assert receive(received, dict(TOOL)) is None
    received.settle()
