"""Sources of a time window's numbers: sums for whole days and hours, rows for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import Window
from otel_cost_ledger.model.schema import COUNTERS, NS_PER_DAY, NS_PER_HOUR
from otel_cost_ledger.model.sums import DAILY_AGENTS, DAILY_PEOPLE, HOURLY_COSTS, HOURLY_PEOPLE
from otel_cost_ledger.query.grouping import IN_AGENTS, IN_PEOPLE, IN_ROLLUP

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.sql import SqlValue
    from otel_cost_ledger.model.sums import SumTable
    from otel_cost_ledger.query.ledger import Ledger

_ROW_SUMS: Final = ("count(*)", *(f"coalesce(sum({name}), 0)" for name in COUNTERS[1:]))
_ROLLUP_SUMS: Final = tuple(f"sum({name})" for name in COUNTERS)


@dataclass(frozen=True, slots=True)
class Source:
    """A table and its range in a window."""

    table: str
    time: str
    since: int
    until: int
    unit_ns: int = 1
    """Nanoseconds per unit of `time`; 1 for rows."""
    sums: Sequence[str] = ()
    """The totals of `COUNTERS`, in SQL."""

    @property
    def is_rows(self) -> bool:
        """Whether this is the table of calls."""
        return self.unit_ns == 1

    def step(self, step_ns: int) -> str:
        """Return SQL for the step number of a row; a step consists of whole units."""
        units = step_ns // self.unit_ns
        return self.time if units == 1 else f"{self.time} / {units}"

    def selected(self, what: str, filters: Filters) -> tuple[str, list[SqlValue]]:
        """Return a SELECT of *what* in the range, and the values to bind."""
        conditions, values = filters.conditions(self.table)
        where = " AND ".join([f"{self.time} >= ?", f"{self.time} < ?", *conditions])
        # Column and table names are constants; user values are bound.
        sql = f"SELECT {what} FROM {self.table} WHERE {where}"
        return sql, [self.since, self.until, *values]

    def columns(self, names: Sequence[str]) -> list[str]:
        """Return *names* in SQL: id columns unchanged, `day` and `hour` computed."""
        steps = {"day": NS_PER_DAY, "hour": NS_PER_HOUR}
        return [self.step(steps[name]) if name in steps else name for name in names]

    def grouped(
        self, columns: Sequence[str], sums: Sequence[str], filters: Filters
    ) -> tuple[str, list[SqlValue]]:
        """Return a SELECT of *columns* and *sums*, grouped by the columns."""
        sql, values = self.selected(", ".join([*self.columns(columns), *sums]), filters)
        return f"{sql} GROUP BY {', '.join(str(n + 1) for n in range(len(columns)))}", values

    def count_up_to(self, ledger: Ledger, most: int) -> int:
        """Return the number of rows in the range, counting up to *most*."""
        return _count_up_to(ledger, self.table, self.time, (self.since, self.until, most))


@dataclass(frozen=True, slots=True)
class _Tier:
    """A table of sums and its range of time."""

    table: str
    period: str
    unit_ns: int
    since_ns: int = 0
    until_ns: int | None = None
    """The end of its data, possibly within a period; None for no end."""

    @classmethod
    def of(cls, table: SumTable, since_ns: int, until_ns: int) -> _Tier:
        return cls(table.name, table.period, table.unit_ns, since_ns, until_ns)

    def split(self, window: Window) -> tuple[Source | None, list[Window]]:
        """Return the part of *window* that the table covers, and the remaining parts."""
        first = -(-max(window.since_ns, self.since_ns) // self.unit_ns)
        if self.until_ns is not None and window.until_ns >= self.until_ns:
            # The last period may be incomplete: there is no data after it.
            covered_until = self.until_ns
            end = -(-covered_until // self.unit_ns)
        else:
            end = window.end_of_whole(self.unit_ns)
            covered_until = min(end * self.unit_ns, window.until_ns)
        if first * self.unit_ns >= covered_until:
            return None, [window]
        rest = [
            Window(window.since_ns, first * self.unit_ns),
            Window(covered_until, window.until_ns),
        ]
        source = Source(self.table, self.period, first, end, self.unit_ns, _ROLLUP_SUMS)
        return source, [part for part in rest if part.since_ns < part.until_ns]


_DAILY_COSTS: Final = _Tier("daily_costs", "day", NS_PER_DAY)


def sources(ledger: Ledger, window: Window, names: Collection[str]) -> list[Source]:
    """Return the sources of *window* for a query that groups and filters by *names*.

    Together they have each call once: whole days, whole hours, and rows for the rest.
    """
    sources: list[Source] = []
    parts = [window]
    for tier in _tiers(ledger, frozenset(names)):
        left: list[Window] = []
        for part in parts:
            source, rest = tier.split(part)
            sources += [] if source is None else [source]
            left += rest
        parts = left
    return sources + [rows(part) for part in parts]


def _tiers(ledger: Ledger, names: frozenset[str]) -> list[_Tier]:
    """Return the tables of sums with all of *names*, the coarsest first."""
    in_days = "hour" not in names
    names -= {"hour"}
    tiers = [_DAILY_COSTS] if in_days and names <= IN_ROLLUP else []
    summed = ledger.summed
    if summed is None:
        return tiers
    if names <= IN_AGENTS:
        if in_days and not tiers:
            tiers.append(_Tier.of(DAILY_AGENTS, summed.days_since_ns, summed.until_ns))
        tiers.append(_Tier.of(HOURLY_COSTS, summed.hours_since_ns, summed.until_ns))
    elif names <= IN_PEOPLE:
        since_ns = max(summed.days_since_ns, ledger.rows_kept_since_ns)
        if in_days:
            tiers.append(_Tier.of(DAILY_PEOPLE, since_ns, summed.until_ns))
        hours_since_ns = max(since_ns, summed.people_hours_since_ns)
        tiers.append(_Tier.of(HOURLY_PEOPLE, hours_since_ns, summed.until_ns))
    return tiers


def ends(ledger: Ledger) -> tuple[int | None, int | None]:
    """Return the start of the first and the last call, in nanoseconds; None without calls."""
    # Separate queries read each from an end of the key; a combined one reads every row.
    ((first_ns,),) = ledger.rows("SELECT min(start_ns) FROM calls")
    ((last_ns,),) = ledger.rows("SELECT max(start_ns) FROM calls")
    return first_ns, last_ns


def rows(window: Window) -> Source:
    """Return the rows of *window*."""
    return Source("calls", "start_ns", window.since_ns, window.until_ns, 1, _ROW_SUMS)


def histogram(window: Window) -> Source:
    """Return the latency histogram of the whole days of *window*."""
    return Source("latency_histogram", "day", *window.whole_days(), NS_PER_DAY)


def are_complete(ledger: Ledger, plan: Sequence[Source]) -> bool:
    """Return whether the ledger still has every row that *plan* reads."""
    kept_since = ledger.rows_kept_since_ns
    return all(source.since >= kept_since for source in plan if source.is_rows)


def rows_are_complete(ledger: Ledger, window: Window, *, whole_days_needed: bool) -> bool:
    """Return whether the ledger still has every row that a query of *window* needs."""
    kept_since = ledger.rows_kept_since_ns
    needed = [window] if whole_days_needed else list(window.edges())
    return all(part.since_ns >= kept_since for part in needed) or kept_since == 0


def rows_read(ledger: Ledger, plan: Sequence[Source], most: int) -> int:
    """Return the number of rows that *plan* reads, with sums by person, counting up to *most*.

    Sums by names are excluded: they are few for any number of calls.
    """
    tables = {"calls", DAILY_PEOPLE.name, HOURLY_PEOPLE.name}
    read = [source for source in plan if source.table in tables]
    return min(most, sum(source.count_up_to(ledger, most) for source in read))


def rows_up_to(ledger: Ledger, window: Window, most: int) -> int:
    """Return the number of rows of calls in *window*, counting up to *most*."""
    return rows(window).count_up_to(ledger, most)


def count_up_to(ledger: Ledger, table: str, time: str, window: Window, most: int) -> int:
    """Return the number of rows of *table* with *time* in *window*, counting up to *most*."""
    return _count_up_to(ledger, table, time, (window.since_ns, window.until_ns, most))


def _count_up_to(ledger: Ledger, table: str, time: str, values: tuple[int, int, int]) -> int:
    if ledger.counts_rows and table == "calls":
        since_ns, until_ns, most = values
        return min(most, _count_by_hours(ledger, Window(since_ns, until_ns)))
    (found,) = ledger.rows(
        "SELECT count(*) FROM"
        f" (SELECT 1 FROM {table} WHERE {time} >= ? AND {time} < ? LIMIT ?) AS found",
        values,
    )
    return int(found[0])


def _count_by_hours(ledger: Ledger, window: Window) -> int:
    """Return the number of calls in *window*, from hourly sums, which are cheaper than rows."""
    first, end = window.whole(NS_PER_HOUR)
    counted = 0
    if first < end:
        sql = "SELECT coalesce(sum(calls), 0) FROM hourly_costs WHERE hour >= ? AND hour < ?"
        ((counted,),) = ledger.rows(sql, (first, end))
    for edge in window.edges(NS_PER_HOUR):
        sql = "SELECT count(*) FROM calls WHERE start_ns >= ? AND start_ns < ?"
        ((found,),) = ledger.rows(sql, (edge.since_ns, edge.until_ns))
        counted += found
    return int(counted)
