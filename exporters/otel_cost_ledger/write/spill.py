"""Queues for calls while the ledger cannot be written: memory, then a spill file.

The file has one JSON line per entry. Storing an entry is idempotent, so a second replay does no
harm, and the file is removed only after its content is committed.
"""

from __future__ import annotations

import os
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.entries import Entry, ViolationRow, from_line, to_line
from otel_cost_ledger.model.errors import LedgerError
from otel_cost_ledger.sqlite.paths import check_private, identity
from otel_host.file_locks import try_lock, wait_and_lock
from otel_host.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

DEFAULT_RING_CALLS: Final = 10_000
DEFAULT_SPILL_BYTES: Final = 64 * 2**20
_REPLAY_CALLS: Final = 512


class Ring:
    """Entries in memory, the oldest first, up to a limit."""

    def __init__(self, limit: int = DEFAULT_RING_CALLS) -> None:
        self._limit = limit
        self._entries: deque[Entry] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entries: Iterable[Entry]) -> None:
        """Append *entries*; the caller removes entries `over` the limit."""
        self._entries.extend(entries)

    @property
    def over(self) -> int:
        """Number of entries beyond the limit."""
        return max(0, len(self._entries) - self._limit)

    def first(self, count: int | None = None) -> list[Entry]:
        """Return the oldest *count* entries, or all, without removing them; thread-safe."""
        return list(islice(self._entries.copy(), count))

    def take(self, count: int) -> list[Entry]:
        """Remove and return the oldest *count* entries, or all if there are fewer."""
        return [self._entries.popleft() for _ in range(min(count, len(self._entries)))]

    def put_back(self, entries: list[Entry]) -> None:
        """Put taken entries back at the front."""
        self._entries.extendleft(reversed(entries))

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()


class SpillFile:
    """The file of queued entries, shared by all processes of one ledger under a file lock."""

    def __init__(self, path: Path, limit_bytes: int = DEFAULT_SPILL_BYTES) -> None:
        self.path = path
        self._limit_bytes = limit_bytes

    def exists(self) -> bool:
        """Whether the file has entries."""
        return self.path.exists()

    def append(self, entries: list[Entry]) -> int:
        """Append *entries* durably and return the number that fit; raises OSError."""
        check_private(self.path)
        while True:
            descriptor = open_private(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            try:
                wait_and_lock(descriptor)
                opened = os.fstat(descriptor)
                # A replay may have removed the file between open and lock.
                if (opened.st_dev, opened.st_ino) == identity(self.path):
                    return self._append(descriptor, opened.st_size, entries)
            finally:
                os.close(descriptor)

    def _append(self, descriptor: int, size: int, entries: list[Entry]) -> int:
        lines: list[bytes] = []
        room = self._limit_bytes - size
        for entry in entries:
            line = to_line(entry).encode()
            room -= len(line)
            if room < 0:
                break
            lines.append(line)
        data = b"".join(lines)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
        except OSError:
            # An incomplete line would corrupt the next one.
            os.ftruncate(descriptor, size)
            raise
        return len(lines)

    def replay(self, store: Callable[[list[Entry]], None]) -> tuple[int, int]:
        """Pass every entry to *store*, then remove the file; return (stored, unreadable).

        If *store* raises, the file is unchanged. A file that another process is replaying is
        skipped.
        """
        check_private(self.path)
        try:
            descriptor = open_private(self.path, os.O_RDWR)
        except FileNotFoundError:
            return 0, 0
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as lines:
            if not try_lock(descriptor):
                return 0, 0
            opened = os.fstat(descriptor)
            if (opened.st_dev, opened.st_ino) != identity(self.path):
                return 0, 0
            counts = _replay_lines(lines, store)
            self.path.unlink()
        return counts


def _replay_lines(lines: Iterable[str], store: Callable[[list[Entry]], None]) -> tuple[int, int]:
    replayed = unreadable = 0
    batch: list[Entry] = []
    for line in lines:
        try:
            batch.append(from_line(line))
        except ValueError:
            unreadable += 1
        if len(batch) == _REPLAY_CALLS:
            store(batch)
            replayed += len(batch)
            batch = []
    if batch:
        store(batch)
    return replayed + len(batch), unreadable


def entries_waiting(path: Path) -> int:
    """Return the number of entries in the spill file at *path*; 0 without a readable file."""
    try:
        check_private(path)
        with path.open("rb") as lines:
            return sum(1 for _ in lines)
    except (OSError, LedgerError):
        return 0


def first_start_ns(path: Path) -> int | None:
    """Return the start of the oldest entry in the spill file at *path*; None without entries.

    Nanoseconds since the epoch.
    """
    try:
        check_private(path)
        with path.open(encoding="utf-8", errors="replace") as lines:
            return min((at for line in lines if (at := _start_ns(line)) is not None), default=None)
    except (OSError, LedgerError):
        return None


def _start_ns(line: str) -> int | None:
    try:
        row = from_line(line).row
    except ValueError:
        return None
    return row.at_ns if isinstance(row, ViolationRow) else row.start_ns
