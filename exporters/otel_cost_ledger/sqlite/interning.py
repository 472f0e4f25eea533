"""Interning of repeated names as small integers, with a limit per ledger.

Beyond the limit new names are stored as `_other`: the rollup has a row for each combination, so a
name that differs in every call would make it as large as the table of calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from otel_cost_ledger.model.entries import ToolKey
from otel_cost_ledger.model.rows import DimKey, OriginKey, OutcomeKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.model.sql import Connection

OTHER: Final = "_other"
DEFAULT_MAX_NAMES: Final = 10_000
"""Maximum combinations in each of dims, origins and outcomes."""

_UNLIMITED: Final = 1 << 62

Key = TypeVar("Key", DimKey, OriginKey, OutcomeKey, ToolKey)


class NameTable(Generic[Key]):
    """Finds or creates the id of a key in one interning table, in the caller's transaction."""

    def __init__(
        self,
        connection: Connection,
        table: str,
        columns: tuple[str, ...],
        coarser: Callable[[Key], tuple[Key, Key]],
        max_names: int,
    ) -> None:
        self._connection = connection
        self._table = table
        self._columns = columns
        self._coarser: Callable[[Key], tuple[Key, Key]] = coarser
        self._max_names = max_names
        self.ids: dict[Key, int] = {}
        """Cache of ids; reading it saves the hot loop a call of `id_of`."""
        where = " AND ".join(f"{column} = ?" for column in columns)
        # Table and column names are constants of this module; values are always bound.
        self._select = f"SELECT id FROM {table} WHERE {where}"
        marks = ", ".join("?" * len(columns))
        names = ", ".join(columns)
        self._insert = f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"

    def forget(self) -> None:
        """Drop the cached ids: after a rollback they may refer to rows that do not exist."""
        self.ids.clear()

    def id_of(self, key: Key) -> int:
        """Return the id of *key*, or beyond the limit that of a coarser key."""
        found = self.ids.get(key)
        if found is None:
            found = self._find_or_insert(key)
            if len(self.ids) >= 2 * self._max_names:
                self.ids.clear()
            self.ids[key] = found
        return found

    def _find_or_insert(self, key: Key) -> int:
        # The first fallback is unbounded too, but smaller: it gets a tenth more, the last is always
        # added.
        coarse, coarsest = self._coarser(key)
        candidates: list[tuple[Key, int]] = [
            (key, self._max_names),
            (coarse, self._max_names + self._max_names // 10),
            (coarsest, _UNLIMITED),
        ]
        for candidate, limit in candidates:
            row = self._connection.execute(self._select, candidate).fetchone()
            if row is not None:
                return int(row[0])
            if self._size() < limit:
                return self._add(candidate)
        raise AssertionError("the last limit is never reached")

    def _size(self) -> int:
        # Rows are never deleted, so the smallest and largest id give their number, without a count.
        (size,) = self._connection.execute(
            f"SELECT max(0, ifnull(max(id), 0)) - min(0, ifnull(min(id), 0)) FROM {self._table}"
        ).fetchone()
        return int(size)

    def _add(self, key: Key) -> int:
        self._insert_row(key)
        (found,) = self._connection.execute(self._select, key).fetchone()
        return int(found)

    def _insert_row(self, key: Key) -> None:
        self._connection.execute(self._insert, key)


class DimTable(NameTable[DimKey]):
    """`dims`, whose rows also point at their latency series."""

    def _insert_row(self, key: DimKey) -> None:
        series = (key.provider, key.model, key.operation)
        self._connection.execute(
            "INSERT INTO series (provider, model, operation) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            series,
        )
        self._connection.execute(
            "INSERT INTO dims (service, provider, model, operation, tenant, series_id)"
            " VALUES (?, ?, ?, ?, ?, (SELECT id FROM series"
            " WHERE provider = ? AND model = ? AND operation = ?)) ON CONFLICT DO NOTHING",
            (*key, *series),
        )


class OutcomeTable(NameTable[OutcomeKey]):
    """`outcomes`, whose ids are negative for unbilled calls."""

    def _insert_row(self, key: OutcomeKey) -> None:
        next_id = (
            "max(0, ifnull(max(id), 0)) + 1" if key.billed else "min(0, ifnull(min(id), 0)) - 1"
        )
        columns = ", ".join(self._columns)
        marks = ", ".join("?" * len(self._columns))
        self._connection.execute(
            f"INSERT INTO outcomes (id, {columns}) SELECT {next_id}, {marks} FROM outcomes",
            key,
        )


class Interner:
    """The interning tables of one connection."""

    def __init__(self, connection: Connection, max_names: int = DEFAULT_MAX_NAMES) -> None:
        self.dims = DimTable(connection, "dims", DimKey._fields, coarser_dim, max_names)
        self.origins = NameTable[OriginKey](
            connection, "origins", OriginKey._fields, coarser_origin, max_names
        )
        self.outcomes = OutcomeTable(
            connection, "outcomes", OutcomeKey._fields, coarser_outcome, max_names
        )
        self.tools = NameTable[ToolKey](
            connection, "tools", ToolKey._fields, coarser_tool, max_names
        )

    def forget(self) -> None:
        """Drop every cached id."""
        self.tools.forget()
        self.dims.forget()
        self.origins.forget()
        self.outcomes.forget()


def coarser_dim(key: DimKey) -> tuple[DimKey, DimKey]:
    """Return the replacements of *key* beyond the first limit and the second."""
    return key._replace(tenant=OTHER), DimKey(OTHER, OTHER, OTHER, OTHER, OTHER)


def coarser_origin(key: OriginKey) -> tuple[OriginKey, OriginKey]:
    """Return the replacements of *key* beyond the first limit and the second."""
    wider = key._replace(agent=OTHER, feature_flag=OTHER)
    return wider, OriginKey(OTHER, OTHER, OTHER, OTHER, OTHER, -1)


def coarser_outcome(key: OutcomeKey) -> tuple[OutcomeKey, OutcomeKey]:
    """Keep at least status, billed and failed, which the sums use."""
    wider = key._replace(reason=OTHER, billing_reason=OTHER, price_source=OTHER)
    error_type = OTHER if key.failed else ""
    return wider, wider._replace(error_type=error_type, http_status_code=0)


def coarser_tool(key: ToolKey) -> tuple[ToolKey, ToolKey]:
    """Keep at least the source and the failure."""
    wider = key._replace(tool=OTHER, error_type=OTHER if key.error_type else "")
    return wider, wider._replace(service=OTHER, agent=OTHER)
