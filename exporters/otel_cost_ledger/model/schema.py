"""The tables of the ledger, and the triggers that update its sums exactly.

One narrow row a model call, clustered by time. Everything that repeats (names, statuses, reasons)
is interned in three small tables, so that a row holds numbers only:

- `dims`: who answered and for whom; the key of the daily rollup
- `origins`: how the call was made and recorded
- `outcomes`: what became of it: price status, billing decision, error; an outcome has a
  negative id when its calls are not billed, which spares the trigger and most queries a join

Triggers add every new row to `daily_costs` and `latency_histogram` in the transaction that
inserts it, and move it there when a row is revised, so the rollups cannot drift from the rows.
They ignore DELETE on purpose: retention removes rows and keeps the sums.
"""

from __future__ import annotations

import sqlite3
from typing import Final

NS_PER_DAY: Final = 86_400_000_000_000
NS_PER_HOUR: Final = 3_600_000_000_000
NS_PER_US: Final = 1_000

SCHEMA_VERSION: Final = 3
"""Stored in `PRAGMA user_version`; a higher number in a file means a newer ledger than ours."""

APPLICATION_ID: Final = 0x4F544C31
"""`PRAGMA application_id`, so that `file` and we recognise a ledger ("OTL1")."""

KEPT_SINCE: Final = "rows_kept_since_ns"
"""Key in `meta`: retention has removed every call that started before this."""

# Some long-lived Linux releases pair Python 3.11 with an SQLite older than STRICT tables.
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


def create_schema(connection: sqlite3.Connection) -> None:
    """Create every table, trigger and view of the present version.

    The caller holds the transaction.
    """
    for version in range(1, SCHEMA_VERSION + 1):
        run_migration(connection, version)


def run_migration(connection: sqlite3.Connection, version: int) -> None:
    """Run the script that leads to *version*; the caller holds the transaction."""
    script = migration_script("sqlite", version)
    if sqlite3.sqlite_version_info < _STRICT_SINCE:
        script = script.replace("STRICT, WITHOUT ROWID", "WITHOUT ROWID").replace(") STRICT", ")")
    # executescript() would commit the caller's transaction first.
    for statement in split_statements(script):
        connection.execute(statement)


def migration_script(database: str, version: int) -> str:
    """Return the SQL that leads a ledger in *database* to *version*.

    Scripts never change once released: a ledger made long ago has to be the same as a new one.
    """
    # Costs a writer that finds its ledger ready some milliseconds for nothing.
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
