"""Sums and distributions over time, in steps of any length, for charts.

Steps of a day come from the daily sums where those can answer; shorter ones are read from the
rows. A step is named by the moment it begins, in nanoseconds since the epoch.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_cost_ledger.model.filters import BILLED, DIM_NAMES, Filters, Window
from otel_cost_ledger.model.histogram import middle_us
from otel_cost_ledger.model.schema import COUNTERS, NS_PER_DAY
from otel_cost_ledger.query.grouping import IN_HISTOGRAM, IN_ROLLUP, key_maker
from otel_cost_ledger.query.model_names import model_names, with_same_models
from otel_cost_ledger.query.sources import histogram, rows, rows_are_complete, sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_cost_ledger.query.ledger import Ledger

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
    """Sum of the billed calls of one step, one combination of names and one outcome."""

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
    (sums,) = ledger.rows(f"SELECT {', '.join(marks)} FROM daily_costs")
    # One by one each is read from the end of the key; together they read every row.
    (first,) = ledger.rows("SELECT min(start_ns) FROM calls")
    (last,) = ledger.rows("SELECT max(start_ns) FROM calls")
    (violations,) = ledger.rows("SELECT max(at_ns) FROM latency_violations")
    first_day = sums[1]
    return Extent(
        calls=int(sums[3] or 0),
        first_ns=first[0],
        last_ns=last[0],
        first_day_ns=None if first_day is None else int(first_day) * NS_PER_DAY,
        mark="-".join(str(value) for value in (*sums, *first, *last, *violations)),
    )


def timeline(ledger: Ledger, window: Window, step_ns: int, filters: Filters) -> list[Sums]:
    """Return the sums of the billed calls in *window* in steps of *step_ns*.

    *step_ns* is a day, or divides one.
    """
    in_days = step_ns == NS_PER_DAY
    from_rollup = in_days and filters.names() <= IN_ROLLUP
    filters = with_same_models(ledger, filters)
    names = {id_: _shown(ledger, found) for id_, found in _named(ledger, "dims", DIM_NAMES)}
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


def _shown(ledger: Ledger, names: tuple[Any, ...]) -> tuple[Any, ...]:
    service, provider, model, *others = names
    return service, provider, model_names(ledger).of(provider, model), *others


def _named(
    ledger: Ledger, table: str, names: tuple[str, ...], where: str = ""
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    sql = f"SELECT id, {', '.join(names)} FROM {table} {where}"  # constants only
    for id_, *values in ledger.rows(sql):
        yield id_, tuple(values)


@dataclass(frozen=True, slots=True)
class NameSums:
    """Sum of the billed calls of one name."""

    name: str
    calls: int = 0
    cost_nano_usd: int = 0
    unpriced_calls: int = 0

    def plus(self, other: NameSums) -> NameSums:
        """Return the sums of both, under this name."""
        return NameSums(
            self.name,
            self.calls + other.calls,
            self.cost_nano_usd + other.cost_nano_usd,
            self.unpriced_calls + other.unpriced_calls,
        )

    def minus(self, other: NameSums) -> NameSums:
        """Return these sums minus *other*."""
        taken = NameSums("", -other.calls, -other.cost_nano_usd, -other.unpriced_calls)
        return self.plus(taken)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Cost by name and step: the dearest names one by one, the others together."""

    names: tuple[NameSums, ...]
    """The dearest first, at most `NAMES`."""
    total: NameSums
    count: int
    """How many names there are."""
    steps: tuple[tuple[int, int, int], ...]
    """(when the step begins, place of the name in `names`, cost in nano-US-dollars); the place
    is at most `APART`, which covers all names from there."""


NAMES: Final = 50
APART: Final = 7


def breakdown(
    ledger: Ledger, window: Window, step_ns: int, name: str, filters: Filters
) -> Breakdown:
    """Return cost in steps by *name*, one of `GROUPS`; read from the rows, twice."""
    filters = with_same_models(ledger, filters)
    (column,), key_of = key_maker(ledger, (name,))
    source = rows(window)
    unpriced = "outcome_id IN (SELECT id FROM outcomes WHERE status = 'unpriced')"
    cost = "coalesce(sum(cost_nano_usd), 0)"
    what = f"{column}, count(*), {cost}, sum(CASE WHEN {unpriced} THEN 1 ELSE 0 END)"
    sql, values = source.selected(what, filters)
    ids_of: dict[str, list[int | None]] = {}
    sums: dict[str, NameSums] = {}
    for id_, *counted in ledger.rows(f"{sql} AND {BILLED} GROUP BY 1", values):
        found = key_of([id_])[0]
        ids_of.setdefault(found, []).append(id_)
        new = NameSums(found, *(int(number) for number in counted))
        sums[found] = sums[found].plus(new) if found in sums else new
    ordered = in_order(sums.values())
    cases = [
        f"WHEN {_is_among(column, ids_of[one.name])} THEN {place}"
        for place, one in enumerate(ordered[:APART])
    ]
    place = f"CASE {' '.join(cases)} ELSE {APART} END" if cases else str(APART)
    sql, values = source.selected(f"start_ns / {step_ns}, {place}, {cost}", filters)
    steps = [
        (int(step) * step_ns, int(place), int(nano_usd))
        for step, place, nano_usd in ledger.rows(f"{sql} AND {BILLED} GROUP BY 1, 2", values)
    ]
    return made_of(ordered, steps)


def _is_among(column: str, ids: Sequence[int | None]) -> str:
    """Return the SQL condition that *column* is one of *ids*, which are numbers of ours."""
    known = ", ".join(str(int(id_)) for id_ in ids if id_ is not None)
    conditions = [f"{column} IN ({known})"] if known else []
    if None in ids:
        conditions.append(f"{column} IS NULL")
    return f"({' OR '.join(conditions)})"


def in_order(sums: Iterable[NameSums]) -> list[NameSums]:
    """Return *sums*, the dearest first."""
    return sorted(sums, key=lambda one: (-one.cost_nano_usd, -one.calls, one.name))


def made_of(ordered: Sequence[NameSums], steps: Iterable[tuple[int, int, int]]) -> Breakdown:
    """Return the breakdown of names that are in order."""
    total = NameSums("")
    for one in ordered:
        total = total.plus(one)
    return Breakdown(tuple(ordered[:NAMES]), total, len(ordered), tuple(steps))


def breakdown_of(sums: Iterable[Sums], name: str) -> Breakdown:
    """Return the breakdown of *sums* by one of the names they carry."""
    by_name: dict[str, NameSums] = {}
    by_step: dict[tuple[int, str], int] = {}
    for line in sums:
        found = getattr(line, name)
        unpriced = line.calls if line.status == "unpriced" else 0
        new = NameSums(found, line.calls, line.cost_nano_usd, unpriced)
        by_name[found] = by_name[found].plus(new) if found in by_name else new
        key = line.at_ns, found
        by_step[key] = by_step.get(key, 0) + line.cost_nano_usd
    ordered = in_order(by_name.values())
    place_of = {one.name: min(place, APART) for place, one in enumerate(ordered)}
    return made_of(ordered, [(at, place_of[one], cost) for (at, one), cost in by_step.items()])


def rows_up_to(ledger: Ledger, window: Window, most: int) -> int:
    """Return how many rows of calls are in *window*, counting no further than *most*."""
    (found,) = ledger.rows(
        "SELECT count(*) FROM"
        " (SELECT 1 FROM calls WHERE start_ns >= ? AND start_ns < ? LIMIT ?) AS found",
        (window.since_ns, window.until_ns, most),
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
    filters = with_same_models(ledger, filters)
    if column == "latency_us" and histogram_answers(window, step_ns, filters):
        if _are_many(ledger, window) or not _has_rows(ledger, window):
            return _from_histogram(ledger, window, step_ns, filters)
    elif column == "latency_us" and not _has_rows(ledger, window):
        return {}
    source = rows(window)
    value = _value(ledger, window, column)
    sql, values = source.selected(f"start_ns / {step_ns}, {value}, count(*)", filters)
    sql += f" AND {column} IS NOT NULL AND {BILLED} GROUP BY 1, 2"
    found: dict[int, Counter[int]] = {}
    for step, duration_us, calls in ledger.rows(sql, values):
        found.setdefault(int(step) * step_ns, Counter())[int(duration_us)] += int(calls)
    return found


def latencies_by_model(ledger: Ledger, window: Window, filters: Filters) -> dict[str, Counter[int]]:
    """Return how often each latency, in microseconds, occurs with each model; from the rows."""
    if not _has_rows(ledger, window):
        return {}
    filters = with_same_models(ledger, filters)
    (column,), key_of = key_maker(ledger, ("model",))
    value = _value(ledger, window, "latency_us")
    sql, values = rows(window).selected(f"{column}, {value}, count(*)", filters)
    found: dict[str, Counter[int]] = {}
    for dim_id, duration_us, calls in ledger.rows(f"{sql} AND {BILLED} GROUP BY 1, 2", values):
        found.setdefault(key_of([dim_id])[0], Counter())[int(duration_us)] += int(calls)
    return found


def _value(ledger: Ledger, window: Window, column: Column) -> str:
    """Return the SQL of a duration: as it is, or to the millisecond where there are many."""
    return f"{column} / 1000 * 1000 + 500" if _are_many(ledger, window) else column


def _are_many(ledger: Ledger, window: Window) -> bool:
    return rows_up_to(ledger, window, EXACT_ROWS + 1) > EXACT_ROWS


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


@dataclass(frozen=True, slots=True)
class ViolationSums:
    """How often and how far one operation exceeded its latency budget."""

    operation: str
    count: int
    avg_overage_ms: float
    max_overage_ms: float


def violations_up_to(ledger: Ledger, window: Window, most: int) -> int:
    """Return how many latency violations are in *window*, counting no further than *most*."""
    (found,) = ledger.rows(
        "SELECT count(*) FROM"
        " (SELECT 1 FROM latency_violations WHERE at_ns >= ? AND at_ns < ? LIMIT ?) AS found",
        (window.since_ns, window.until_ns, most),
    )
    return int(found[0])


def violation_sums(ledger: Ledger, window: Window) -> tuple[ViolationSums, ...]:
    """Return the latency violations of *window* by operation, the most frequent first."""
    over = "actual_us - budget_us"
    found = ledger.rows(
        f"SELECT operation, count(*), sum({over}), max({over}) FROM latency_violations"
        " WHERE at_ns >= ? AND at_ns < ? GROUP BY operation ORDER BY 2 DESC, 1",
        (window.since_ns, window.until_ns),
    )
    return tuple(
        ViolationSums(str(name), int(count), int(total) / int(count) / 1000, int(most) / 1000)
        for name, count, total, most in found
    )


def known_names(ledger: Ledger, table: str, name: str, most: int = 300) -> list[str]:
    """Return the values that *name* has in the table of names *table*, in order, at most *most*.

    Models have the names under which reports show them.
    """
    sql = f"SELECT DISTINCT {name} FROM {table} WHERE {name} <> '' ORDER BY 1 LIMIT ?"
    if name == "model":
        dims = ledger.rows("SELECT DISTINCT provider, model FROM dims WHERE model <> ''")
        return sorted({model_names(ledger).of(*found) for found in dims})[:most]
    return [str(value) for (value,) in ledger.rows(sql, (most,))]
