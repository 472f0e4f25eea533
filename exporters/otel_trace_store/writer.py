"""Writer of a trace store, with one transaction per batch."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from otel_host.file_locks import try_lock
from otel_trace_store.arrivals import Arrivals, Written
from otel_trace_store.blocks import log_chunks, pack, span_chunks
from otel_trace_store.duplicates import new_log_records, new_spans
from otel_trace_store.errors import StoreInUseError, TraceStoreError
from otel_trace_store.inserts import (
    insert_costs,
    insert_hours,
    insert_logs,
    insert_points,
    insert_spans,
)
from otel_trace_store.limits import DEFAULT_LIMITS, StoreLimits
from otel_trace_store.log_index import LogIndex
from otel_trace_store.names import Names
from otel_trace_store.retention import remove_old
from otel_trace_store.segments import (
    is_current,
    made_at,
    new_segment_path,
    open_readable,
    open_writable,
    prepare_folder,
    segment_files,
    size_of,
)
from otel_trace_store.sources import Sources
from otel_trace_store.span_index import SpanIndex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCK: Final = "writer.lock"
_LOOK_SECONDS: Final = 60.0


class TraceStoreWriter:
    """Writes to the store in *folder*; for one thread of one process at a time.

    Raises StoreInUseError if another process writes to it, TraceStoreError if it cannot be written.
    *say* receives user messages.
    """

    def __init__(
        self,
        folder: Path,
        limits: StoreLimits = DEFAULT_LIMITS,
        *,
        say: Callable[[str], None] = lambda _message: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.folder = folder
        self._limits = limits
        self._say = say
        self._now = now
        self._connection: sqlite3.Connection | None = None
        self._path: Path | None = None
        self._inode = 0
        self._names: tuple[Names, Sources] | None = None
        self._older: dict[Path, sqlite3.Connection] = {}
        self._looked_at = 0.0
        prepare_folder(folder)
        self._lock: int | None = _locked(folder)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def write(self, arrivals: Arrivals) -> Written:
        """Store *arrivals* so that they survive the process; raises TraceStoreError.

        After an error nothing of them is stored, and the next attempt starts from a clean state.
        """
        try:
            connection, names, sources = self._current()
            connection.execute("BEGIN IMMEDIATE")
            try:
                written = self._store(connection, names, sources, arrivals)
                connection.execute("COMMIT")
            except BaseException:
                self._names = None  # it may cache names that were never stored
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as error:
            self._after_fault(error)
            raise TraceStoreError(f"cannot write traces to {self._path}: {error}") from error
        return written

    @property
    def lock_descriptor(self) -> int:
        """The descriptor that holds the lock of the store; -1 after `close`."""
        return -1 if self._lock is None else self._lock

    def close(self) -> None:
        """Close the files and release the lock."""
        self._close_segment()
        for connection in self._older.values():
            connection.close()
        self._older.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _store(
        self, connection: sqlite3.Connection, names: Names, sources: Sources, arrivals: Arrivals
    ) -> Written:
        spans = logs = points = 0
        if arrivals.spans:
            fresh = new_spans(arrivals.spans, [connection, *self._older.values()])
            hours: dict[tuple[int, int, int], list[int]] = {}
            for chunk in span_chunks(fresh):
                index = SpanIndex(hours=hours)
                index.add_all(chunk, names, sources)
                insert_spans(connection, index, pack(chunk))
                spans += index.records
            insert_hours(connection, hours)
        if arrivals.logs:
            others = list(self._older.values())
            for records in log_chunks(new_log_records(arrivals.logs, connection, others)):
                log_index = LogIndex()
                log_index.add_all(records, names, sources)
                insert_logs(connection, log_index, pack(records))
                logs += log_index.records
        if arrivals.metrics:
            points = insert_points(connection, arrivals.metrics)
        if arrivals.costs:
            insert_costs(connection, arrivals.costs)
        return Written(spans, logs, points)

    def _current(self) -> tuple[sqlite3.Connection, Names, Sources]:
        """Return the segment to write to, a new one for a new day or after a full file."""
        now = time.monotonic()
        if self._connection is not None and now > self._looked_at + _LOOK_SECONDS:
            self._looked_at = now
            if self._is_full():
                self._close_segment()
            self._retain()
        if self._connection is not None and not self._is_there():
            self._say(f"{self._path} was removed while it was open; a new file is started")
            self._close_segment()
        if self._connection is None:
            self._open()
        assert self._connection is not None  # noqa: S101 - just opened
        if self._names is None:
            self._names = Names(self._connection), Sources(self._connection)
        return self._connection, *self._names

    def _open(self) -> None:
        prepare_folder(self.folder)
        files = segment_files(self.folder)
        now = self._now()
        path = files[-1] if files else None
        if path is None or self._is_full(path) or not is_current(path):
            path = new_segment_path(self.folder, now)
        try:
            connection = open_writable(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise TraceStoreError(f"cannot open {path}: {error}") from error
            self._quarantine(path, error)
            path = new_segment_path(self.folder, now)
            connection = open_writable(path)
        self._connection, self._path = connection, path
        self._inode = path.stat().st_ino
        self._names = None
        self._looked_at = time.monotonic()
        self._retain()

    def _retain(self) -> None:
        remove_old(self.folder, self._limits, self._now())
        self._open_older()

    def _open_older(self) -> None:
        """Keep a connection to each older segment, to detect duplicates."""
        files = [path for path in segment_files(self.folder) if path != self._path]
        for path in self._older.keys() - set(files):
            self._older.pop(path).close()
        for path in files:
            if path not in self._older:
                with suppress(sqlite3.Error, TraceStoreError):
                    self._older[path] = open_readable(path)

    def _is_full(self, path: Path | None = None) -> bool:
        path = path or self._path
        assert path is not None  # noqa: S101 - called only with a segment
        created = made_at(path)
        too_old = created is None or self._now() - created >= timedelta(days=1)
        return too_old or size_of(path) >= self._limits.segment_bytes

    def _is_there(self) -> bool:
        assert self._path is not None  # noqa: S101 - called only with an open segment
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def _after_fault(self, error: BaseException) -> None:
        path = self._path
        self._close_segment()
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError | sqlite3.IntegrityError | sqlite3.ProgrammingError
        )
        if damaged and path is not None:
            self._quarantine(path, error)

    def _quarantine(self, path: Path, error: BaseException) -> None:
        target = path.with_name(path.name + ".damaged")
        with suppress(OSError):
            path.rename(target)
        self._say(f"{path} is damaged ({error}); it is kept as {target.name}, a new one is started")

    def _close_segment(self) -> None:
        connection, self._connection, self._names = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _locked(folder: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(folder / LOCK, flags, 0o600)
    except OSError as error:
        raise TraceStoreError(f"cannot open {folder / LOCK}: {error.strerror}") from error
    try:
        acquired = try_lock(descriptor)
    except OSError:
        acquired = False
    if not acquired:
        os.close(descriptor)
        raise StoreInUseError(
            f"another process writes to the traces in {folder}; "
            "is `otel-distro serve` running already?"
        )
    return descriptor
