"""The ledger file of one process: opened on demand, checked before use, abandoned after a fork."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.sqlite.connection import Synchronous, open_writer
from otel_cost_ledger.sqlite.forking import abandon_connection
from otel_cost_ledger.sqlite.paths import identity
from otel_cost_ledger.sqlite.quarantine import set_aside
from otel_cost_ledger.sqlite.store import Store, Stored
from otel_cost_ledger.sqlite.writer_lock import WriterLock
from otel_host.sqlite_files import sqlite_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_cost_ledger.model.entries import Entry
    from otel_cost_ledger.sqlite.old_sums import OldSums
    from otel_host.descriptors import FilesOf


class LedgerFile:
    """Opens the file on first use, and again if it was replaced."""

    def __init__(
        self, path: Path, *, synchronous: Synchronous, busy_timeout_ms: int, max_names: int
    ) -> None:
        self.path = path
        self._synchronous: Synchronous = synchronous
        self._busy_timeout_ms = busy_timeout_ms
        self._max_names = max_names
        self._writer_lock = WriterLock(path.with_name(path.name + ".lock"), busy_timeout_ms / 1000)
        self._store: Store | None = None
        self._identity: tuple[int, int] | None = None
        self._files: FilesOf | None = None
        self.reopened = 0

    def apply(self, entries: Sequence[Entry]) -> Stored:
        """Store *entries* in one transaction; raises the errors of SQLite and the file system."""
        store = self.opened()
        with self._writer_lock.held():
            return store.apply(entries)

    def add_old_sums(self, sums: OldSums) -> int:
        """Store the sums of days without calls; return the number of new ones."""
        store = self.opened()
        with self._writer_lock.held():
            return store.add_old_sums(sums)

    def opened(self) -> Store:
        """Return the open store, after a check that it is still the file at the path.

        SQLite continues to write to a deleted or replaced file without an error.
        """
        if self._store is not None and (
            identity(self.path) != self._identity or not self._is_intact()
        ):
            self.close()
            self.reopened += 1
        if self._store is None:
            connection = open_writer(
                self.path,
                synchronous=self._synchronous,
                busy_timeout_ms=self._busy_timeout_ms,
            )
            self._store = Store(connection, self._max_names)
            self._identity = identity(self.path)
            self._files = sqlite_files(self.path)
        return self._store

    def _is_intact(self) -> bool:
        return self._files is None or self._files.are_ours()

    def set_busy_timeout(self, timeout_ms: int) -> None:
        """Set the timeout for locks of other processes to *timeout_ms*."""
        self._busy_timeout_ms = min(self._busy_timeout_ms, timeout_ms)
        self._writer_lock.wait_s = self._busy_timeout_ms / 1000
        if self._store is not None:
            self._store.connection.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")

    def set_aside(self) -> Path | None:
        """Quarantine the damaged file; return its new name, None if another process did."""
        # The file may have been too damaged to open: then it is the one at the path.
        damaged = self._identity or identity(self.path)
        self.close()
        with self._writer_lock.held() as acquired:
            return set_aside(self.path, damaged) if acquired else None

    def close(self) -> None:
        """Close the connection; the next `apply` opens it again.

        A connection is not closed if the program has closed its descriptors and reused their
        numbers: SQLite would close the program's files.
        """
        store, self._store, self._identity = self._store, None, None
        files, self._files = self._files, None
        if store is not None and (files is None or files.reclaim()):
            store.connection.close()
        elif store is not None:
            abandon_connection(store.connection)
        if files is not None:
            files.close()

    def release(self) -> None:
        """Close the connection and the lock file."""
        self.close()
        self._writer_lock.close()

    def start_anew(self) -> None:
        """Reset after fork: drop the parent's connection without closing it."""
        # Normally it was closed before the fork; otherwise `forking` keeps a reference to it.
        self._store = None
        self._identity = None
        if self._files is not None:
            self._files.close()
            self._files = None
        # Closing an inherited descriptor does not release the parent's lock.
        self._writer_lock.close()
