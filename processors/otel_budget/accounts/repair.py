"""Replacement of a damaged or foreign budget file by a new one.

The old file is renamed, never removed; its readable part is copied.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from otel_host.file_locks import HAS_LOCKS, wait_and_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CORRUPT, _NOT_A_DATABASE = 11, 26
_SIDE_FILES = ("", "-wal", "-shm", "-journal")
_MOST_SPENT = 1 << 62


class ForeignFileError(OSError):
    """The file is a database of another application."""


def is_damage(error: BaseException) -> bool:
    """Return whether *error* reports a damaged file or a file of another application."""
    if isinstance(error, ForeignFileError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.DatabaseError) and (
        isinstance(code, int) and code & 0xFF in {_CORRUPT, _NOT_A_DATABASE}
    )


def check_tables(connection: sqlite3.Connection, version: int) -> None:
    """Raise ForeignFileError unless the database is new or has the tables of *version*."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not version and tables:
        raise ForeignFileError("it is the database of another application")
    if version:
        try:
            connection.execute(
                "SELECT id, budget, scope, start_ns, spent, reserved FROM books LIMIT 0"
            )
            connection.execute("SELECT id, book_id, amount, owner FROM holds LIMIT 0")
        except sqlite3.OperationalError as error:
            raise ForeignFileError(f"it is the database of another application: {error}") from error


def check_pages(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError if the file's pages are damaged."""
    row = connection.execute("PRAGMA quick_check(1)").fetchone()
    if row is None or row[0] != "ok":
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = _CORRUPT
        raise error


def replace_damaged(
    path: Path, connect: Callable[[], sqlite3.Connection], report: Callable[[str], None]
) -> sqlite3.Connection:
    """Rename the file at *path* and return a connection to a new one.

    One process does so and reports it in one line; the others find the new file. Raises the errors
    of *connect* for the new file, and OSError if the old one cannot be renamed.
    """
    with _exclusive(path):
        try:
            return connect()
        except (sqlite3.DatabaseError, ForeignFileError) as error:
            if not is_damage(error):
                raise
            reason = error
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        for end in _SIDE_FILES:
            with suppress(FileNotFoundError):
                path.with_name(f"{path.name}{end}").replace(f"{aside}{end}")
        connection = connect()
        copied = _copy_spending(aside, connection)
        report(
            f"{path} could not be used ({reason}) and was set aside as {aside.name}; budgets "
            "continue with the known spending: "
            + ("its readable accounts and the ledger" if copied else "that of the ledger")
        )
        return connection


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Exclude other processes of this host from replacing the file at *path*."""
    if not HAS_LOCKS:
        yield
        return
    # The lock is on the folder itself, so that no lock file is left behind.
    descriptor = os.open(path.parent, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        wait_and_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _copy_spending(aside: Path, connection: sqlite3.Connection) -> bool:
    """Copy the readable spending from the file *aside*; return whether there was any."""
    try:
        old = sqlite3.Connection(f"file:{quote(str(aside.absolute()))}?mode=ro", uri=True)
        with closing(old):
            check_tables(old, 1)
            rows = old.execute("SELECT budget, scope, start_ns, spent FROM books").fetchall()
    except (sqlite3.Error, OSError, OverflowError):
        return False
    sound = [
        (budget, scope, start_ns, spent)
        for budget, scope, start_ns, spent in rows
        if isinstance(budget, str)
        and isinstance(scope, str)
        and isinstance(start_ns, int)
        and isinstance(spent, int)
        and 0 <= spent < _MOST_SPENT
    ]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT OR IGNORE INTO books (budget, scope, start_ns, spent, reserved, notified_percent)"
        " VALUES (?, ?, ?, ?, 0, 0)",
        sound,
    )
    connection.execute("COMMIT")
    return bool(sound)
