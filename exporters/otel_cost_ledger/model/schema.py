"""Tables of the ledger, and triggers that update its sums exactly.

One narrow row per model call, clustered by time. Repeated values (names, statuses, reasons) are
interned in three small tables, so that a row has numbers only:

- `dims`: provider, model and caller; the key of the daily rollup
- `origins`: the origin of the call and of its record
- `outcomes`: price status, billing decision, error; an outcome has a negative id if its calls are
  not billed, which saves the trigger and most queries a join

Triggers add every new row to `daily_costs` and `latency_histogram` in the transaction that inserts
it, and move it there when a row is revised, so the rollups cannot drift from the rows. They
deliberately ignore DELETE: retention removes rows and keeps the sums.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_cost_ledger.model.sql import Connection

NS_PER_DAY: Final = 86_400_000_000_000
NS_PER_HOUR: Final = 3_600_000_000_000
NS_PER_US: Final = 1_000

SCHEMA_VERSION: Final = 3
"""Stored in `PRAGMA user_version`; a higher number in a file means a later version of the ledger.
"""

APPLICATION_ID: Final = 0x4F544C31
"""`PRAGMA application_id`, which identifies a ledger, also for `file` ("OTL1")."""

KEPT_SINCE: Final = "rows_kept_since_ns"
"""Key in `meta`: retention has removed every call that started before this."""

# Some long-term Linux releases combine Python 3.11 with an SQLite older than STRICT tables.
_STRICT_SINCE: Final = (3, 37)

COUNTERS: Final = (
    "calls",
    "cost_nano_usd",
    "exposure_nano_usd",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "latency_us",
)
"""The additive columns of `daily_costs`, in table order."""


def rows_kept_since(connection: Connection) -> int:
    """Return the start of the rows that retention keeps, in nanoseconds since 1970; 0 for all."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (KEPT_SINCE,)).fetchone()
    return int(row[0]) if row else 0


def create_schema(connection: sqlite3.Connection) -> None:
    """Create every table, trigger and view of the current version.

    The caller holds the transaction.
    """
    for version in range(1, SCHEMA_VERSION + 1):
        run_migration(connection, version)


def run_migration(connection: sqlite3.Connection, version: int) -> None:
    """Run the migration script to *version*; the caller holds the transaction."""
    script = migration_script("sqlite", version)
    if sqlite3.sqlite_version_info < _STRICT_SINCE:
        script = script.replace("STRICT, WITHOUT ROWID", "WITHOUT ROWID").replace(") STRICT", ")")
    # executescript() would commit the caller's transaction first.
    for statement in split_statements(script):
        connection.execute(statement)


def migration_script(database: str, version: int) -> str:
    """Return the SQL that migrates a ledger in *database* to *version*.

    Scripts never change after a release: an old ledger has to be identical to a new one.
    """
    # Imported late: a writer with an up-to-date ledger saves some milliseconds.
    from importlib.resources import files

    script = files("otel_cost_ledger.model") / "migration_scripts" / f"{database}_{version}.sql"
    return script.read_text(encoding="utf-8")


def split_statements(script: str) -> list[str]:
    """Return the statements of an SQL *script*, triggers whole."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements
