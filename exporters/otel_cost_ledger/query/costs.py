"""Costs by any grouping, exact for any time window.

Whole days come from the daily rollup and the rest of the window from the rows, so a month of ten
million calls takes a few thousand sums, and "the last 24 hours" is not two days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.filters import Filters, Window, check_names
from otel_cost_ledger.model.money import usd_text
from otel_cost_ledger.model.schema import COUNTERS
from otel_cost_ledger.query.grouping import GROUPS, key_maker
from otel_cost_ledger.query.latency import (
    Latencies,
    are_measurable,
    are_soon_read,
    measure_latencies,
)
from otel_cost_ledger.query.model_names import with_same_models
from otel_cost_ledger.query.sources import are_complete, sources
from otel_cost_ledger.query.top_persons import OTHERS, is_by_person, top_persons
from otel_pricing.model.billing_reasons import CACHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from otel_cost_ledger.query.grouping import Key
    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.query.sources import Source
    from otel_cost_ledger.query.top_persons import TopPersons


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """The sums of one group of billed calls, or of all of them."""

    key: tuple[str, ...] = ()
    """One value for each name in the report's `by`; "" for calls without one."""
    calls: int = 0
    """All provider calls, including failed ones, without duplicate spans."""
    cost_nano_usd: int = 0
    exposure_nano_usd: int = 0
    """Possible additional cost of unpriced and partial calls, at the highest plausible price."""
    unpriced_calls: int = 0
    partial_calls: int = 0
    estimated_calls: int = 0
    reported_calls: int = 0
    """Calls with a cost reported by the provider or the instrumentation."""
    free_calls: int = 0
    failed_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    latency_us: int = 0
    """Sum of the latencies of all calls."""
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None

    @property
    def cost_usd(self) -> str:
        """The cost as an exact decimal string."""
        return usd_text(self.cost_nano_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """Costs in total and by group, the most expensive first."""

    by: tuple[str, ...]
    total: CostLine
    groups: tuple[CostLine, ...]
    complete: bool
    """False if the window needs rows that retention has removed: the sums are too low."""
    cached_answers: int = 0
    """Responses from caches of frameworks, without a request; not among the calls."""
    cached_nano_usd: int = 0
    """Cost of these responses without the cache, as far as known."""
    count: int = 0
    """Total number of groups, including those in `others`."""
    others: CostLine | None = None
    """The sums of the groups beyond `most_groups`; None if all are listed."""


def costs(
    ledger: Ledger,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    by: Sequence[str] = ("model",),
    filters: Filters | None = None,
    percentiles: bool = True,
    every_row: bool = False,
    most_groups: int | None = None,
) -> CostReport:
    """Return the cost of the calls that started between *since* and *until*.

    Times are aware; None means unbounded. *by* names any of `GROUPS`. Percentiles are nearest-rank
    and exact for up to some thousand calls; for more they come from the stored histogram (at most
    2.2 % off) if it has the grouping, else from the rows of up to `MOST_ROWS` calls, and above that
    they are None unless *every_row* is set. Without *percentiles* the query takes a third of the
    time.

    At most the *most_groups* most expensive groups are listed, and the others are summed in one
    line; None lists all. Of 150,000 sessions, finding 100 takes a tenth of the time of listing all.
    """
    by = tuple(by)
    check_names("group", by, GROUPS)
    filters = with_same_models(ledger, filters or Filters())
    window = Window.between(since, until)
    plan = sources(ledger, window, {*by, *filters.names()})
    top = None
    if most_groups is not None and is_by_person(by):
        top = top_persons(ledger, plan, by[0], filters, most_groups)
    lines, cached = _sum(ledger, plan, by, filters, top)
    total = total_of(lines.values())
    others = lines.pop((_OTHERS,), None) if top is not None else None
    groups = sorted(lines.values(), key=_by_cost)
    count = len(groups) if top is None else top.count
    if most_groups is not None and len(groups) > most_groups:
        others = total_of(groups[most_groups:])
        groups = groups[:most_groups]
    if percentiles:
        measurable = every_row or are_measurable(ledger, window, by, filters, total.calls)
        names: Sequence[str] = by if measurable else ()
        if measurable or are_soon_read(ledger, window, filters):
            latencies = measure_latencies(ledger, window, names, filters, calls=total.calls)
            total = _with_percentiles(total, latencies, None)
            if measurable:
                groups = [_with_percentiles(line, latencies, line.key) for line in groups]
    return CostReport(
        by=by,
        total=total,
        groups=tuple(groups),
        complete=are_complete(ledger, plan),
        cached_answers=cached.get("calls", 0),
        cached_nano_usd=cached.get("cost_nano_usd", 0),
        count=count,
        others=others,
    )


# Field names of CostLine to integers; Any, because a type checker cannot infer the names.
_Sums = dict[str, Any]


_OTHERS: Final = "others"
"""Never the name of a person: those are hexadecimal."""


def _sum(
    ledger: Ledger,
    plan: Sequence[Source],
    by: Sequence[str],
    filters: Filters,
    top: TopPersons | None,
) -> tuple[dict[Key, CostLine], _Sums]:
    """Return the sums of each group, and those of cached responses.

    With *top* all other persons are in the group `_OTHERS`.
    """
    columns, key_of = key_maker(ledger, by)
    if top is not None:
        columns = [top.named()]
    outcomes = {
        id_: (status, failed)
        for id_, status, failed in ledger.rows(
            "SELECT id, status, failed FROM outcomes WHERE billed = 1"
        )
    }
    not_billed = "SELECT id FROM outcomes WHERE billed = 0 AND billing_reason = ?"
    from_cache = {id_ for (id_,) in ledger.rows(not_billed, [CACHED])}
    sums: dict[Key, _Sums] = {}
    cached: _Sums = {}
    for source in plan:
        sql, values = source.grouped((*columns, "outcome_id"), source.sums, filters)
        for row in ledger.rows(sql, values):
            *ids, outcome_id = row[: len(columns) + 1]
            if outcome_id not in outcomes and outcome_id not in from_cache:
                continue
            counted: _Sums = dict(zip(COUNTERS, row[len(columns) + 1 :], strict=True))
            if outcome_id in from_cache:
                _add(cached, counted, "", 0)
            else:
                key = (_OTHERS,) if ids == [OTHERS] else key_of(ids)
                _add(sums.setdefault(key, {}), counted, *outcomes[outcome_id])
    lines = {key: CostLine(key=key, **counted) for key, counted in sums.items()}
    return lines, cached


_BY_STATUS: Final = {
    "unpriced": "unpriced_calls",
    "partial": "partial_calls",
    "estimated": "estimated_calls",
    "reported": "reported_calls",
    "free": "free_calls",
}


def _add(sums: _Sums, counted: Mapping[str, int], status: str, failed: int) -> None:
    if sums:
        for name, value in counted.items():
            sums[name] = sums.get(name, 0) + value
    else:
        sums.update(counted)  # most groups have one line
    if status in _BY_STATUS:
        name = _BY_STATUS[status]
        sums[name] = sums.get(name, 0) + counted["calls"]
    if failed:
        sums["failed_calls"] = sums.get("failed_calls", 0) + counted["calls"]


def total_of(lines: Iterable[CostLine]) -> CostLine:
    """Return the sums of *lines*, without percentiles, which do not add up."""
    sums: _Sums = {}
    for line in lines:
        for name in _ADDITIVE:
            sums[name] = sums.get(name, 0) + getattr(line, name)
    return CostLine(**sums)


_ADDITIVE: Final = (*COUNTERS, *_BY_STATUS.values(), "failed_calls")


def _with_percentiles(line: CostLine, latencies: Latencies, key: Key | None) -> CostLine:
    return replace(
        line,
        p50_ms=latencies.percentile_ms(key, 50),
        p95_ms=latencies.percentile_ms(key, 95),
        p99_ms=latencies.percentile_ms(key, 99),
    )


def _by_cost(line: CostLine) -> tuple[int, int, Key]:
    return -line.cost_nano_usd, -line.calls, line.key
