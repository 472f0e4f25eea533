"""Read-only access to a ledger; every query takes one."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from otel_cost_ledger.model.errors import LedgerError, LedgerNotFoundError
from otel_cost_ledger.model.location import ClickHouseUrl, DatabaseUrl, parse_location
from otel_cost_ledger.model.quiet import suppressed
from otel_cost_ledger.model.schema import KEPT_SINCE, SCHEMA_VERSION, create_schema
from otel_cost_ledger.model.sums import READ_SUMMED, SINCE_VERSION, Summed
from otel_cost_ledger.sqlite.connection import newer_schema, open_reader, schema_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_cost_ledger.model.location import Location, PostgresUrl
    from otel_cost_ledger.model.sql import Connection, SqlValue
    from otel_cost_ledger.query.model_names import ModelNames


@dataclass(frozen=True)
class Ledger:
    """A read-only view of the ledger at *location*."""

    location: Location
    connection: Connection
    model_names: list[ModelNames] = field(default_factory=list, repr=False, compare=False)
    """Filled with one element by the first query that needs it."""

    version: int = SCHEMA_VERSION
    """Its schema version; the next writer migrates an older one."""

    counts_rows: bool = False
    """Whether its rows have the bucket of each duration, to be counted by the database."""

    @cached_property
    def summed(self) -> Summed | None:
        """Range of calls in the sums by hour, agent, user and session; None without such sums."""
        if self.version < SINCE_VERSION:
            return None
        ((*moments,),) = self.rows(READ_SUMMED)
        return Summed(*moments)

    @cached_property
    def rows_kept_since_ns(self) -> int:
        """Retention has removed calls that started before this; their daily sums remain."""
        for (value,) in self.rows("SELECT value FROM meta WHERE key = ?", (KEPT_SINCE,)):
            return int(value)
        return 0

    def rows(self, sql: str, values: Sequence[SqlValue] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query; raises `LedgerError` if the file cannot be read."""
        try:
            yield from self.connection.execute(sql, tuple(values))
        except sqlite3.DatabaseError as error:
            raise LedgerError(f"cannot read cost ledger {self.location}: {error}") from error


@contextmanager
def open_ledger(location: Location | str, *, missing_ok: bool = False) -> Iterator[Ledger]:
    """Open the ledger at *location* for reading; all queries inside see one snapshot.

    Raises `LedgerNotFoundError` for a missing ledger, `LedgerError` for another kind of file. An
    empty file reads as an empty ledger, and with *missing_ok* so does a missing one.
    """
    if isinstance(location, str):
        location = parse_location(location)
    if isinstance(location, DatabaseUrl):
        with suppressed(), _open_database(location, missing_ok=missing_ok) as ledger:
            yield ledger
        return
    path = location
    missing = not path.exists()
    if missing and not missing_ok:
        raise LedgerNotFoundError(f"there is no cost ledger at {path}")
    if not missing and not path.is_file():
        raise LedgerError(f"{path} is not a regular file; choose another path")
    with suppressed():
        connection = _empty() if missing else open_reader(path)
        try:
            version = SCHEMA_VERSION if missing else schema_version(connection, path)
            if version > SCHEMA_VERSION:
                raise newer_schema(path, version)
            if version == 0:
                connection.close()
                connection, version = _empty(), SCHEMA_VERSION
            connection.execute("BEGIN")
            yield Ledger(path, connection, version=version)
        finally:
            connection.close()


@contextmanager
def _open_database(url: PostgresUrl | ClickHouseUrl, *, missing_ok: bool) -> Iterator[Ledger]:
    # Imported late, because the driver takes half a second to load.
    connection: Connection | None
    version, counts_rows = SCHEMA_VERSION, False
    if isinstance(url, ClickHouseUrl):
        from otel_cost_ledger.clickhouse import connection as clickhouse

        connection, counts_rows = clickhouse.open_for_reading(url), True
    else:
        from otel_cost_ledger.postgres import connection as postgres

        connection = connected = postgres.open_for_reading(url)
        version = SCHEMA_VERSION if connected is None else connected.schema_version
    if connection is None and not missing_ok:
        raise LedgerNotFoundError(f"there is no cost ledger in {url} yet")
    opened = connection or _empty()
    try:
        yield Ledger(
            url, opened, version=version, counts_rows=counts_rows and connection is not None
        )
    finally:
        opened.close()


def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    create_schema(connection)
    return connection
