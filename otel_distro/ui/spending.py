"""Panels of cost: spend over time, unpriced calls, most expensive calls."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.query.breakdown import APART
from otel_distro.base import formatting as figures
from otel_distro.ui.charts import Series, bars, share_bar, swatch
from otel_distro.ui.panels import Cell, Column, Key, Panel, Tab, Table, pending
from otel_distro.ui.view import BY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_cost_ledger.query.breakdown import Breakdown, NameSums
    from otel_cost_ledger.query.calls import StoredCall
    from otel_distro.ui.ledger_queries import LedgerQueries
    from otel_distro.ui.view import View

NAMELESS: Final = "(not set)"
_MOST_ROWS: Final = 50
_HEIGHT: Final = 290


def spend(queries: LedgerQueries) -> Panel:
    """Return spend over time, stacked by the view's breakdown."""
    view = queries.view
    tabs = [Tab(name, view.url(by=name), name == view.by) for name in BY]
    result = queries.breakdown()
    breakdown = result.value
    more = {"tabs": tabs, "tabs_label": "Break spend down by"}
    if breakdown is None:
        return pending("spend", "Spend", "main", queries.rows, **more)
    total = shown(breakdown.total)
    series, keys = _coloured(view, breakdown)
    title = f"Spend by {view.by}, {view.title.lower()}: {total}."
    return Panel(
        "spend",
        "Spend",
        "main",
        lead=f"{total} by {view.by}, per {view.unit}",
        figure=bars(title, view.steps, series, _usd, figures.usd_axis, height=_HEIGHT),
        legend=keys,
        tabs=tabs,
        tabs_label="Break spend down by",
        table=_spend_table(view, breakdown),
        folded=True,
        notes=_spend_notes(breakdown.total.unpriced_calls, current=result.current),
        pending=not result.current,
    )


def _usd(nano: float) -> str:
    return figures.usd_short(round(nano))


def shown(sums: NameSums) -> str:
    """Return the cost of calls as text, with its unknown parts."""
    return figures.cost(
        sums.cost_nano_usd,
        calls=sums.calls,
        unpriced=sums.unpriced_calls,
        shown=figures.usd_short,
    )


def _coloured(view: View, breakdown: Breakdown) -> tuple[list[Series], list[Key]]:
    values: list[list[float | None]] = [[0.0] * len(view.steps) for _ in range(APART + 1)]
    for at_ns, place, cost in breakdown.steps:
        step = view.place(at_ns)
        values[place][step] = (values[place][step] or 0) + cost
    series, keys = [], []
    rest = breakdown.total
    for place, one in enumerate(breakdown.names[:APART]):
        style = f"s{place}"
        series.append(Series(label(one.name), values[place], style))
        keys.append(Key(label(one.name), swatch(style), shown(one), _only(view, one.name)))
        rest = rest.minus(one)
    if breakdown.count > APART:
        series.append(Series("others", values[APART], "rest"))
        keys.append(Key(f"{breakdown.count - APART:,} others", swatch("rest"), shown(rest)))
    return series, keys


def _only(view: View, name: str) -> str | None:
    """Return the view filtered by one name; None without a name."""
    return view.url(**{view.by: name}) if name else None


def label(name: str) -> str:
    """Return a name for display, with a label for a missing one."""
    return figures.printable(name) if name else NAMELESS


def _spend_table(view: View, breakdown: Breakdown) -> Table:
    total = breakdown.total.cost_nano_usd
    rows = []
    for one in breakdown.names:
        share = one.cost_nano_usd / total if total else 0.0
        rows.append(
            [
                Cell(label(one.name), href=_only(view, one.name)),
                Cell(shown(one), bar=share_bar(share)),
                Cell(figures.percent(share) if total else "-"),
                Cell(figures.count(one.calls)),
                Cell(figures.count(one.unpriced_calls) if one.unpriced_calls else "-"),
            ]
        )
    columns = [
        Column(view.by),
        Column("spend", is_number=True),
        Column("share", is_number=True, minor=True),
        Column("calls", is_number=True),
        Column("unpriced", is_number=True),
    ]
    listed = len(breakdown.names)
    more = f", the first {listed} of {breakdown.count:,}" if breakdown.count > listed else ""
    return Table(f"Spend by {view.by}{more}", columns, rows)


def _spend_notes(unpriced: int, *, current: bool) -> list[str]:
    notes = [] if current else ["A newer count is in progress."]
    if unpriced:
        verb = "has" if unpriced == 1 else "have"
        notes.append(
            f"{figures.counted(unpriced, 'call')} {verb} no price and {verb} no bar: "
            "unknown is not zero."
        )
    return notes


def exposure(queries: LedgerQueries) -> Panel:
    """Return the possible additional cost of calls without a full price."""
    title, size = "Unpriced exposure", "third"
    result = queries.sums()
    if result.value is None:
        return pending("exposure", title, size, queries.rows)
    lines = [line for line in result.value if line.status in {"unpriced", "partial"}]
    if not lines:
        return Panel("exposure", title, size, empty="Every call in this window has a full price.")
    calls: dict[tuple[str, str], int] = defaultdict(int)
    most: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        key = line.model, line.reason or line.status
        calls[key] += line.calls
        most[key] += line.exposure_nano_usd
    order = sorted(calls, key=lambda key: (-most[key], -calls[key], key))
    rows = [
        [
            Cell(label(key[0]), href=queries.view.url(model=key[0]) if key[0] else None),
            Cell(figures.count(calls[key])),
            Cell(figures.usd_short(most[key]) if most[key] else figures.UNKNOWN),
            Cell(figures.printable(key[1]), tone="muted"),
        ]
        for key in order[:_MOST_ROWS]
    ]
    columns = [
        Column("model"),
        Column("calls", is_number=True),
        Column("at most", is_number=True),
        Column("why", minor=True),
    ]
    total = sum(most.values())
    known = (
        f"at most {figures.usd_short(total)} in addition to the known cost"
        if total
        else "no known bound"
    )
    counted = figures.counted(sum(calls.values()), "call")
    return Panel(
        "exposure",
        title,
        size,
        lead=f"{counted}, {known}",
        table=Table("Calls without a full price", columns, rows),
        notes=[
            (
                "Declare a price in the file of OTEL_DISTRO_PRICES, "
                "then run `otel-distro ledger reprice`."
            )
        ],
    )


def most_expensive(queries: LedgerQueries) -> Panel:
    """Return the most expensive calls."""
    result = queries.most_expensive()
    if result.value is None:
        return pending("dearest", "Most expensive calls", "wide", queries.rows)
    return Panel(
        "dearest",
        "Most expensive calls",
        "wide",
        lead="one row per call; the time links to the trace",
        table=call_table("Most expensive calls", result.value, queries.view),
        empty="" if result.value else "No call in this window has a known cost above zero.",
        pending=not result.current,
    )


def call_table(caption: str, calls: Sequence[StoredCall], view: View | None = None) -> Table:
    """Return single calls as a table, each linked to its trace, and in a *view* to its session."""
    columns = [
        Column("time (UTC)"),
        Column("model"),
        Column("cost", is_number=True),
        Column("input", is_number=True, minor=True),
        Column("output", is_number=True, minor=True),
        Column("latency", is_number=True, minor=True),
        Column("service", minor=True),
        Column("tenant", minor=True),
        Column("session", minor=True),
        Column("outcome"),
    ]
    return Table(caption, columns, [_call_row(stored, view) for stored in calls])


def _call_row(stored: StoredCall, view: View | None) -> list[Cell]:
    priced, call = stored.priced, stored.priced.call
    usage = call.usage
    began = datetime.fromtimestamp(call.start_ns / 1e9, UTC)
    outcome = label(call.error_type) if call.error_type else priced.status.value
    tone = "bad" if call.failed else "warn" if priced.cost_nano_usd is None else "muted"
    return [
        Cell(f"{began:%Y-%m-%d %H:%M:%S}", href=trace_path(stored), tone="mono"),
        Cell(label(call.model)),
        Cell(figures.usd_short(priced.cost_nano_usd)),
        Cell(figures.count(usage.input_tokens if usage else None)),
        Cell(figures.count(usage.output_tokens if usage else None)),
        Cell(figures.duration(stored.latency_ms)),
        Cell(label(call.service)),
        Cell(label(call.tenant or "")),
        _session_cell(call.session, view),
        Cell(outcome if priced.billed else "not billed", tone=tone),
    ]


def _session_cell(session: str | None, view: View | None) -> Cell:
    href = view.url("/calls", session=session) if session and view is not None else None
    return Cell(session or "-", href=href, tone="mono")


def trace_path(stored: StoredCall) -> str:
    """Return the page of the trace of *stored*; its time avoids reading all rows."""
    call = stored.priced.call
    return f"/trace/{call.trace_id:032x}?at={call.start_ns}"
