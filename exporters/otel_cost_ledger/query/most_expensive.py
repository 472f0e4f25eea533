"""The most expensive calls of a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.model.filters import BILLED
from otel_cost_ledger.model.schema import NS_PER_HOUR
from otel_cost_ledger.model.sums import MOST_EXPENSIVE
from otel_cost_ledger.query.calls import read_calls
from otel_cost_ledger.query.model_names import with_same_models

if TYPE_CHECKING:
    from otel_cost_ledger.model.filters import Filters, Window
    from otel_cost_ledger.query.calls import StoredCall
    from otel_cost_ledger.query.ledger import Ledger


def most_expensive_calls(
    ledger: Ledger, window: Window, filters: Filters
) -> tuple[StoredCall, ...]:
    """Return at most `MOST_EXPENSIVE` calls with a known cost, the most expensive first."""
    if not ledger.counts_rows or filters.names():
        return _among_rows(ledger, window, filters)
    first, end = window.whole(NS_PER_HOUR)
    found = list(_of_hours(ledger, first, end)) if first < end else []
    for edge in window.edges(NS_PER_HOUR):
        found += _among_rows(ledger, edge, filters)
    found.sort(key=lambda one: (one.priced.cost_nano_usd or 0, one.priced.call.start_ns))
    return tuple(found[: -MOST_EXPENSIVE - 1 : -1])


def _among_rows(ledger: Ledger, window: Window, filters: Filters) -> tuple[StoredCall, ...]:
    conditions, values = with_same_models(ledger, filters).conditions("calls")
    return read_calls(
        ledger,
        ["start_ns >= ?", "start_ns < ?", BILLED, "cost_nano_usd > 0", *conditions],
        [window.since_ns, window.until_ns, *values],
        order="cost_nano_usd DESC, start_ns DESC",
        limit=MOST_EXPENSIVE,
    )


def _of_hours(ledger: Ledger, first: int, end: int) -> tuple[StoredCall, ...]:
    """Return the most expensive calls of whole hours, merged from those stored for each hour."""
    keys = list(
        ledger.rows(
            "SELECT start_ns, span_id FROM dearest_hours WHERE hour >= ? AND hour < ?"
            " ORDER BY cost_nano_usd DESC, start_ns DESC LIMIT ?",
            [first, end, MOST_EXPENSIVE],
        )
    )
    if not keys:
        return ()
    marks = ", ".join("?" * len(keys))
    return read_calls(
        ledger,
        [f"start_ns IN ({marks})", f"span_id IN ({marks})", BILLED],
        [*(start for start, _ in keys), *(span for _, span in keys)],
        order="cost_nano_usd DESC, start_ns DESC",
    )
