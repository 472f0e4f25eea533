"""Received model calls: recognised, priced once, written to the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from otel_distro.pipeline.accounting.sinks import Storing, ToolSink
from otel_distro.server.span_records import span_record
from otel_pricing import (
    BillingWindow,
    CostStatus,
    PricedCall,
    facts,
    is_model_call,
    price_call,
    read_call,
)
from otel_pricing.model.attributes import (
    BILLED,
    BILLED_SPAN_ID,
    BILLING_REASON,
    COST_NANO_USD,
    COST_REASON,
    COST_STATUS,
    PRICE_SOURCE,
)
from otel_pricing.reading.recognise import is_tool_call
from otel_pricing.reading.tools import read_tool_call
from otel_trace_store.arrivals import SpanCost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.pipeline.accounting.sinks import CallSink
    from otel_pricing import ModelCall, PriceBook
    from otel_pricing.model.tool_call import ToolCall

Key = tuple[int, int]
DISTRO: Final = "telemetry.distro.name"
OURS: Final = "otel_distro"
_LARGEST_NANO_USD: Final = 10**15
_MOST_TOKENS: Final = 10**12


class ReceivedCalls:
    """Prices calls on arrival and settles them with *sinks*; not thread-safe.

    Calls priced by the sender, this distribution in another process, go to *ledger* only: if both
    share a ledger the call is already there, and charged to budgets.
    """

    def __init__(
        self,
        load_prices: Callable[[], PriceBook],
        internal_errors: InternalErrors,
        *,
        ledger: CallSink | None,
        others: Sequence[CallSink] = (),
    ) -> None:
        self._load_prices = load_prices
        self._internal_errors = internal_errors
        self._ledger = ledger
        self._tool_sink: ToolSink | None = ledger if isinstance(ledger, ToolSink) else None
        self._stored: Storing | None = ledger if isinstance(ledger, Storing) else None
        self._tools: list[ToolCall] = []
        self._others = others
        self._book: PriceBook | None = None
        self._window = BillingWindow()
        self._new: dict[Key, PricedCall] = {}
        self._revised: dict[Key, PricedCall] = {}
        self._priced_by_sender: dict[Key, PricedCall] = {}
        self.received = 0
        """Number of model and tool calls since the start, repeated ones included."""

    def span(
        self,
        span: Span,
        attributes: dict[str, Any],
        resource: dict[str, Any],
        scope: InstrumentationScope,
    ) -> Mapping[str, Any] | None:
        """Account for *span* if it is a model or tool call; return the attributes to add to it."""
        try:
            if not is_model_call(attributes, scope.name):
                self._take_tool(span, attributes, resource, scope)
                return None
            call = read_call(span_record(span, attributes, resource, scope))
            if call is None:
                self._take_tool(span, attributes, resource, scope)
                return None
            if COST_STATUS in attributes and resource.get(DISTRO) == OURS:
                self._take_priced(call, attributes)
                return None
            return facts(self.call(call))
        except Exception as error:  # better a span without cost than no span
            self._internal_errors.record("account", error)
            return None

    def _take_tool(
        self,
        span: Span,
        attributes: dict[str, Any],
        resource: dict[str, Any],
        scope: InstrumentationScope,
    ) -> None:
        if self._tool_sink is None or not is_tool_call(attributes):
            return
        tool = read_tool_call(span_record(span, attributes, resource, scope))
        if tool is not None:
            self.received += 1
            self._tools.append(tool)

    def call(self, call: ModelCall) -> PricedCall:
        """Price *call* and decide whether it is billed; return the preliminary decision."""
        if self._book is None:
            self._book = self._load_prices()
        self.received += 1
        key = call.trace_id, call.span_id
        for decided in self._window.offer(price_call(call, self._book)):
            decided_key = decided.call.trace_id, decided.call.span_id
            is_new = decided_key == key or decided_key in self._new
            (self._new if is_new else self._revised)[decided_key] = decided
        return self._new[key]

    def _take_priced(self, call: ModelCall, attributes: Mapping[str, Any]) -> None:
        priced = _as_priced(call, attributes)
        if priced is None:
            self.call(call)
        else:
            self.received += 1
            self._priced_by_sender[call.trace_id, call.span_id] = priced

    def costs(self) -> list[SpanCost]:
        """Return the decisions since the last `settle`, for the trace store."""
        decided = [
            *((priced, False) for priced in self._priced_by_sender.values()),
            *((priced, False) for priced in self._new.values()),
            *((priced, True) for priced in self._revised.values()),
        ]
        return [
            SpanCost(
                priced.call.trace_id.to_bytes(16, "big"),
                (priced.call.span_id % 2**64).to_bytes(8, "big"),
                priced.cost_nano_usd,
                priced.billed,
                revised=revised,
                tokens=_tokens(priced.call),
            )
            for priced, revised in decided
        ]

    def settle(self) -> bool:
        """Pass the settled calls to the other sinks, then write them to the ledger.

        Returns whether all calls so far would survive a kill; True without a ledger.
        """
        new, self._new = list(self._new.values()), {}
        revised, self._revised = list(self._revised.values()), {}
        known, self._priced_by_sender = list(self._priced_by_sender.values()), {}
        if new or revised:
            # Before the ledger: a budget's account opens with the ledger's sum at that time.
            for sink in self._others:
                self._guarded(sink.settle, new, revised)
        if self._ledger is not None and (new or revised or known):
            self._guarded(self._ledger.settle, [*new, *known], revised)
        tools, self._tools = self._tools, []
        if tools and self._tool_sink is not None:
            self._guarded(self._tool_sink.executed, tools)
        return self._stored is None or self._stored.save()

    def flush(self) -> None:
        """Flush the sinks."""
        for sink in (*self._others, *([self._ledger] if self._ledger is not None else [])):
            self._guarded(sink.flush)

    def _guarded(self, action: Callable[..., None], *items: Any) -> None:
        try:
            action(*items)
        except Exception as error:  # an error in one sink must not affect the others
            self._internal_errors.record("account", error)


def _as_priced(call: ModelCall, attributes: Mapping[str, Any]) -> PricedCall | None:
    """Return the decision in *attributes*; None if they are invalid."""
    nano = attributes.get(COST_NANO_USD)
    billed = attributes.get(BILLED)
    try:
        status = CostStatus(str(attributes[COST_STATUS]))
    except ValueError:
        return None
    if not isinstance(billed, bool):
        return None
    if nano is not None and not (type(nano) is int and 0 <= nano <= _LARGEST_NANO_USD):
        return None
    if nano is None and billed and status is not CostStatus.UNPRICED:
        return None
    instead = attributes.get(BILLED_SPAN_ID)
    priced = PricedCall(
        call=call,
        status=status,
        cost_nano_usd=nano,
        reason=_text(attributes.get(COST_REASON)),
        price_source=_text(attributes.get(PRICE_SOURCE)),
        billed=billed,
        billing_reason=_text(attributes.get(BILLING_REASON)) or "decided by its sender",
    )
    if isinstance(instead, str) and len(instead) == 16:
        try:
            priced = replace(priced, billed_span_id=int(instead, 16))
        except ValueError:
            return None
    return priced


def _tokens(call: ModelCall) -> int | None:
    """Return the sum of input and output tokens, within the range of sums; None if unknown."""
    usage = call.usage
    known = [usage.input_tokens, usage.output_tokens] if usage is not None else []
    counts = [count for count in known if count is not None]
    return min(sum(counts), _MOST_TOKENS) if counts else None


def _text(value: object) -> str:
    return value[:300] if isinstance(value, str) else ""
