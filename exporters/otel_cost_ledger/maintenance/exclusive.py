"""Exclusive maintenance of a ledger file, in transactions of a few milliseconds."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.errors import LedgerNotFoundError
from otel_cost_ledger.sqlite.connection import open_writer
from otel_cost_ledger.sqlite.forking import LONGEST_WAIT_S, watch
from otel_cost_ledger.sqlite.writer_lock import WriterLock
from otel_host.file_locks import try_lock, unlock
from otel_host.private_files import open_private

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

LOCK_GOAL_S: Final = 0.010
"""Target time of the write lock per chunk; the documented limit is 30 ms."""
_FIRST_CHUNK: Final = 200
_SMALLEST_CHUNK: Final = 20
_LARGEST_CHUNK: Final = 10_000
_STEPS_A_CHECKPOINT: Final = 32
"""A checkpoint syncs the disk a few times, independent of its size."""


class Chunks:
    """Transactions on one connection, sized by the lock time of the last one."""

    def __init__(self, path: Path, busy_timeout_ms: int) -> None:
        self._path = path
        self._busy_timeout_ms = busy_timeout_ms
        self._opened: sqlite3.Connection | None = None
        # Held by the maintenance thread except in a pause, in which a fork may close the
        # connection.
        self._in_use = threading.Lock()
        self._in_use.acquire()
        self._fork_waits = self._held_for_fork = False
        self._fork_came = threading.Event()
        self.size = _FIRST_CHUNK
        """Number of rows for the next transaction."""
        self._smallest = _SMALLEST_CHUNK
        self.longest_s = 0.0
        """Longest time that the write lock was held."""
        self._writer_lock = WriterLock(path.with_name(path.name + ".lock"), busy_timeout_ms / 1000)
        self._steps = 0
        watch(self)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, which may change after each transaction."""
        if self._opened is None:
            self._opened = open_writer(self._path, busy_timeout_ms=self._busy_timeout_ms)
            # A checkpoint waits for the disk, so it runs between the chunks, when others can write.
            self._opened.execute("PRAGMA wal_autocheckpoint = 0")
        return self._opened

    def close(self) -> None:
        """Close the connection and the lock file."""
        self._writer_lock.close()
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def before_fork(self) -> None:
        """Close the connection after the current transaction; a child must not inherit it.

        It stays open without a pause in `LONGEST_WAIT_S`, such as during an archive.
        """
        self._fork_came.clear()
        self._fork_waits = True
        self._held_for_fork = self._in_use.acquire(timeout=LONGEST_WAIT_S)
        self._fork_waits = False
        self._fork_came.set()
        if self._held_for_fork:
            self.close()

    def after_fork_in_parent(self) -> None:
        """Continue with another connection."""
        if self._held_for_fork:
            self._in_use.release()

    def after_fork_in_child(self) -> None:
        """Do nothing: the maintenance thread exists only in the parent."""

    def _pause_for_fork(self) -> None:
        if self._fork_waits:
            self._in_use.release()
            self._fork_came.wait(LONGEST_WAIT_S)
            self._in_use.acquire()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock and a transaction for the body."""
        self._pause_for_fork()
        with self.waiting():
            self.connection.execute("BEGIN IMMEDIATE")
            began = time.perf_counter()
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
            finally:
                took_s = time.perf_counter() - began
                self.longest_s = max(self.longest_s, took_s)
                self.size = max(self._smallest, _next_size(self.size, took_s))

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Hold the writers' lock file for the body, without a transaction."""
        with self._writer_lock.held():
            yield

    def start_with(self, size: int, smallest: int) -> None:
        """Begin another task, with *size* rows per transaction and never fewer than *smallest*."""
        self.size, self._smallest = size, smallest

    def delete(self, table: str, time_column: str, horizon: int) -> int:
        """Delete rows of *table* before *horizon*, oldest first; return their number."""
        self.start_with(_FIRST_CHUNK, _SMALLEST_CHUNK)
        deleted = 0
        while True:
            # The end of the chunk is found before the lock is taken.
            row = self.connection.execute(
                f"SELECT {time_column} FROM {table} WHERE {time_column} < ?"
                f" ORDER BY {time_column} LIMIT 1 OFFSET ?",
                (horizon, self.size - 1),
            ).fetchone()
            last = horizon - 1 if row is None else row[0]
            with self.locked():
                deleted += self.connection.execute(
                    f"DELETE FROM {table} WHERE {time_column} <= ?", (last,)
                ).rowcount
            self.checkpoint_now_and_then()
            if row is None:
                return deleted

    def checkpoint_now_and_then(self) -> None:
        """Move the WAL to the file; no writer waits for it."""
        self._steps += 1
        if self._steps % _STEPS_A_CHECKPOINT == 0:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Move the WAL to the file."""
        self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _next_size(size: int, took_s: float) -> int:
    if took_s > LOCK_GOAL_S:
        return size // 2
    return min(_LARGEST_CHUNK, size * 2) if took_s < LOCK_GOAL_S / 3 else size


@contextlib.contextmanager
def exclusive(path: Path, busy_timeout_ms: int) -> Iterator[Chunks | None]:
    """Hold the maintenance lock of the ledger at *path*; yields None if another process has it.

    Raises `LedgerNotFoundError` without a ledger.
    """
    if not path.exists():
        raise LedgerNotFoundError(f"there is no cost ledger at {path}")
    descriptor = open_private(path.with_name(path.name + ".maintenance"), os.O_RDWR | os.O_CREAT)
    try:
        if not try_lock(descriptor):
            yield None
            return
        chunks = Chunks(path, busy_timeout_ms)
        try:
            yield chunks
        finally:
            chunks.close()
    finally:
        # Closing is enough, unless a fork has copied the descriptor meanwhile.
        unlock(descriptor)
        os.close(descriptor)
