"""The most expensive users or sessions of a window, found by the database.

A line for each of 150,000 sessions takes Python seconds; the database sorts their sums in a
fraction of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import BILLED
from otel_cost_ledger.model.sums import NO_PERSON
from otel_cost_ledger.query.grouping import COLUMN_OF, PERSONS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.sql import SqlValue
    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.query.sources import Source

OTHERS: Final = -2
"""Id of all persons that are not among the most expensive."""
MOST: Final = 10_000
"""Maximum persons in one statement."""


@dataclass(frozen=True, slots=True)
class TopPersons:
    """The most expensive users or sessions; `NO_PERSON` is the id of calls without one."""

    column: str
    ids: tuple[int, ...]
    """Sorted by cost, then number of calls, both descending, then by name."""
    count: int
    """Total number of persons."""

    def named(self) -> str:
        """Return SQL for the column, with `OTHERS` for all other persons."""
        return f"CASE WHEN {self.is_among} THEN {_known(self.column)} ELSE {OTHERS} END"

    @property
    def is_among(self) -> str:
        """SQL condition for the rows of these persons; the ids are internal integers."""
        return (
            f"{_known(self.column)} IN ({', '.join(str(int(id_)) for id_ in self.ids) or 'NULL'})"
        )


def is_by_person(by: Collection[str]) -> bool:
    """Return whether each group of *by* is one user or one session."""
    return len(by) == 1 and set(by) <= set(PERSONS)


def top_persons(
    ledger: Ledger, plan: Sequence[Source], name: str, filters: Filters, most: int
) -> TopPersons:
    """Return the *most* most expensive of *name*, `user` or `session`, by the sums of *plan*."""
    column = COLUMN_OF[name]
    parts: list[str] = []
    values: list[SqlValue] = []
    for source in plan:
        calls = "1" if source.is_rows else "calls"
        what = f"{_known(column)} AS person, coalesce(cost_nano_usd, 0) AS cost, {calls} AS calls"
        sql, bound = source.selected(what, filters)
        parts.append(f"{sql} AND {BILLED}")
        values += bound
    summed = (
        "SELECT person, sum(cost) AS cost, sum(calls) AS calls"
        f" FROM ({' UNION ALL '.join(parts)}) AS every GROUP BY person"
    )
    rows = list(
        ledger.rows(
            f"SELECT person, count(*) OVER () FROM ({summed}) AS each_one"
            " ORDER BY cost DESC, calls DESC, person LIMIT ?",
            [*values, min(most, MOST)],
        )
    )
    ids = tuple(int(person) for person, _ in rows)
    return TopPersons(column, ids, int(rows[0][1]) if rows else 0)


def _known(column: str) -> str:
    return f"coalesce({column}, {NO_PERSON})"
