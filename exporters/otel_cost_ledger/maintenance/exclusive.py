"""Maintenance of a ledger file by one process at a time, in transactions of a few milliseconds."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.errors import LedgerNotFoundError
from otel_cost_ledger.sqlite.connection import open_writer
from otel_cost_ledger.sqlite.writer_lock import WriterLock
from otel_host.file_locks import try_lock, unlock
from otel_host.private_files import open_private

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

LOCK_GOAL_S: Final = 0.010
"""Chunks are sized so that each holds the write lock about this long; the promise is 30 ms."""
_FIRST_CHUNK: Final = 200
_SMALLEST_CHUNK: Final = 20
_LARGEST_CHUNK: Final = 5_000
_STEPS_A_CHECKPOINT: Final = 32
"""A checkpoint waits for the disk a few times, however much there is to do."""


class Chunks:
    """Transactions on one connection, sized by how long the last one kept others waiting."""

    def __init__(self, connection: sqlite3.Connection, writer_lock: WriterLock) -> None:
        self.connection = connection
        self.size = _FIRST_CHUNK
        """How many rows the next transaction is to change."""
        self.longest_s = 0.0
        """The longest time that the write lock was held."""
        self._writer_lock = writer_lock
        self._steps = 0

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock and a transaction for the body."""
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
                self.size = _next_size(self.size, took_s)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Hold the writers' queue for the body, without a transaction."""
        with self._writer_lock.held():
            yield

    def delete(self, table: str, time_column: str, horizon: int) -> int:
        """Delete rows of *table* before *horizon*, oldest first; return how many."""
        self.size = _FIRST_CHUNK
        deleted = 0
        while True:
            # The end of the chunk is found before the lock is taken.
            found = self.connection.execute(
                f"SELECT {time_column} FROM {table} WHERE {time_column} < ?"
                f" ORDER BY {time_column} LIMIT 1 OFFSET ?",
                (horizon, self.size - 1),
            ).fetchone()
            last = horizon - 1 if found is None else found[0]
            with self.locked():
                deleted += self.connection.execute(
                    f"DELETE FROM {table} WHERE {time_column} <= ?", (last,)
                ).rowcount
            self.checkpoint_now_and_then()
            if found is None:
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
        return max(_SMALLEST_CHUNK, size // 2)
    return min(_LARGEST_CHUNK, size * 2) if took_s < LOCK_GOAL_S / 3 else size


@contextlib.contextmanager
def exclusive(path: Path, busy_timeout_ms: int) -> Iterator[Chunks | None]:
    """Hold the maintenance lock of the ledger at *path*; yields None when another process has it.

    Raises `LedgerNotFoundError` where there is no ledger.
    """
    if not path.exists():
        raise LedgerNotFoundError(f"there is no cost ledger at {path}")
    descriptor = open_private(path.with_name(path.name + ".maintenance"), os.O_RDWR | os.O_CREAT)
    try:
        if not try_lock(descriptor):
            yield None
            return
        connection = open_writer(path, busy_timeout_ms=busy_timeout_ms)
        # A checkpoint waits for the disk, so it is made between the chunks: others write then.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        writer_lock = WriterLock(path.with_name(path.name + ".lock"), busy_timeout_ms / 1000)
        try:
            yield Chunks(connection, writer_lock)
        finally:
            writer_lock.close()
            connection.close()
    finally:
        # Closing would do, unless a fork has copied the descriptor meanwhile.
        unlock(descriptor)
        os.close(descriptor)
