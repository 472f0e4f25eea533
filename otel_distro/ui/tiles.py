"""The figures at the top of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.query.likely import likely_cost
from otel_distro.base import formatting as figures
from otel_distro.ui.panels import Tile
from otel_distro.ui.speed import all_steps, milliseconds

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from otel_cost_ledger.query.timeline import Sums
    from otel_distro.ui.ledger_queries import LedgerQueries


def tiles(queries: LedgerQueries) -> list[Tile]:
    """Return the figures of the view, each with its value in the previous window."""
    result = queries.sums()
    if result.value is None:
        return []
    before = queries.sums_before()
    earlier = before.value if before is not None else None
    return [
        _spend(result.value, earlier),
        _calls(result.value, earlier),
        _errors(result.value),
        _latency(queries),
        _first_token(queries),
        _tokens(result.value),
        _cache(result.value),
    ]


def _spend(sums: Sequence[Sums], earlier: Sequence[Sums] | None) -> Tile:
    cost = sum(line.cost_nano_usd for line in sums)
    calls = sum(line.calls for line in sums)
    unpriced = sum(line.calls for line in sums if line.status == "unpriced")
    partial = sum(line.calls for line in sums if line.status == "partial")
    more = sum(line.exposure_nano_usd for line in sums)
    value = figures.cost(
        cost, calls=calls, unpriced=unpriced, partial=partial, shown=figures.usd_short
    )
    if unpriced or partial:
        counted = figures.counted(unpriced + partial, "call")
        likely = likely_cost(sums)
        bound = f", {figures.bound(more, likely, shown=figures.usd_short)}" if more else ""
        return Tile("Spend", value, f"{counted} not fully priced{bound}", "warn")
    reported = sum(line.calls for line in sums if line.status == "reported")
    if reported:
        return Tile("Spend", value, f"{figures.counted(reported, 'call')} at reported cost")
    was = sum(line.cost_nano_usd for line in earlier) if earlier is not None else None
    return Tile("Spend", value, _change(cost, was))


def _calls(sums: Sequence[Sums], earlier: Sequence[Sums] | None) -> Tile:
    calls = sum(line.calls for line in sums)
    was = sum(line.calls for line in earlier) if earlier is not None else None
    return Tile("Calls", figures.count(calls), _change(calls, was))


def _change(now: int, was: int | None) -> str:
    """Return the change from the previous window."""
    if was is None:
        return ""
    if not was:
        return "none in the previous window"
    change = (now - was) / was
    if abs(change) < 0.005:
        return "same as the previous window"
    if change > 9.99:
        return "over ten times the previous window"
    sign = "+" if change > 0 else "−"
    return f"{sign}{abs(change) * 100:.0f} % on the previous window"


def _errors(sums: Sequence[Sums]) -> Tile:
    calls = sum(line.calls for line in sums)
    failed = sum(line.calls for line in sums if line.failed)
    rate = failed / calls if calls else 0.0
    tone = "bad" if rate >= 0.05 else "warn" if rate >= 0.01 else ""
    return Tile(
        "Error rate",
        figures.percent(rate) if calls else "-",
        figures.counted(failed, "failed call") if failed else "no failed call",
        tone,
    )


def _latency(queries: LedgerQueries) -> Tile:
    counts = queries.latencies().value
    if counts is None:
        return Tile("Latency p95", "...", "being counted")
    total = all_steps(counts)
    if not total:
        return Tile("Latency p95", "-", "not known")
    return _percentiles("Latency p95", total)


def _first_token(queries: LedgerQueries) -> Tile:
    counts = queries.first_tokens().value
    if counts is None:
        return Tile("First token p95", "...", "being counted")
    total = all_steps(counts)
    if not total:
        return Tile("First token p95", "-", "not reported by any call")
    return _percentiles("First token p95", total)


def _percentiles(name: str, durations: Counter[int]) -> Tile:
    p50, p95, p99 = (figures.duration(milliseconds(durations, p)) for p in (50, 95, 99))
    # No line break between a number and its unit.
    detail = ", ".join(
        f"{word} {value}".replace(" ", "\xa0") for word, value in (("p50", p50), ("p99", p99))
    )
    return Tile(name, p95, detail)


def _tokens(sums: Sequence[Sums]) -> Tile:
    input_tokens = sum(line.input_tokens for line in sums)
    output_tokens = sum(line.output_tokens for line in sums)
    detail = f"{figures.compact(input_tokens)} in, {figures.compact(output_tokens)} out"
    return Tile("Tokens", figures.compact(input_tokens + output_tokens), detail)


def _cache(sums: Sequence[Sums]) -> Tile:
    input_tokens = sum(line.input_tokens for line in sums)
    hits = sum(line.cache_read_tokens for line in sums)
    if not input_tokens:
        return Tile("Cache hit rate", "-", "no input tokens")
    return Tile(
        "Cache hit rate", figures.percent(hits / input_tokens), f"{figures.compact(hits)} tokens"
    )
