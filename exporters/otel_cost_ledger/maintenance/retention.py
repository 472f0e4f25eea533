"""Retention: old calls are deleted in short transactions, so that writers hardly wait.

Only rows go. Daily sums, the latency histogram and the names they use stay for ever.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.maintenance.archive import archive_calls
from otel_cost_ledger.maintenance.retention_result import RetentionResult
from otel_cost_ledger.model.errors import LedgerNotFoundError
from otel_cost_ledger.model.location import PostgresUrl
from otel_cost_ledger.model.quiet import suppressed
from otel_cost_ledger.model.rows import MAX_TIME_NS
from otel_cost_ledger.model.schema import KEPT_SINCE, NS_PER_DAY
from otel_cost_ledger.sqlite.connection import DEFAULT_BUSY_TIMEOUT_MS, open_writer
from otel_cost_ledger.sqlite.writer_lock import WriterLock
from otel_host.file_locks import try_lock, unlock
from otel_host.private_files import open_private

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otel_cost_ledger.model.location import Location

DEFAULT_RETENTION_DAYS: Final = 30
LOCK_GOAL_S: Final = 0.010
"""Chunks are sized so that each holds the write lock about this long; the promise is 30 ms."""
_FIRST_CHUNK: Final = 200
_SMALLEST_CHUNK: Final = 20
_LARGEST_CHUNK: Final = 5_000
_PAGES_A_STEP: Final = 50
_STEPS_A_CHECKPOINT: Final = 32
"""A checkpoint waits for the disk a few times, however much there is to do."""


def retain(
    path: Location,
    *,
    days: int = DEFAULT_RETENTION_DAYS,
    now_ns: int | None = None,
    archive_to: Path | None = None,
    busy_timeout_ms: int = DEFAULT_BUSY_TIMEOUT_MS,
) -> RetentionResult:
    """Delete calls that started before the last *days* whole UTC days; keep their sums.

    With *archive_to* they are first written to a verified file there. One process at a time
    does this. Raises `LedgerError` or `sqlite3.Error`; earlier deletions are kept.
    """
    if days < 1:
        raise ValueError(f"expected to keep at least 1 day, got {days}")
    now_ns = time.time_ns() if now_ns is None else now_ns
    horizon_ns = max(0, now_ns // NS_PER_DAY - days) * NS_PER_DAY
    if isinstance(path, PostgresUrl):
        from otel_cost_ledger.maintenance.postgres_retention import retain_in_postgres

        with suppressed():
            return retain_in_postgres(path, horizon_ns, archive_to, timeout_ms=busy_timeout_ms)
    with suppressed(), _maintenance(path) as mine:
        if not mine:
            return RetentionResult(busy=True)
        connection = open_writer(path, busy_timeout_ms=busy_timeout_ms)
        # A checkpoint waits for the disk, so it is made between the chunks: others write then.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        writer_lock = WriterLock(path.with_name(path.name + ".lock"), busy_timeout_ms / 1000)
        try:
            return _Retention(connection, writer_lock).run(horizon_ns, archive_to)
        finally:
            writer_lock.close()
            connection.close()


class _Retention:
    """One run, measuring how long it keeps others waiting."""

    def __init__(self, connection: sqlite3.Connection, writer_lock: WriterLock) -> None:
        self._connection = connection
        self._writer_lock = writer_lock
        self._longest_s = 0.0
        self._steps = 0

    def run(self, horizon_ns: int, archive_to: Path | None) -> RetentionResult:
        # First the horizon: from here on no writer adds an older row or changes one, so the
        # archive holds exactly the deleted rows, and a replay cannot count a call again.
        before_ns = self._kept_since()
        horizon_ns = max(horizon_ns, before_ns)
        if self._oldest() >= horizon_ns:
            return RetentionResult()
        self._set_kept_since(horizon_ns)
        archive = None
        if archive_to is not None:
            try:
                archive, _ = archive_calls(self._connection, archive_to, 0, horizon_ns)
            except BaseException:
                self._set_kept_since(before_ns)
                raise
        deleted = self._delete("calls", "start_ns", horizon_ns)
        self._delete("replaced_prices", "start_ns", horizon_ns)
        self._delete("latency_violations", "at_ns", horizon_ns)
        self._give_pages_back()
        return RetentionResult(
            deleted_calls=deleted, archive=archive, longest_lock_ms=self._longest_s * 1000
        )

    def _kept_since(self) -> int:
        found = self._connection.execute(
            "SELECT value FROM meta WHERE key = ?", (KEPT_SINCE,)
        ).fetchone()
        return int(found[0]) if found else 0

    def _oldest(self) -> int:
        found = self._connection.execute(
            "SELECT min(t) FROM (SELECT min(start_ns) AS t FROM calls"
            " UNION ALL SELECT min(at_ns) FROM latency_violations)"
        ).fetchone()
        return MAX_TIME_NS if found[0] is None else int(found[0])

    def _set_kept_since(self, horizon_ns: int) -> None:
        with self._locked():
            self._connection.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?)"
                " ON CONFLICT DO UPDATE SET value = excluded.value",
                (KEPT_SINCE, str(horizon_ns)),
            )

    def _delete(self, table: str, time_column: str, horizon_ns: int) -> int:
        """Delete rows of *table* before the horizon, oldest first, in chunks of a few ms."""
        chunk = _FIRST_CHUNK
        deleted = 0
        while True:
            # The end of the chunk is found before the lock is taken.
            found = self._connection.execute(
                f"SELECT {time_column} FROM {table} WHERE {time_column} < ?"
                f" ORDER BY {time_column} LIMIT 1 OFFSET ?",
                (horizon_ns, chunk - 1),
            ).fetchone()
            last_ns = horizon_ns - 1 if found is None else found[0]
            with self._locked() as took:
                deleted += self._connection.execute(
                    f"DELETE FROM {table} WHERE {time_column} <= ?",
                    (last_ns,),
                ).rowcount
            self._checkpoint_now_and_then()
            if found is None:
                return deleted
            chunk = _next_chunk(chunk, took())

    def _give_pages_back(self) -> None:
        while self._connection.execute("PRAGMA freelist_count").fetchone()[0]:
            began = time.perf_counter()
            with self._writer_lock.held():
                # fetchall, because the pragma frees one page for each row that is read.
                self._connection.execute(f"PRAGMA incremental_vacuum({_PAGES_A_STEP})").fetchall()
            self._longest_s = max(self._longest_s, time.perf_counter() - began)
            self._checkpoint_now_and_then()
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _checkpoint_now_and_then(self) -> None:
        """Move the WAL to the file; no writer waits for it."""
        self._steps += 1
        if self._steps % _STEPS_A_CHECKPOINT == 0:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[Callable[[], float]]:
        """Hold the write lock for the body; the value has the time it was held."""
        held_s = 0.0
        with self._writer_lock.held():
            self._connection.execute("BEGIN IMMEDIATE")
            began = time.perf_counter()
            try:
                yield lambda: held_s
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                held_s = time.perf_counter() - began
                self._longest_s = max(self._longest_s, held_s)


def _next_chunk(chunk: int, took_s: float) -> int:
    if took_s > LOCK_GOAL_S:
        return max(_SMALLEST_CHUNK, chunk // 2)
    return min(_LARGEST_CHUNK, chunk * 2) if took_s < LOCK_GOAL_S / 3 else chunk


@contextlib.contextmanager
def _maintenance(path: Path) -> Iterator[bool]:
    """Hold the maintenance lock for the body; yields False when another process has it."""
    if not path.exists():
        raise LedgerNotFoundError(f"there is no cost ledger at {path}")
    descriptor = open_private(path.with_name(path.name + ".maintenance"), os.O_RDWR | os.O_CREAT)
    try:
        mine = try_lock(descriptor)
        yield mine
    finally:
        # Closing would do, unless a fork has copied the descriptor meanwhile.
        unlock(descriptor)
        os.close(descriptor)
