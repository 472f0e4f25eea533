"""Comparison of two traces or two windows, by operation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.panels import Cell, Column, Table
from otel_distro.ui.spending import label
from otel_distro.ui.store_view import WINDOWS, microseconds, trace_id_in
from otel_distro.ui.trace_tree import build_tree
from otel_trace_store.one_trace import read_trace, read_trace_costs
from otel_trace_store.operations import operation_sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_distro.ui.store_view import StoreView
    from otel_trace_store.reader import StoreReader

_MOST: Final = 200
_HOUR_US: Final = 3_600_000_000
_DEFAULT: Final = "24h"


@dataclass(slots=True)
class _Side:
    """The figures of one side for an operation."""

    spans: int = 0
    errors: int = 0
    us: float = 0.0
    """Total self time for traces, the 95th percentile for windows."""
    nano: int = 0

    @property
    def weight(self) -> float:
        """Sort key of the operation."""
        return self.us * max(1, self.spans)


def content(reader: StoreReader, view: StoreView, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of the page."""
    first, second = trace_id_in(query.get("a", "")), trace_id_in(query.get("b", ""))
    values: dict[str, Any] = {
        "a": first,
        "b": second,
        "has_any": bool(reader.segments),
        "problem": "",
        "leads": None,
        "table": None,
        "what": "traces" if first or second else "windows",
    }
    if first or second:
        if first and second:
            _compare_traces(reader, first, second, values)
        return values
    _compare_windows(reader, view, values)
    return values


def _compare_traces(reader: StoreReader, first: str, second: str, values: dict[str, Any]) -> None:
    sides = []
    leads = []
    for trace_id in (first, second):
        raw = bytes.fromhex(trace_id)
        spans = read_trace(reader, raw)
        if not spans:
            values["problem"] = f"Trace {trace_id} is not stored."
            return
        tree = build_tree(spans, read_trace_costs(reader, raw))
        sums: dict[tuple[str, str], _Side] = defaultdict(_Side)
        for node in tree.order:
            side = sums[node.span.service, node.span.name]
            side.spans += 1
            side.errors += node.span.failed
            side.us += node.self_ns / 1000
            if node.cost is not None and node.cost.billed:
                side.nano += node.cost.nano_usd or 0
        sides.append(sums)
        nano = sum(side.nano for side in sums.values())
        leads.append(
            f"{figures.duration(tree.duration_ns / 1e6)}, "
            f"{figures.counted(len(tree.order), 'span')}, {figures.usd(nano)}"
        )
    values["leads"] = leads
    values["table"] = _table(sides[0], sides[1], "self time", with_cost=True)


def _compare_windows(reader: StoreReader, view: StoreView, values: dict[str, Any]) -> None:
    name = view.window if WINDOWS[view.window][1] is not None else _DEFAULT
    length = WINDOWS[name][1]
    assert length is not None  # noqa: S101 - the default has one
    # Sums are kept by the hour, so both windows are whole hours.
    length_us = max(_HOUR_US, microseconds(view.now) - microseconds(view.now - length))
    until = (microseconds(view.now) // _HOUR_US + 1) * _HOUR_US
    sides = []
    for end in (until - length_us, until):
        sums: dict[tuple[str, str], _Side] = {}
        for one in operation_sums(reader, end - length_us, end - 1):
            if view["service"] in {"", one.service}:
                p95 = one.percentile_us(0.95) or 0.0
                sums[one.service, one.name] = _Side(one.spans, one.errors, p95)
        sides.append(sums)
    values["leads"] = [f"the {WINDOWS[name][0][5:]} before", WINDOWS[name][0].lower()]
    values["table"] = _table(sides[0], sides[1], "p95", with_cost=False)


def _table(
    first: Mapping[tuple[str, str], _Side],
    second: Mapping[tuple[str, str], _Side],
    time: str,
    *,
    with_cost: bool,
) -> Table:
    columns = [
        Column("operation"),
        Column("service", minor=True),
        Column("spans, A", is_number=True, minor=True),
        Column("spans, B", is_number=True),
        Column("errors, A", is_number=True, minor=True),
        Column("errors, B", is_number=True),
        Column(f"{time}, A", is_number=True),
        Column(f"{time}, B", is_number=True),
        Column("change", is_number=True),
    ]
    if with_cost:
        columns += [Column("cost, A", is_number=True), Column("cost, B", is_number=True)]
    none = _Side()
    pairs = [(key, first.get(key, none), second.get(key, none)) for key in {*first, *second}]
    pairs.sort(key=lambda pair: -abs(pair[2].weight - pair[1].weight))
    rows = []
    for key, a, b in pairs[:_MOST]:
        change, tone = _change(a, b)
        row = [
            Cell(label(figures.printable(key[1]))),
            Cell(label(figures.printable(key[0]))),
            Cell(figures.count(a.spans) if a.spans else "-"),
            Cell(figures.count(b.spans) if b.spans else "-"),
            Cell(figures.count(a.errors) if a.errors else ""),
            Cell(
                figures.count(b.errors) if b.errors else "",
                tone="bad" if b.errors > a.errors else "",
            ),
            Cell(figures.duration(a.us / 1000) if a.spans else "-"),
            Cell(figures.duration(b.us / 1000) if b.spans else "-"),
            Cell(change, tone=tone),
        ]
        if with_cost:
            row += [Cell(figures.usd(side.nano) if side.nano else "") for side in (a, b)]
        rows.append(row)
    return Table("By operation", columns, rows)


def _change(a: _Side, b: _Side) -> tuple[str, str]:
    if not a.spans:
        return "new", ""
    if not b.spans:
        return "gone", "muted"
    if not a.us:
        return "", ""
    ratio = b.us / a.us
    if 0.95 < ratio < 1.05:
        return "same", "muted"
    return f"{ratio:.2g} x", "bad" if ratio > 1.5 else ""
