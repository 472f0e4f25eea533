"""Statistics: error rate, latency, speed and time to first token, by any grouping."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_cost_ledger.model.filters import BILLED, Filters, Window
from otel_cost_ledger.model.histogram import middle_us, percentile
from otel_cost_ledger.query.costs import CostLine, costs
from otel_cost_ledger.query.grouping import IN_HISTOGRAM, key_maker
from otel_cost_ledger.query.hour_counts import counted
from otel_cost_ledger.query.latency import EXACT_CALLS
from otel_cost_ledger.query.model_names import with_same_models
from otel_cost_ledger.query.sources import rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from otel_cost_ledger.query.grouping import Key
    from otel_cost_ledger.query.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class StatLine:
    """Statistics of the billed calls of one group."""

    key: tuple[str, ...]
    calls: int
    failed_calls: int
    error_rate: float
    """Failed calls as a share of all calls, 0 to 1."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    output_tokens_per_s: float | None
    """Output tokens of all calls per second of their latency; None without either."""
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    """Time to first token of the calls that report it and still have rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatReport:
    """Statistics in total and by group, the groups with most calls first."""

    by: tuple[str, ...]
    total: StatLine
    groups: tuple[StatLine, ...]
    complete: bool
    """False if the window needs rows that retention has removed."""


def stats(
    ledger: Ledger,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    by: Sequence[str] = ("model",),
    filters: Filters | None = None,
) -> StatReport:
    """Return statistics of the calls that started between *since* and *until*."""
    report = costs(ledger, since, until, by=by, filters=filters, every_row=True)
    filters = with_same_models(ledger, filters or Filters())
    first_tokens = _first_tokens(ledger, Window.between(since, until), report.by, filters)
    everything: Counter[int] = Counter()
    for occurring in first_tokens.values():
        everything.update(occurring)
    groups = [_stat_line(line, first_tokens.get(line.key, Counter())) for line in report.groups]
    return StatReport(
        by=report.by,
        total=_stat_line(report.total, everything),
        groups=tuple(sorted(groups, key=lambda line: (-line.calls, line.key))),
        complete=report.complete,
    )


def _stat_line(line: CostLine, first_tokens: Counter[int]) -> StatLine:
    has_speed = line.latency_us > 0 and line.output_tokens > 0
    return StatLine(
        key=line.key,
        calls=line.calls,
        failed_calls=line.failed_calls,
        error_rate=line.failed_calls / line.calls if line.calls else 0.0,
        p50_ms=line.p50_ms,
        p95_ms=line.p95_ms,
        p99_ms=line.p99_ms,
        output_tokens_per_s=line.output_tokens * 1e6 / line.latency_us if has_speed else None,
        ttft_p50_ms=_ms(percentile(first_tokens, 50)),
        ttft_p95_ms=_ms(percentile(first_tokens, 95)),
    )


def _ms(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def _first_tokens(
    ledger: Ledger, window: Window, by: Sequence[str], filters: Filters
) -> dict[Key, Counter[int]]:
    source = rows(window)
    if ledger.counts_rows and source.count_up_to(ledger, EXACT_CALLS + 1) > EXACT_CALLS:
        return _counted_first_tokens(ledger, window, by, filters)
    columns, key_of = key_maker(ledger, by)
    sql, values = source.selected(", ".join([*source.columns(columns), "ttft_us"]), filters)
    sql += f" AND ttft_us IS NOT NULL AND {BILLED}"
    counts: dict[Key, Counter[int]] = {}
    for *ids, ttft_us in ledger.rows(sql, values):
        counts.setdefault(key_of(ids), Counter())[ttft_us] += 1
    return counts


def _counted_first_tokens(
    ledger: Ledger, window: Window, by: Sequence[str], filters: Filters
) -> dict[Key, Counter[int]]:
    """Return the counts by bucket, computed by the database, for many calls."""
    stored = {*by, *filters.names()} <= IN_HISTOGRAM
    columns, key_of = key_maker(ledger, by, of_series=stored)
    counts: dict[Key, Counter[int]] = {}
    for *ids, bucket, calls in counted(
        ledger, window, "ttft_us", columns, filters, from_sums=stored
    ):
        counts.setdefault(key_of(ids), Counter())[round(middle_us(bucket))] += calls
    return counts
