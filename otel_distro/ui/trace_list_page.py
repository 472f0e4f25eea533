"""The list of traces."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.panels import Cell, Column, Table
from otel_distro.ui.spending import label
from otel_trace_store.trace_list import TraceRow, find_traces

if TYPE_CHECKING:
    from otel_distro.ui.store_view import StoreView
    from otel_trace_store.reader import StoreReader

A_PAGE: Final = 50
COLUMNS: Final = (
    Column("trace"),
    Column("service", minor=True),
    Column("began"),
    Column("took", is_number=True),
    Column("spans", is_number=True, minor=True),
    Column("errors", is_number=True),
    Column("calls", is_number=True, minor=True),
    Column("tokens", is_number=True, minor=True),
    Column("cost", is_number=True),
)


def content(reader: StoreReader, view: StoreView) -> dict[str, Any]:
    """Return the content of the page."""
    trace_list = find_traces(
        reader, view.trace_filter(), sort=view.sort, limit=A_PAGE + 1, before=view.before
    )
    page_rows = trace_list.rows[:A_PAGE]
    older = None
    if len(trace_list.rows) > A_PAGE and view.sort == "newest":
        older = view.url("/traces", before=page_rows[-1].place)
    return {
        "table": table(page_rows),
        "complete": trace_list.complete,
        "older": older,
        "newest": view.url("/traces") if view.before else None,
        "has_any": bool(reader.segments),
    }


def table(rows: list[TraceRow]) -> Table:
    """Return *rows* as a table."""
    return Table("Traces, newest first", COLUMNS, [_row(row) for row in rows])


def _row(row: TraceRow) -> list[Cell]:
    name = label(figures.printable(row.name) or row.trace_id[:12])
    if not row.has_root:
        name = f"... {name}"
    return [
        Cell(name, href=f"/trace/{row.trace_id}"),
        Cell(label(figures.printable(row.service))),
        Cell(when(row.start_us), tone="moment"),
        Cell(figures.duration((row.end_us - row.start_us) / 1000)),
        Cell(figures.count(row.spans)),
        Cell(figures.count(row.errors) if row.errors else "", tone="bad" if row.errors else ""),
        Cell(figures.count(row.calls) if row.calls else ""),
        Cell(figures.compact(row.tokens) if row.tokens is not None else ""),
        Cell(cost_of(row)),
    ]


def cost_of(row: TraceRow) -> str:
    """Return the cost of the model calls of a trace; empty if there are none."""
    if not row.calls:
        return ""
    return figures.cost(row.nano_usd or 0, calls=row.calls, unpriced=row.unpriced)


def when(at_us: int) -> str:
    """Return a time in UTC, to the millisecond."""
    try:
        at = datetime.fromtimestamp(at_us / 1e6, UTC)
    except (ValueError, OverflowError, OSError):
        return "-"
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"
