"""Services and operations: rates, errors, durations, and calls between services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.markup import element
from otel_distro.ui.panels import Cell, Column, Table
from otel_distro.ui.spending import label
from otel_distro.ui.store_view import microseconds
from otel_trace_store.operations import OperationSums, by_service, operation_sums
from otel_trace_store.service_map import service_edges

if TYPE_CHECKING:
    from markupsafe import Markup

    from otel_distro.ui.store_view import StoreView
    from otel_trace_store.reader import StoreReader

MOST: Final = 200
_IN_MAP: Final = 16
_WIDTH, _ROW, _BOX = 980, 54, 190
_COLUMNS: Final = (
    Column("spans", is_number=True),
    Column("errors", is_number=True),
    Column("p50", is_number=True, minor=True),
    Column("p95", is_number=True),
    Column("p99", is_number=True, minor=True),
)


def content(reader: StoreReader, view: StoreView) -> dict[str, Any]:
    """Return the content of the page."""
    until = microseconds(view.now)
    operations = operation_sums(reader, view.since_us or 0, until + 3_600_000_000)
    services = by_service(operations)
    chosen = view["service"]
    shown = [one for one in operations if chosen in {"", one.service}]
    edges = service_edges(reader, view.since_us)
    return {
        "services_table": Table(
            "Services",
            (Column("service"), *_COLUMNS),
            [
                [
                    Cell(
                        label(figures.printable(one.service)),
                        href=view.url("/services", service=one.service),
                    ),
                    *_figures(one),
                ]
                for one in services[:MOST]
            ],
        ),
        "operations_table": Table(
            "Operations",
            (Column("operation"), Column("service", minor=True), *_COLUMNS),
            [
                [
                    Cell(
                        label(figures.printable(one.name)),
                        href=view.url("/traces", operation=one.name, service=one.service),
                    ),
                    Cell(label(figures.printable(one.service))),
                    *_figures(one),
                ]
                for one in shown[:MOST]
            ],
        ),
        "map": _map(edges) if edges else None,
        "edges_table": Table(
            "Calls between services",
            (
                Column("caller"),
                Column("called"),
                Column("calls", is_number=True),
                Column("errors", is_number=True),
            ),
            [
                [
                    Cell(label(figures.printable(caller))),
                    Cell(label(figures.printable(called))),
                    Cell(figures.count(calls)),
                    Cell(figures.count(errors) if errors else "", tone="bad" if errors else ""),
                ]
                for (caller, called), (calls, errors) in list(edges.items())[:MOST]
            ],
        ),
        "has_any": bool(reader.segments),
    }


def _figures(sums: OperationSums) -> list[Cell]:
    share = sums.errors / sums.spans if sums.spans else 0.0
    errors = f"{figures.count(sums.errors)} ({figures.percent(share)})" if sums.errors else ""
    return [
        Cell(figures.count(sums.spans)),
        Cell(errors, tone="bad" if sums.errors else ""),
        *[Cell(_percentile(sums, at)) for at in (0.5, 0.95, 0.99)],
    ]


def _percentile(sums: OperationSums, share: float) -> str:
    us = sums.percentile_us(share)
    return figures.duration(None if us is None else us / 1000)


def _map(edges: dict[tuple[str, str], tuple[int, int]]) -> Markup:
    """Draw services in columns by their distance from the entry services."""
    names = list(dict.fromkeys(name for edge in edges for name in edge))[:_IN_MAP]
    edges_shown = {edge: sums for edge, sums in edges.items() if set(edge) <= set(names)}
    columns = _columns(names, list(edges_shown))
    width = max(columns.values()) + 1
    places: dict[str, tuple[float, float]] = {}
    heights: dict[int, int] = {}
    for name in names:
        column = columns[name]
        row = heights.get(column, 0)
        heights[column] = row + 1
        step = (_WIDTH - _BOX) / max(1, width - 1)
        places[name] = (step * column if width > 1 else (_WIDTH - _BOX) / 2, _ROW * row)
    most = max(calls for calls, _ in edges_shown.values())
    parts: list[Markup] = []
    for (caller, called), (calls, errors) in edges_shown.items():
        parts.append(_edge(places[caller], places[called], calls / most, calls, failed=errors > 0))
    for name in names:
        x, y = places[name]
        parts.append(element("rect", class_="node", x=x, y=y + 8, width=_BOX, height=30, rx=7))
        display_name = label(figures.printable(name))
        display_name = display_name if len(display_name) <= 24 else f"{display_name[:23]}…"
        parts.append(element("text", display_name, class_="node-name", x=x + _BOX / 2, y=y + 28))
    height = _ROW * max(heights.values()) + 6
    title = element("title", f"{len(names)} services and the calls between them")
    return element(
        "svg",
        title,
        *parts,
        class_="service-map",
        viewBox=f"0 0 {_WIDTH} {height}",
        width="100%",
        role="img",
    )


def _columns(names: list[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    columns = dict.fromkeys(names, 0)
    for _ in range(len(names)):  # as many rounds as the longest acyclic path has steps
        changed = False
        for caller, called in edges:
            if columns[called] <= columns[caller] < min(4, len(names) - 1):
                columns[called] = columns[caller] + 1
                changed = True
        if not changed:
            break
    return columns


def _edge(
    start: tuple[float, float],
    end: tuple[float, float],
    share: float,
    calls: int,
    *,
    failed: bool,
) -> Markup:
    forward = end[0] > start[0]
    x1, y1 = start[0] + (_BOX if forward else 0), start[1] + 23
    x2, y2 = end[0] + (0 if forward else _BOX), end[1] + 23
    middle = (x1 + x2) / 2
    path = f"M{x1:.0f} {y1:.0f} C{middle:.0f} {y1:.0f} {middle:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    line = element(
        "path",
        d=path,
        class_="edge failed" if failed else "edge",
        stroke_width=round(1.2 + 4 * share, 1),
    )
    text = element(
        "text", figures.compact(calls), class_="edge-calls", x=middle, y=(y1 + y2) / 2 - 4
    )
    return element("g", line, text)
