"""Priced calls from archives that are not stored yet."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otel_pricing import (
    LogRecord,
    PriceBook,
    PricedCall,
    SpanRecord,
    call_of_log,
    price_call,
    read_call,
)
from otel_pricing.model.instrumentations import BATCH_SCOPE
from otel_pricing.reading.tools import read_tool_call

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger
    from otel_pricing.model.tool_call import ToolCall
    from otel_pricing.reading.otlp_records import SpanLink

_OTHER_SPANS: Final = "spans without a model call"
_OTHER_LOG_RECORDS: Final = "log records without a model call"
_MOST_PARENTS: Final = 50_000
"""Number of spans whose parent is remembered; calls further apart match by id, time and tokens."""


@dataclass(slots=True)
class UnstoredCalls:
    """Calls read from the files and not stored yet."""

    calls: dict[tuple[int, int], PricedCall] = field(default_factory=dict)
    # A plain dict looks through all its removed entries for the first one that is left.
    parents: OrderedDict[tuple[int, int], int | None] = field(default_factory=OrderedDict)
    tools: list[ToolCall] = field(default_factory=list)
    spans: int = 0
    log_records: int = 0
    tool_calls: int = 0
    problems: int = 0
    known: int = 0
    """Batch results that were already in the ledger."""
    passed: Counter[str] = field(default_factory=Counter)

    def take(self, record: SpanRecord | LogRecord, book: PriceBook) -> None:
        """Count *record*, and price its call."""
        if isinstance(record, SpanRecord):
            self.spans += 1
            self._link(record.trace_id, record.span_id, record.parent_span_id)
            call = read_call(record)
            tool = read_tool_call(record) if call is None else None
            if tool is not None:
                self.tools.append(tool)
                self.tool_calls += 1
                return
        else:
            self.log_records += 1
            call = call_of_log(record)
        if call is None:
            other = _OTHER_SPANS if isinstance(record, SpanRecord) else _OTHER_LOG_RECORDS
            self.passed[other] += 1
        else:
            self.calls[call.trace_id, call.span_id] = price_call(call, book)

    def pass_by(self, link: SpanLink) -> None:
        """Count a span that is neither a model call nor the execution of a tool."""
        self.spans += 1
        self.passed[_OTHER_SPANS] += 1
        self._link(*link)

    def forget_known_results(self, ledger: Ledger) -> None:
        """Drop batch results that are already in *ledger*.

        They may have no time, which is part of the key of all other calls.
        """
        results = {key for key, p in self.calls.items() if p.call.scope == BATCH_SCOPE}
        if not results:
            return
        from otel_cost_ledger.query.span_ids import span_ids

        stored = span_ids(ledger, BATCH_SCOPE)
        for key in results:
            if key[1] in stored:
                del self.calls[key]
                self.known += 1

    def _link(self, trace_id: int, span_id: int, parent: int | None) -> None:
        if len(self.parents) >= _MOST_PARENTS:
            self.parents.popitem(last=False)
        self.parents[trace_id, span_id] = parent
