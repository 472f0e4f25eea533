"""Schema migrations: forward only, with a backup first."""

from __future__ import annotations

import os
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.schema import APPLICATION_ID, SCHEMA_VERSION, run_migration
from otel_host.private_files import create_private

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Migration = Callable[[sqlite3.Connection], None]

MIGRATIONS: Final[Sequence[Migration]] = tuple(
    partial(run_migration, version=version) for version in range(1, SCHEMA_VERSION + 1)
)
"""The migration at index n leads from version n to version n + 1."""


def migrate(
    connection: sqlite3.Connection,
    path: Path,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> None:
    """Migrate the ledger at *path* to the newest version, all steps in one transaction.

    A ledger that is not empty is first copied to `<name>.v<version>.bak`.
    """
    (before,) = connection.execute("PRAGMA user_version").fetchone()
    if 0 < before < len(migrations):
        _back_up(connection, path.with_name(f"{path.name}.v{before}.bak"))
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated it during the wait for the lock.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for step in migrations[version:]:
            step(connection)
        if version < len(migrations):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    target.unlink(missing_ok=True)
    os.close(create_private(target))
    copy = sqlite3.connect(target)
    try:
        connection.backup(copy)
    finally:
        copy.close()
