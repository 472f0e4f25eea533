"""Rows of latency violations and tool executions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.model.entries import ToolKey, ToolRow, ViolationRow, microseconds
from otel_cost_ledger.model.histogram import MAX_LATENCY_US
from otel_cost_ledger.model.rows import MAX_TIME_NS, signed_64, trace_bytes
from otel_cost_ledger.model.schema import NS_PER_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.model.entries import LatencyViolation
    from otel_pricing.model.tool_call import ToolCall


def violation_row(violation: LatencyViolation, clean: Callable[[str], str]) -> ViolationRow:
    """Return the row that the ledger stores for *violation*; *clean* is applied to its name."""
    return ViolationRow(
        at_ns=violation.at_ns,
        span_id=signed_64(violation.span_id),
        operation=clean(violation.operation),
        trace_id=trace_bytes(violation.trace_id),
        budget_us=microseconds(violation.budget_ms),
        actual_us=microseconds(violation.actual_ms),
    )


def tool_row(call: ToolCall, clean: Callable[[str], str]) -> ToolRow:
    """Return the row that the ledger stores for *call*; *clean* is applied to its names."""
    duration_us = None
    if call.duration_ns is not None:
        duration_us = min(max(0, call.duration_ns // NS_PER_US), MAX_LATENCY_US)
    return ToolRow(
        start_ns=min(max(0, call.start_ns), MAX_TIME_NS),
        span_id=signed_64(call.span_id),
        place=call.place,
        trace_id=trace_bytes(call.trace_id),
        tool=ToolKey(
            service=clean(call.service),
            tool=clean(call.tool),
            agent=clean(call.agent),
            source=call.source,
            error_type=clean(call.error_type),
            failed=int(call.failed),
        ),
        duration_us=duration_us,
    )
