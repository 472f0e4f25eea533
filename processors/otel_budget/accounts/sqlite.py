"""Budget accounts in a SQLite file shared by the processes of a host; opened late, fork-safe."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_budget.accounts.repair import (
    ForeignFileError,
    check_pages,
    check_tables,
    is_damage,
    replace_damaged,
)
from otel_budget.accounts.schema import (
    LONGEST_WAIT_S,
    SCHEMA_VERSION,
    BudgetFileError,
    upgrade_from,
)
from otel_host import fork_hooks
from otel_host.descriptors import keep_forever
from otel_host.private_files import create_missing, make_private_folder, narrow_mode
from otel_host.sqlite_files import sqlite_files

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Transaction
    from otel_host.descriptors import FilesOf

_SHORT_WAIT_S = 0.05
_BACKOFF_S = 1.0
"""Seconds after a lock timeout in which other transactions wait only briefly."""


class Database:
    """One connection of this process, used by one thread at a time.

    It uses `sqlite3.Connection` directly, which instrumentations of `sqlite3.connect` do not see.
    It is closed before a fork, because SQLite's locks do not survive one.
    """

    def __init__(self, path: Path, report: Callable[[str], None] = lambda _line: None) -> None:
        self.path = path
        self.write_every_s = 0.0
        self.renewals = 0
        """Number of times that the file was found replaced."""
        self._report = report
        self._is_suspect = False
        self._file_id: int | None = None
        """Random identity of a file: inode numbers are reused."""
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._files: FilesOf | None = None
        self._inherited: sqlite3.Connection | None = None
        self._locked_for_fork = False
        self._trouble_until = 0.0
        fork_hooks.watch(fork_hooks.Stage.DATABASES, self)

    @contextmanager
    def transaction(
        self, _accounts: Collection[BudgetAccount] | None = None, /
    ) -> Iterator[Transaction]:
        """Hold the write lock, which locks all accounts; commit unless the body raises.

        Raises BudgetFileError when the file cannot be used in time.
        """
        with self._lock:
            try:
                wait_s = _SHORT_WAIT_S if time.monotonic() < self._trouble_until else LONGEST_WAIT_S
                connection = self._opened(wait_s)
                _retry(lambda: connection.execute("BEGIN IMMEDIATE"), wait_s)
            except (sqlite3.Error, OSError) as error:
                self._trouble_until = time.monotonic() + _BACKOFF_S
                self._forget()
                raise BudgetFileError(f"cannot use {self.path}: {error}") from error
            try:
                yield connection
                connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                self._is_suspect = self._is_suspect or is_damage(error)
                self._forget()
                raise BudgetFileError(f"cannot write {self.path}: {error}") from error
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def now_ns(self, db: Transaction) -> None:
        """All users of a file share the clock of their machine."""

    def close(self) -> None:
        """Close the connection; the next transaction opens it again."""
        with self._lock:
            self._forget()

    def _opened(self, wait_s: float) -> sqlite3.Connection:
        if self._inherited is not None:
            raise OSError("this process was forked while the file was in use")
        if self._files is not None and not self._files.are_ours():
            self._forget()  # the program closed the descriptors
            if self._inherited is not None:
                raise OSError("the program closed its descriptors and reused their numbers")
        if self._connection is not None and _identity(self.path) != self._identity:
            self._forget()  # deleted or replaced: SQLite would keep using the old one
        if self._connection is None:
            self._connect(wait_s)
        assert self._connection is not None  # noqa: S101 - for the type checkers
        return self._connection

    def _connect(self, wait_s: float) -> None:
        before, found = self._identity, _identity(self.path)
        if before is not None and found is None:
            self._report(f"{self.path} was removed while in use; budgets continue with the "
                         "known spending in a new file")  # fmt: skip

        def connect() -> sqlite3.Connection:
            return _connect(self.path, wait_s, check=self._is_suspect)

        try:
            self._connection = connect()
        except (sqlite3.DatabaseError, ForeignFileError) as error:
            if not is_damage(error):
                raise
            self._connection = replace_damaged(self.path, connect, self._report)
        self._is_suspect = False
        self._identity = _identity(self.path)
        self._files = sqlite_files(self.path)
        (file_id,) = self._connection.execute("PRAGMA application_id").fetchone()
        if self._file_id is not None and file_id != self._file_id:
            self.renewals += 1
        self._file_id = file_id

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        files, self._files = self._files, None
        if connection is not None and (files is None or files.reclaim()):
            connection.close()
        elif connection is not None:
            # SQLite would close descriptors that now belong to the program.
            keep_forever(connection)
            self._inherited = connection
        if files is not None:
            files.close()

    def before_fork(self) -> None:
        """Wait for the current transaction, then close."""
        self._locked_for_fork = self._lock.acquire(timeout=LONGEST_WAIT_S)
        if self._locked_for_fork:
            self._forget()

    def after_fork_in_parent(self) -> None:
        """Release the lock."""
        if self._locked_for_fork:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Use a new lock; become unusable if the parent was in a transaction."""
        self._lock = threading.Lock()
        if not self._locked_for_fork:
            self._inherited, self._connection = self._connection, None


def _connect(path: Path, wait_s: float, *, check: bool = False) -> sqlite3.Connection:
    make_private_folder(path.parent)
    create_missing(path)
    connection = sqlite3.Connection(
        path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    try:
        _retry(lambda: _prepare(connection), wait_s)
        if check:
            check_pages(connection)
        narrow_mode(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # A crash of the machine may lose the accounts: they are rebuilt from the ledger.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        check_tables(connection, version)
        if not version:
            file_id = random.getrandbits(31)
            connection.execute(f"PRAGMA application_id = {file_id}")
        if version < SCHEMA_VERSION:
            for statement in upgrade_from(version):
                connection.execute(statement.format(identity="INTEGER"))
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    if version > SCHEMA_VERSION:
        raise OSError("it was made by a newer version; upgrade otel-distro")


def _retry(action: Callable[[], object], wait_s: float) -> None:
    """Retry *action* until SQLite is not busy; SQLite's busy handler would starve some waiters."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            busy = "locked" in str(error) or "busy" in str(error)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.0001, 0.001))  # noqa: S311 - spreads the waiting
        else:
            return


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
