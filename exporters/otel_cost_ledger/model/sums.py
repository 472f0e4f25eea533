"""Tables of deferred sums, and the SQL that fills them.

`daily_costs` and `latency_histogram` are updated by the statement that inserts a call. The four
tables here are updated a little later, with many calls at a time: they have every call that began
before `summed.until_ns`. For a call that is stored or revised with an earlier start, a trigger adds
or moves it in the same transaction. A query reads calls before that time from the sums and the rest
from the rows, so that its result is exact at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.schema import COUNTERS, NS_PER_DAY, NS_PER_HOUR

if TYPE_CHECKING:
    from otel_cost_ledger.model.sql import Connection

SINCE_VERSION: Final = 3
"""The first schema version with these tables."""

NO_PERSON: Final = -1
"""User or session of a call without one, in the tables of sums."""

HOURS_KEPT_DAYS: Final = 400
"""Retention of hourly sums in days: a leap year and a month, for comparison with last year."""
PEOPLE_HOURS_KEPT_DAYS: Final = 3
"""Retention of hourly sums by user and session; daily ones stay as long as the calls."""

MOST_EXPENSIVE: Final = 15
"""Maximum calls in a query for the most expensive; ClickHouse keeps as many of each hour."""


@dataclass(frozen=True, slots=True)
class SumTable:
    """One table of sums: a period, three more key columns and the totals of `COUNTERS`."""

    name: str
    period: str
    """First key column: hours or days since the epoch."""
    unit_ns: int
    keys: tuple[str, str, str]
    since: str
    """Column of `summed` with the start time of this table's data."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The key columns and the counters."""
        return (self.period, *self.keys, *COUNTERS)

    def from_rows(self, rows: str, where: str) -> str:
        """Return a SELECT of `columns` from *rows*, alias `c`, with the condition *where*."""
        key = ", ".join(self._expression(column) for column in self.keys)
        sums = ", ".join(f"sum(coalesce(c.{name}, 0))" for name in COUNTERS[1:])
        return (
            f"SELECT c.start_ns / {self.unit_ns}, {key}, count(*), {sums}"
            f" FROM {rows} c WHERE {where} GROUP BY 1, 2, 3, 4"
        )

    def add(self, rows: str, where: str) -> str:
        """Return the statement that adds the calls that `from_rows` selects."""
        added = ", ".join(f"{name} = s.{name} + excluded.{name}" for name in COUNTERS)
        return (
            f"INSERT INTO {self.name} AS s ({', '.join(self.columns)})"
            f" {self.from_rows(rows, where)}"
            f" ON CONFLICT ({self.period}, {', '.join(self.keys)}) DO UPDATE SET {added}"
        )

    @property
    def is_late(self) -> str:
        """SQL condition for a call, alias `c`, that is added when it is stored."""
        known = f"SELECT {self.since} FROM summed"
        return f"c.start_ns < (SELECT until_ns FROM summed) AND c.start_ns >= ({known})"

    def _expression(self, column: str) -> str:
        if column == "origin_id":
            # The sums use one of all origins of an agent.
            return "(SELECT agent_id FROM origins WHERE id = c.origin_id)"
        if column == "outcome_id" and "user_id" in self.keys:
            # Likewise for all outcomes with the same status and failure.
            return "(SELECT kind_id FROM outcomes WHERE id = c.outcome_id)"
        if column in {"user_id", "session_id"}:
            return f"coalesce(c.{column}, {NO_PERSON})"
        return f"c.{column}"


_NAMES: Final = ("dim_id", "origin_id", "outcome_id")
_PEOPLE: Final = ("user_id", "session_id", "outcome_id")

HOURLY_COSTS: Final = SumTable("hourly_costs", "hour", NS_PER_HOUR, _NAMES, "hours_since_ns")
DAILY_AGENTS: Final = SumTable("daily_agents", "day", NS_PER_DAY, _NAMES, "days_since_ns")
HOURLY_PEOPLE: Final = SumTable(
    "hourly_people", "hour", NS_PER_HOUR, _PEOPLE, "people_hours_since_ns"
)
DAILY_PEOPLE: Final = SumTable("daily_people", "day", NS_PER_DAY, _PEOPLE, "days_since_ns")

SUM_TABLES: Final = (HOURLY_COSTS, DAILY_AGENTS, HOURLY_PEOPLE, DAILY_PEOPLE)
PEOPLE_TABLES: Final = (HOURLY_PEOPLE, DAILY_PEOPLE)


@dataclass(frozen=True, slots=True)
class Summed:
    """Range of the calls in the tables of sums; times in nanoseconds since the epoch."""

    until_ns: int
    """They have every call that began before this time."""
    days_since_ns: int
    """Start of the daily sums; 0 if they have everything."""
    hours_since_ns: int
    people_hours_since_ns: int


READ_SUMMED: Final = (
    "SELECT until_ns, days_since_ns, hours_since_ns, people_hours_since_ns FROM summed"
)


_ADD: Final = tuple(
    table.add(
        "calls",
        f"c.start_ns >= ? AND c.start_ns < ? AND c.start_ns >= (SELECT {table.since} FROM summed)",
    )
    for table in SUM_TABLES
)


def add_up_to(connection: Connection, end_ns: int) -> None:
    """Add the calls that began before *end_ns* and are not in the sums.

    Runs in the transaction of the caller, which holds the writers' lock.
    """
    began_ns = summed_until(connection)
    if began_ns < end_ns:
        for statement in _ADD:
            connection.execute(statement, (began_ns, end_ns))
        connection.execute("UPDATE summed SET until_ns = ?", (end_ns,))


def summed_until(connection: Connection) -> int:
    """Return the time up to which the sums have every call, in nanoseconds since the epoch."""
    (until_ns,) = connection.execute("SELECT until_ns FROM summed").fetchone()
    return int(until_ns)
