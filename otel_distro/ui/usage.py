"""Panels of tokens, errors, latency violations and redactions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from otel_distro.base import formatting as figures
from otel_distro.base.error_categories import categorise
from otel_distro.ui.charts import Series, bars, share_bar, swatch
from otel_distro.ui.panels import Cell, Column, Key, Panel, Table, pending
from otel_distro.ui.spending import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_cost_ledger.query.timeline import Sums
    from otel_distro.ui.ledger_queries import LedgerQueries

_MOST_ROWS: Final = 12
_KINDS: Final = (
    ("input", "s0"),
    ("cache read", "s4"),
    ("cache write", "s2"),
    ("output", "s1"),
    ("reasoning", "s3"),
)
"""Disjoint parts: fresh input, cached input, output without reasoning, reasoning."""


def token_parts(line: Sums) -> tuple[int, int, int, int, int]:
    """Return the tokens of *line* by part of the token mix; they add up to the total."""
    fresh = max(0, line.input_tokens - line.cache_read_tokens - line.cache_write_tokens)
    plain = max(0, line.output_tokens - line.reasoning_tokens)
    return fresh, line.cache_read_tokens, line.cache_write_tokens, plain, line.reasoning_tokens


def tokens(queries: LedgerQueries) -> Panel:
    """Return the token mix over time, with the cached share of input."""
    result = queries.sums()
    if result.value is None:
        return pending("tokens", "Tokens", "half", queries.rows)
    view = queries.view
    values: list[list[float | None]] = [[0.0] * len(view.steps) for _ in _KINDS]
    totals = [0] * len(_KINDS)
    hits = inputs = 0
    for line in result.value:
        place = view.place(line.at_ns)
        for kind, amount in enumerate(token_parts(line)):
            values[kind][place] = (values[kind][place] or 0) + amount
            totals[kind] += amount
        hits += line.cache_read_tokens
        inputs += line.input_tokens
    if not sum(totals):
        return Panel("tokens", "Tokens", empty="No call in this window reports tokens.")
    series = [
        Series(name, values[kind], style)
        for kind, (name, style) in enumerate(_KINDS)
        if totals[kind]
    ]
    hit_rate = figures.percent(hits / inputs) if inputs else "-"
    all_tokens = sum(totals)
    table = Table(
        "Token mix",
        [Column("part"), Column("tokens", is_number=True), Column("share", is_number=True)],
        [
            [
                Cell(name),
                Cell(figures.count(totals[kind]), bar=share_bar(totals[kind] / all_tokens, style)),
                Cell(figures.percent(totals[kind] / all_tokens)),
            ]
            for kind, (name, style) in enumerate(_KINDS)
        ],
    )
    return Panel(
        "tokens",
        "Tokens",
        lead=f"{figures.compact(all_tokens)} tokens, {hit_rate} of the input from a cache",
        figure=bars(
            f"Tokens, {view.title.lower()}: {all_tokens:,}.",
            view.steps,
            series,
            lambda value: f"{value:,.0f}",
            figures.compact,
            whole=True,
        ),
        legend=[
            Key(name, swatch(style), figures.compact(totals[kind]))
            for kind, (name, style) in enumerate(_KINDS)
            if totals[kind]
        ],
        table=table,
        folded=True,
        pending=not result.current,
    )


def errors(queries: LedgerQueries) -> Panel:
    """Return failed calls over time and by error class."""
    result = queries.sums()
    if result.value is None:
        return pending("errors", "Errors", "half", queries.rows)
    view = queries.view
    failed = [line for line in result.value if line.failed]
    calls = sum(line.calls for line in result.value)
    count = sum(line.calls for line in failed)
    if not failed:
        return Panel("errors", "Errors", empty="No call failed in this window.")
    by_class: Counter[tuple[str, int]] = Counter()
    values: list[float | None] = [0.0] * len(view.steps)
    for line in failed:
        by_class[line.error_type, line.http_status_code] += line.calls
        place = view.place(line.at_ns)
        values[place] = (values[place] or 0) + line.calls
    rows = [
        [
            Cell(label(name), href=view.url(error_type=name) if name else None),
            Cell(str(code) if code else "-"),
            Cell(categorise(name, code or None).value, tone="muted"),
            Cell(figures.count(number), bar=share_bar(number / count, "bad")),
        ]
        for (name, code), number in by_class.most_common(_MOST_ROWS)
    ]
    columns = [
        Column("error"),
        Column("HTTP", is_number=True),
        Column("kind", minor=True),
        Column("calls", is_number=True),
    ]
    return Panel(
        "errors",
        "Errors",
        lead=f"{count:,} of {figures.counted(calls, 'call')} failed "
        f"({figures.percent(count / calls)})",
        figure=bars(
            f"Failed calls, {view.title.lower()}: {count:,}.",
            view.steps,
            [Series("failed", values, "bad")],
            lambda value: figures.counted(round(value), "failed call"),
            figures.compact,
            whole=True,
        ),
        table=Table("Errors by class", columns, rows),
        pending=not result.current,
    )


def violations(queries: LedgerQueries) -> Panel:
    """Return the latency budgets that were exceeded."""
    result = queries.violations()
    sums = result.value
    if sums is None:
        return pending("violations", "Latency budgets", "third", queries.rows)
    if not sums:
        return Panel("violations", "Latency budgets", "third", empty="All latency budgets met.")
    most = max(line.count for line in sums)
    rows = [
        [
            Cell(label(line.operation)),
            Cell(figures.count(line.count), bar=share_bar(line.count / most, "bad")),
            Cell(figures.duration(line.avg_overage_ms)),
            Cell(figures.duration(line.max_overage_ms)),
        ]
        for line in sums[:_MOST_ROWS]
    ]
    columns = [
        Column("operation"),
        Column("exceeded", is_number=True),
        Column("average overage", is_number=True),
        Column("max. overage", is_number=True, minor=True),
    ]
    total = sum(line.count for line in sums)
    notes = ["Filters do not apply here."] if queries.view.active_filters() else []
    return Panel(
        "violations",
        "Latency budgets",
        "third",
        lead=f"exceeded {figures.counted(total, 'time')}",
        table=Table("Exceeded latency budgets by operation", columns, rows),
        notes=notes,
        pending=not result.current,
    )


def redactions(tally: Sequence[tuple[int, Mapping[str, int]]], queries: LedgerQueries) -> Panel:
    """Return the number of redacted values by kind.

    *tally* has the counts by kind of each day; the key is the day's start.
    """
    view, title = queries.view, "Redactions"
    found: Counter[str] = Counter()
    for at_ns, counts in tally:
        if view.window.since_ns - 86_400_000_000_000 < at_ns < view.window.until_ns:
            found.update(counts)
    if not found:
        return Panel("redactions", title, "third", empty="Nothing was redacted in this window.")
    most = max(found.values())
    rows = [
        [Cell(label(kind)), Cell(figures.count(number), bar=share_bar(number / most, "s2"))]
        for kind, number in found.most_common(_MOST_ROWS)
    ]
    total = figures.counted(sum(found.values()), "value")
    return Panel(
        "redactions",
        title,
        "third",
        lead=f"{total} redacted before export, whole days",
        table=Table("Redactions by kind", [Column("kind"), Column("values", is_number=True)], rows),
        notes=["Filters do not apply here."] if view.active_filters() else [],
    )
