"""Sums and distributions over time, in steps of any length: what charts are drawn from.

Steps of a day come from the daily sums where those can answer; shorter ones are read from the
rows. A step is named by the moment it begins, in nanoseconds since the epoch.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_cost_ledger.filters import BILLED, DIM_NAMES, Filters, Window
from otel_cost_ledger.grouping import IN_HISTOGRAM, IN_ROLLUP, key_maker
from otel_cost_ledger.histogram import middle_us
from otel_cost_ledger.schema import COUNTERS, NS_PER_DAY
from otel_cost_ledger.sources import histogram, rows, rows_are_complete, sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_cost_ledger.ledger import Ledger

Column = Literal["latency_us", "ttft_us"]
EXACT_ROWS: Final = 20_000
"""Up to this many rows durations are read as they are, above that to the millisecond."""

_OUTCOME: Final = ("status", "failed", "error_type", "http_status_code", "reason")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is in a ledger, and a mark that changes whenever its sums do."""

    calls: int
    first_ns: int | None
    """When the first call whose row is kept began; None without any."""
    last_ns: int | None
    first_day_ns: int | None
    """The first day of which there are sums; its calls may be gone."""
    mark: str


@dataclass(frozen=True, slots=True)
class Sums:
    """What the billed calls of one step, one combination of names and one outcome add up to."""

    at_ns: int
    service: str
    provider: str
    model: str
    operation: str
    tenant: str
    status: str
    failed: bool
    error_type: str
    http_status_code: int
    reason: str
    calls: int
    cost_nano_usd: int
    exposure_nano_usd: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    latency_us: int


def extent(ledger: Ledger) -> Extent:
    """Return how much there is; a few milliseconds, whatever the size of the ledger."""
    marks = (
        "count(*)",
        "min(day)",
        "max(day)",
        *(f"sum({name})" for name in COUNTERS),
        "sum(outcome_id * calls)",
    )
    (sums,) = ledger.rows(f"SELECT {', '.join(marks)} FROM daily_costs")  # noqa: S608
    (times,) = ledger.rows("SELECT min(start_ns), max(start_ns) FROM calls")
    (violations,) = ledger.rows("SELECT max(at_ns) FROM latency_violations")
    first_day = sums[1]
    return Extent(
        calls=int(sums[3] or 0),
        first_ns=times[0],
        last_ns=times[1],
        first_day_ns=None if first_day is None else int(first_day) * NS_PER_DAY,
        mark="-".join(str(value) for value in (*sums, *times, *violations)),
    )


def timeline(ledger: Ledger, window: Window, step_ns: int, filters: Filters) -> list[Sums]:
    """Return the sums of the billed calls in *window* in steps of *step_ns*.

    *step_ns* is a day, or divides one.
    """
    in_days = step_ns == NS_PER_DAY
    from_rollup = in_days and filters.names() <= IN_ROLLUP
    names = dict(_named(ledger, "dims", DIM_NAMES))
    outcomes = dict(_named(ledger, "outcomes", _OUTCOME, "WHERE billed = 1"))
    found = []
    for source in sources(window, from_rollup=from_rollup):
        stepped = source if in_days else replace(source, day=f"start_ns / {step_ns}")
        sql, values = stepped.grouped(("day", "dim_id", "outcome_id"), source.sums, filters)
        for step, dim_id, outcome_id, *counted in ledger.rows(sql, values):
            if outcome_id not in outcomes:
                continue
            found.append(_sums(int(step) * step_ns, names[dim_id], outcomes[outcome_id], counted))
    return found


def _sums(at_ns: int, names: Sequence[Any], outcome: Sequence[Any], counted: Sequence[Any]) -> Sums:
    status, failed, error_type, code, reason = outcome
    values: list[Any] = [at_ns, *names, status, bool(failed), error_type, int(code), reason]
    values += [int(number) for number in counted]
    return Sums(*values)


def _named(
    ledger: Ledger, table: str, names: tuple[str, ...], where: str = ""
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    sql = f"SELECT id, {', '.join(names)} FROM {table} {where}"  # noqa: S608 - constants only
    for id_, *values in ledger.rows(sql):
        yield id_, tuple(values)


@dataclass(frozen=True, slots=True)
class NamedSums:
    """What the billed calls of one step and one name add up to."""

    at_ns: int
    name: str
    calls: int
    cost_nano_usd: int
    unpriced_calls: int


def timeline_by(
    ledger: Ledger, window: Window, step_ns: int, name: str, filters: Filters
) -> list[NamedSums]:
    """Return sums in steps by *name*, one of `GROUPS`; read from the rows."""
    columns, key_of = key_maker(ledger, (name,))
    source = replace(rows(window), day=f"start_ns / {step_ns}")
    unpriced = "outcome_id IN (SELECT id FROM outcomes WHERE status = 'unpriced')"
    sums = (
        "count(*)",
        "coalesce(sum(cost_nano_usd), 0)",
        f"sum(CASE WHEN {unpriced} THEN 1 ELSE 0 END)",
    )
    sql, values = source.selected(", ".join([source.day, *columns, *sums]), filters)
    group = ", ".join(str(place + 1) for place in range(1 + len(columns)))
    sql += f" AND {BILLED} GROUP BY {group}"
    return [
        NamedSums(int(step) * step_ns, key_of([id_])[0], int(calls), int(cost), int(unknown))
        for step, id_, calls, cost, unknown in ledger.rows(sql, values)
    ]


def rows_in(ledger: Ledger, window: Window) -> int:
    """Return how many rows of calls are in *window*."""
    (found,) = ledger.rows(
        "SELECT count(*) FROM calls WHERE start_ns >= ? AND start_ns < ?",
        (window.since_ns, window.until_ns),
    )
    return int(found[0])


def histogram_answers(window: Window, step_ns: int, filters: Filters) -> bool:
    """Return whether the stored histogram knows the latencies of *window* in such steps."""
    return step_ns == NS_PER_DAY and not window.edges() and filters.names() <= IN_HISTOGRAM


def durations(
    ledger: Ledger, window: Window, step_ns: int, column: Column, filters: Filters
) -> dict[int, Counter[int]]:
    """Return how often each duration, in microseconds, occurs in each step.

    Latencies come from the stored histogram where it can answer (at most 2.2 % off), everything
    else from the rows: as it is, or to the millisecond where there are many. Empty where the rows
    that are needed were removed by retention.
    """
    if column == "latency_us" and histogram_answers(window, step_ns, filters):
        if rows_in(ledger, window) > EXACT_ROWS or not _has_rows(ledger, window):
            return _from_histogram(ledger, window, step_ns, filters)
    elif column == "latency_us" and not _has_rows(ledger, window):
        return {}
    value = column if rows_in(ledger, window) <= EXACT_ROWS else f"{column} / 1000 * 1000 + 500"
    source = rows(window)
    sql, values = source.selected(f"start_ns / {step_ns}, {value}, count(*)", filters)
    sql += f" AND {column} IS NOT NULL AND {BILLED} GROUP BY 1, 2"
    found: dict[int, Counter[int]] = {}
    for step, duration_us, calls in ledger.rows(sql, values):
        found.setdefault(int(step) * step_ns, Counter())[int(duration_us)] += int(calls)
    return found


def _has_rows(ledger: Ledger, window: Window) -> bool:
    return rows_are_complete(ledger, window, whole_days_needed=True)


def _from_histogram(
    ledger: Ledger, window: Window, step_ns: int, filters: Filters
) -> dict[int, Counter[int]]:
    sql, values = histogram(window).grouped(("day", "bucket"), ("sum(calls)",), filters)
    found: dict[int, Counter[int]] = {}
    for day, bucket, calls in ledger.rows(sql, values):
        found.setdefault(int(day) * step_ns, Counter())[round(middle_us(bucket))] += int(calls)
    return found


def known_names(ledger: Ledger, table: str, name: str, most: int = 300) -> list[str]:
    """Return the values that *name* has in the table of names *table*, in order, at most *most*."""
    sql = f"SELECT DISTINCT {name} FROM {table} WHERE {name} <> '' ORDER BY 1 LIMIT ?"  # noqa: S608
    return [str(value) for (value,) in ledger.rows(sql, (most,))]
