"""Sessions: conversations across traces, with their costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.panels import Cell, Column, Table
from otel_distro.ui.spending import label
from otel_distro.ui.trace_list_page import when
from otel_trace_store.sessions import find_sessions

if TYPE_CHECKING:
    from otel_distro.ui.store_view import StoreView
    from otel_trace_store.reader import StoreReader
    from otel_trace_store.sessions import SessionRow

MOST: Final = 100
_COLUMNS: Final = (
    Column("session"),
    Column("service"),
    Column("last seen"),
    Column("lasted", is_number=True, minor=True),
    Column("traces", is_number=True),
    Column("spans", is_number=True, minor=True),
    Column("errors", is_number=True),
    Column("calls", is_number=True, minor=True),
    Column("cost", is_number=True),
)


def content(reader: StoreReader, view: StoreView) -> dict[str, Any]:
    """Return the content of the page."""
    rows = find_sessions(reader, text=view["q"], since_us=view.since_us, most=MOST)
    return {
        "table": Table("Sessions, newest first", _COLUMNS, [_row(row, view) for row in rows]),
        "most": MOST,
        "full": len(rows) >= MOST,
        "has_any": bool(reader.segments),
    }


def _row(row: SessionRow, view: StoreView) -> list[Cell]:
    cost = ""
    if row.calls:
        cost = figures.cost(row.nano_usd, calls=row.calls, unpriced=row.unpriced)
    return [
        Cell(
            label(figures.printable(row.session)),
            href=view.url("/traces", session=row.session, q=None),
        ),
        Cell(label(figures.printable(row.service))),
        Cell(when(row.end_us)),
        Cell(figures.duration((row.end_us - row.start_us) / 1000)),
        Cell(figures.count(row.traces)),
        Cell(figures.count(row.spans)),
        Cell(figures.count(row.errors) if row.errors else "", tone="bad" if row.errors else ""),
        Cell(figures.count(row.calls) if row.calls else ""),
        Cell(cost),
    ]
