"""The list of metrics, and one metric as a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.metric_chart import chart
from otel_distro.ui.panels import Cell, Column, Table
from otel_distro.ui.spending import label
from otel_distro.ui.trace_list_page import when
from otel_trace_store.metric_list import MetricRow, list_metrics, read_metric

if TYPE_CHECKING:
    from otel_distro.ui.store_view import StoreView
    from otel_trace_store.reader import StoreReader

_KINDS: Final = {"exponential_histogram": "histogram"}


def content(reader: StoreReader, view: StoreView) -> dict[str, Any]:
    """Return the content of the page."""
    name = view["metric"]
    rows = list_metrics(reader, service=view["service"], text=view["q"])
    values: dict[str, Any] = {
        "table": _table(rows, view),
        "metric": None,
        "series": [],
        "has_any": bool(reader.segments),
    }
    if name:
        series = read_metric(
            reader,
            name,
            service=view["service"],
            since_us=view.since_us or 0,
            until_us=view.until_us,
        )
        values["series"] = [chart(one, place) for place, one in enumerate(series)]
        values["metric"] = name
        values["back"] = view.url("/metrics", metric=None)
    return values


def _table(rows: list[MetricRow], view: StoreView) -> Table:
    columns = [
        Column("metric"),
        Column("service"),
        Column("kind", minor=True),
        Column("series", is_number=True, minor=True),
        Column("last value", is_number=True),
        Column("unit", minor=True),
        Column("last point", minor=True),
    ]
    cells = [
        [
            Cell(
                label(figures.printable(row.name)),
                href=view.url("/metrics", metric=row.name, service=row.service, q=None),
            ),
            Cell(label(figures.printable(row.service))),
            Cell(_KINDS.get(row.kind, row.kind)),
            Cell(figures.count(row.series)),
            Cell("-" if row.last is None else figures.compact(row.last)),
            Cell(figures.printable(row.unit)),
            Cell(when(row.last_us)),
        ]
        for row in rows
    ]
    return Table("Metrics", columns, cells)
