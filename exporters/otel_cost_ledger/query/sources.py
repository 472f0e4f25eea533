"""Sources of a time window's numbers: sums for whole days, rows for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.schema import COUNTERS, NS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_cost_ledger.model.filters import Filters, Window
    from otel_cost_ledger.model.sql import SqlValue
    from otel_cost_ledger.query.ledger import Ledger

_ROW_DAY: Final = f"start_ns / {NS_PER_DAY}"
_ROW_SUMS: Final = ("count(*)", *(f"coalesce(sum({name}), 0)" for name in COUNTERS[1:]))
_ROLLUP_SUMS: Final = tuple(f"sum({name})" for name in COUNTERS)


@dataclass(frozen=True, slots=True)
class Source:
    """A table and the range of it that belongs to a window."""

    table: str
    time: str
    since: int
    until: int
    day: str
    """The UTC day of a row, in SQL."""
    sums: Sequence[str] = ()
    """The totals of `COUNTERS`, in SQL."""

    def selected(self, what: str, filters: Filters) -> tuple[str, list[SqlValue]]:
        """Return a SELECT of *what* from the range, and the values to bind."""
        conditions, values = filters.conditions(self.table)
        where = " AND ".join([f"{self.time} >= ?", f"{self.time} < ?", *conditions])
        # Column and table names come from constants; values of users are bound.
        sql = f"SELECT {what} FROM {self.table} WHERE {where}"
        return sql, [self.since, self.until, *values]

    def grouped(
        self, columns: Sequence[str], sums: Sequence[str], filters: Filters
    ) -> tuple[str, list[SqlValue]]:
        """Return a SELECT of *columns* and *sums*, grouped by the columns."""
        named = [self.day if column == "day" else column for column in columns]
        sql, values = self.selected(", ".join([*named, *sums]), filters)
        return f"{sql} GROUP BY {', '.join(str(n + 1) for n in range(len(named)))}", values


def sources(window: Window, *, from_rollup: bool) -> list[Source]:
    """Return where the sums of *window* are: rows only, or the rollup and rows at its edges."""
    if not from_rollup:
        return [rows(window)]
    first, end = window.whole_days()
    found = [Source("daily_costs", "day", first, end, "day", _ROLLUP_SUMS)] if first < end else []
    return found + [rows(edge) for edge in window.edges()]


def rows(window: Window) -> Source:
    """Return the rows of *window*."""
    return Source("calls", "start_ns", window.since_ns, window.until_ns, _ROW_DAY, _ROW_SUMS)


def histogram(window: Window) -> Source:
    """Return the latency histogram of the whole days of *window*."""
    return Source("latency_histogram", "day", *window.whole_days(), "day")


def rows_are_complete(ledger: Ledger, window: Window, *, whole_days_needed: bool) -> bool:
    """Return whether the ledger still has every row that an answer about *window* needs."""
    kept_since = ledger.rows_kept_since_ns
    needed = [window] if whole_days_needed else list(window.edges())
    return all(part.since_ns >= kept_since for part in needed) or kept_since == 0


def rows_up_to(ledger: Ledger, window: Window, most: int) -> int:
    """Return how many rows of calls are in *window*, counting no further than *most*."""
    return count_up_to(ledger, "calls", "start_ns", window, most)


def count_up_to(ledger: Ledger, table: str, time: str, window: Window, most: int) -> int:
    """Return how many rows of *table* have their *time* in *window*, counting up to *most*."""
    (found,) = ledger.rows(
        "SELECT count(*) FROM"
        f" (SELECT 1 FROM {table} WHERE {time} >= ? AND {time} < ? LIMIT ?) AS found",
        (window.since_ns, window.until_ns, most),
    )
    return int(found[0])
