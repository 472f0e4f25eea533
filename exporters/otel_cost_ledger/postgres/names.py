"""Interned names in PostgreSQL; other writers may add the same name concurrently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.model.entries import ToolKey
from otel_cost_ledger.model.rows import DimKey, OriginKey, OutcomeKey
from otel_cost_ledger.sqlite.interning import (
    DimTable,
    Key,
    NameTable,
    coarser_dim,
    coarser_origin,
    coarser_outcome,
    coarser_tool,
)

if TYPE_CHECKING:
    from otel_cost_ledger.postgres.connection import PostgresConnection


class _Counted(NameTable[Key]):
    """A table with a row count: identities have gaps if two writers add the same name."""

    def _size(self) -> int:
        (size,) = self._connection.execute(f"SELECT count(*) FROM {self._table}").fetchone()
        return int(size)


class _Dims(_Counted[DimKey], DimTable):
    pass


class _Outcomes(_Counted[OutcomeKey]):
    def _insert_row(self, key: OutcomeKey) -> None:
        sign = "" if key.billed else "-"
        columns = ", ".join(self._columns)
        marks = ", ".join("?" * len(self._columns))
        self._connection.execute(
            f"INSERT INTO outcomes (id, {columns})"
            f" VALUES ({sign}nextval('outcome_ids'), {marks}) ON CONFLICT DO NOTHING",
            key,
        )


class PostgresNames:
    """The interning tables of one connection; additions are committed at once."""

    def __init__(self, connection: PostgresConnection, max_names: int) -> None:
        self.dims = _Dims(connection, "dims", DimKey._fields, coarser_dim, max_names)
        self.origins = _Counted[OriginKey](
            connection, "origins", OriginKey._fields, coarser_origin, max_names
        )
        self.outcomes = _Outcomes(
            connection, "outcomes", OutcomeKey._fields, coarser_outcome, max_names
        )
        self.tools = _Counted[ToolKey](
            connection, "tools", ToolKey._fields, coarser_tool, max_names
        )

    def forget(self) -> None:
        """Drop every cached id."""
        self.tools.forget()
        self.dims.forget()
        self.origins.forget()
        self.outcomes.forget()
