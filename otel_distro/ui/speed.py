"""Panels of latency and time to first token, over time and by model."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.histogram import percentile
from otel_distro.base import formatting as figures
from otel_distro.ui.charts import Series, lines, share_bar, swatch
from otel_distro.ui.panels import Cell, Column, Key, Panel, Table, pending
from otel_distro.ui.spending import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_distro.ui.ledger_queries import LedgerQueries
    from otel_distro.ui.view import View

PERCENTS: Final = ((50, "p50", "p50"), (95, "p95", "p95"), (99, "p99", "p99"))
_MODELS: Final = 500


def latency(queries: LedgerQueries) -> Panel:
    """Return p50, p95 and p99 of latency over time."""
    result = queries.latencies()
    if result.value is None:
        return pending("latency", "Latency", "half", queries.rows)
    return _percentiles(
        "latency",
        "Latency",
        queries.view,
        result.value,
        nothing="No latencies for this window: retention has removed its calls.",
        current=result.current,
    )


def first_token(queries: LedgerQueries) -> Panel:
    """Return p50, p95 and p99 of the time to first token over time."""
    result = queries.first_tokens()
    if result.value is None:
        return pending("first-token", "Time to first token", "half", queries.rows)
    return _percentiles(
        "first-token",
        "Time to first token",
        queries.view,
        result.value,
        nothing="No call in this window has a time to first token; streamed calls have one.",
        current=result.current,
    )


def milliseconds(durations: Mapping[int, int], percent: int) -> float | None:
    """Return a percentile in milliseconds of durations in microseconds; None without any."""
    found = percentile(durations, percent)
    return None if found is None else found / 1000


def all_steps(by_step: Mapping[int, Counter[int]]) -> Counter[int]:
    """Return the merged durations of all steps."""
    total: Counter[int] = Counter()
    for counted in by_step.values():
        total.update(counted)
    return total


def _percentiles(
    name: str,
    title: str,
    view: View,
    by_step: Mapping[int, Counter[int]],
    *,
    nothing: str,
    current: bool,
) -> Panel:
    merged: dict[int, Counter[int]] = defaultdict(Counter)
    for at_ns, counted in by_step.items():
        merged[view.place(at_ns)].update(counted)
    if not merged:
        return Panel(name, title, empty=nothing, pending=not current)
    places = range(len(view.steps))
    series = [
        Series(word, [milliseconds(merged.get(n, Counter()), percent) for n in places], style)
        for percent, word, style in PERCENTS
    ]
    total = all_steps(by_step)
    overall = [figures.duration(milliseconds(total, percent)) for percent, _, _ in PERCENTS]
    summary = ", ".join(
        f"{word} {value}" for (_, word, _), value in zip(PERCENTS, overall, strict=True)
    )
    rows = [
        [Cell(view.steps[n].name)]
        + [Cell(figures.duration(one.values[n])) for one in series]
        + [Cell(figures.count(sum(merged[n].values())))]
        for n in sorted(merged)
    ]
    columns = [
        Column(view.unit),
        *(Column(word, is_number=True) for _, word, _ in PERCENTS),
        Column("calls", is_number=True),
    ]
    return Panel(
        name,
        title,
        lead=f"of {figures.counted(sum(total.values()), 'call')}, per {view.unit}",
        figure=lines(
            f"{title}, {view.title.lower()}: {summary}.",
            view.steps,
            series,
            figures.duration,
            figures.milliseconds_axis,
        ),
        legend=[
            Key(word, swatch(style), value)
            for (_, word, style), value in zip(PERCENTS, overall, strict=True)
        ],
        table=Table(title, columns, rows),
        folded=True,
        pending=not current,
    )


def models(queries: LedgerQueries) -> Panel:
    """Return calls, errors, latency and cost by model."""
    result = queries.sums()
    if result.value is None:
        return pending("models", "Models", "wide", queries.rows)
    calls: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    unpriced: Counter[str] = Counter()
    output: Counter[str] = Counter()
    busy_us: Counter[str] = Counter()
    for line in result.value:
        calls[line.model] += line.calls
        failed[line.model] += line.calls if line.failed else 0
        cost[line.model] += line.cost_nano_usd
        unpriced[line.model] += line.calls if line.status == "unpriced" else 0
        output[line.model] += line.output_tokens
        busy_us[line.model] += line.latency_us
    latencies = queries.latencies_by_model(sum(calls.values()))
    most = max(cost.values(), default=0)
    rows = []
    for model in sorted(calls, key=lambda name: (-cost[name], -calls[name], name))[:_MODELS]:
        speed = output[model] * 1e6 / busy_us[model] if busy_us[model] and output[model] else None
        known = latencies.value
        measured = [
            figures.duration(milliseconds(known.get(model, {}), percent))
            if known is not None
            else "..."
            for percent, _, _ in PERCENTS
        ]
        rate = failed[model] / calls[model]
        cost_text = figures.cost(
            cost[model], calls=calls[model], unpriced=unpriced[model], shown=figures.usd_short
        )
        rows.append(
            [
                Cell(label(model), href=queries.view.url(model=model) if model else None),
                Cell(cost_text, bar=share_bar(cost[model] / most if most else 0)),
                Cell(figures.count(calls[model])),
                Cell(figures.percent(rate) if failed[model] else "-", tone=_tone(rate)),
                *(Cell(text) for text in measured),
                Cell("-" if speed is None else f"{speed:,.0f}"),
            ]
        )
    columns = [
        Column("model"),
        Column("spend", is_number=True),
        Column("calls", is_number=True),
        Column("errors", is_number=True),
        Column("p50", is_number=True, minor=True),
        Column("p95", is_number=True),
        Column("p99", is_number=True, minor=True),
        Column("tokens/s", is_number=True, minor=True),
    ]
    more = f"the first {_MODELS} of {len(calls)}" if len(calls) > _MODELS else ""
    return Panel(
        "models",
        "Models",
        "wide",
        lead=more,
        table=Table("Models", columns, rows),
        pending=latencies.value is None or not result.current,
    )


def _tone(rate: float) -> str:
    return "bad" if rate >= 0.05 else "warn" if rate >= 0.01 else ""
