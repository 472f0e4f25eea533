"""Tables and materialized views in ClickHouse: creation, migration and checks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.clickhouse.connection import (
    ROWS_DAYS,
    SCHEMA_VERSION,
    VERSION,
    ClickHouseConnection,
    newer_schema,
    read_meta,
)
from otel_cost_ledger.clickhouse.dialect import literal
from otel_cost_ledger.model.errors import LedgerNotFoundError
from otel_cost_ledger.model.schema import migration_script, split_statements

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import ClickHouseUrl

DEFAULT_DAYS: Final = 30
MOST_DAYS: Final = 3650
"""Ten years: the date type of ClickHouse's TTL ends in 2106."""
_DAYS: Final = "{rows_days}"
_OF_SPANS: Final = ("ledger_spans", "ledger_tool_calls")
"""Tables that materialized views fill from the Collector's spans."""
_LIFETIME: Final = re.compile(
    r"CREATE TABLE IF NOT EXISTS (\w+)\b.*\nTTL (.+) \+ INTERVAL", re.DOTALL
)
_VIEW: Final = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (ledger_\w+)")


@dataclass(frozen=True, slots=True)
class Upgraded:
    """Result of a creation or migration."""

    before: int
    """The previous schema version; 0 for none."""
    after: int
    read_days: int
    """Days of existing spans from which the ledger was filled."""
    rows_days: int
    """Retention of rows in days."""


def init(url: ClickHouseUrl, *, rows_days: int = DEFAULT_DAYS) -> Upgraded:
    """Create the database, its tables and views; fill them from existing spans.

    Existing tables are migrated. Rows are kept for *rows_days* days. Raises `NewerSchemaError` for
    tables of a later version and `LedgerError` if the server refuses.
    """
    server = ClickHouseConnection(url, writes=True, database="default")
    server.command(f"CREATE DATABASE IF NOT EXISTS `{_quoted(url)}`")
    return _upgrade(url, rows_days)


def upgrade(url: ClickHouseUrl, *, rows_days: int | None = None) -> Upgraded:
    """Migrate the tables at *url*; *rows_days* None leaves their retention unchanged.

    Raises `LedgerNotFoundError` without tables, else as `init`.
    """
    if ClickHouseConnection(url, writes=True, database="default").read(
        f"SELECT 1 FROM system.tables WHERE name = 'ledger_meta'"
        f" AND database = {literal(url.parameters['dbname'])}"
    ):
        return _upgrade(url, rows_days)
    raise LedgerNotFoundError(
        f"there is no cost ledger in {url} yet; run: otel-distro stack clickhouse init URL"
    )


def _upgrade(url: ClickHouseUrl, rows_days: int | None) -> Upgraded:
    connection = ClickHouseConnection(url, writes=True)
    meta = read_meta(connection) or {}
    before = int(meta.get(VERSION, 0))
    if before > SCHEMA_VERSION:
        raise newer_schema(url, before)
    kept_days = int(meta.get(ROWS_DAYS, DEFAULT_DAYS))
    days = kept_days if rows_days is None else rows_days
    read_days = 0
    for version in range(before + 1, SCHEMA_VERSION + 1):
        for statement in statements_of(version, days):
            connection.command(statement)
        if version == 1:
            read_days = fill_from_spans(connection)
        # Last: an interrupted script is run again, and is idempotent.
        _remember(connection, VERSION, str(version))
    if days != kept_days or before == 0:
        keep_rows_for(connection, days)
    return Upgraded(before, max(before, SCHEMA_VERSION), read_days, days)


def statements_of(version: int, rows_days: int) -> list[str]:
    """Return the statements of the migration to *version*."""
    script = migration_script("clickhouse", version).replace(_DAYS, str(rows_days))
    return split_statements(script)


def views() -> list[str]:
    """Return the names of the views that fill the ledger."""
    return [
        view[1]
        for statement in _statements(DEFAULT_DAYS)
        if (view := _VIEW.search(statement)) is not None
    ]


def _statements(rows_days: int) -> list[str]:
    return [
        statement
        for version in range(1, SCHEMA_VERSION + 1)
        for statement in statements_of(version, rows_days)
    ]


def keep_rows_for(connection: ClickHouseConnection, days: int) -> None:
    """Set a TTL of *days* on every table with rows of calls."""
    for statement in _statements(days):
        # Sums by name stay: those tables have no TTL.
        if (table := _LIFETIME.search(statement)) is not None:
            connection.command(
                f"ALTER TABLE {table[1]} MODIFY TTL {table[2]} + INTERVAL {days} DAY"
            )
    _remember(connection, ROWS_DAYS, str(days))


def fill_from_spans(connection: ClickHouseConnection) -> int:
    """Fill the ledger from the spans in `otel_traces`; return the number of days with spans.

    Spans that arrive meanwhile are read twice and counted once.
    """
    days = [
        day
        for (day,) in connection.read(
            "SELECT DISTINCT toString(toDate(Timestamp)) FROM otel_traces ORDER BY 1"
        )
    ]
    for table in _OF_SPANS:
        select = _select_of(table)
        for day in days:
            connection.command(
                f"INSERT INTO {table} {select} AND toDate(Timestamp) = {literal(day)}"
            )
    return len(days)


def _select_of(table: str) -> str:
    """Return the SELECT of the view that fills *table*, which ends with its condition."""
    head = f"CREATE MATERIALIZED VIEW IF NOT EXISTS {table}_mv TO {table} AS"
    for statement in statements_of(1, DEFAULT_DAYS):
        _, found, select = statement.partition(head)
        if found:
            return select.strip().rstrip(";")
    raise AssertionError(f"no view fills {table}")


def _remember(connection: ClickHouseConnection, key: str, value: str) -> None:
    connection.command(
        f"INSERT INTO ledger_meta (key, value) VALUES ({literal(key)}, {literal(value)})"
    )


def _quoted(url: ClickHouseUrl) -> str:
    return url.parameters["dbname"].replace("\\", "\\\\").replace("`", "\\`")
