"""The records of a queue, oldest first, with their sizes: adding one takes no lock.

A lock could deadlock: a signal handler that waits for deliveries may have interrupted the thread
that holds it.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from otel_distro.export.batch_limits import BatchLimits

T = TypeVar("T")
_BEHIND = 4
"""Batches are up to this many times larger while the queue is that many batches long."""


class Entry(NamedTuple, Generic[T]):
    """A record in the queue."""

    record: T
    size: int
    """Bytes in memory, about."""
    mark: Any
    """Its position in the journal; None without one."""


class Backlog(Generic[T]):
    """Waiting records, up to a limit in bytes and one in records."""

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._queue: deque[Entry[T]] = deque()
        # Written by producers and by the worker; a race may lose an update, which is corrected
        # whenever the queue is empty. Exact figures would need a lock.
        self._bytes_in = 0
        self._bytes_out = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def size_bytes(self) -> int:
        """Approximate memory of the waiting records, in bytes."""
        return self._bytes_in - self._bytes_out

    def add(self, entry: Entry[T]) -> int:
        """Append *entry*; return how many old ones were dropped."""
        self._queue.append(entry)
        self._bytes_in += entry.size
        return self._drop_oldest() if self._is_over() else 0

    def put_back(self, entries: list[Entry[T]]) -> None:
        """Put taken entries back at the front."""
        self._queue.extendleft(reversed(entries))
        self._bytes_in += sum(entry.size for entry in entries)

    def take_batch(self) -> list[Entry[T]]:
        """Take the oldest entries for one request; more while the queue is long."""
        size = self._limits.max_batch_size
        return self._take(size * _BEHIND if len(self._queue) > size * _BEHIND else size)

    def take_large_batch(self) -> list[Entry[T]]:
        """Take as many of the oldest entries as one request may hold."""
        return self._take(self._limits.max_batch_size * _BEHIND)

    def _take(self, most: int) -> list[Entry[T]]:
        entries: list[Entry[T]] = []
        total = 0
        with suppress(IndexError):
            while len(entries) < most and total < self._limits.max_batch_bytes:
                entry = self._queue.popleft()
                entries.append(entry)
                total += entry.size
        self._bytes_out += total
        if not self._queue:
            self._bytes_in = self._bytes_out = 0
        return entries

    def _is_over(self) -> bool:
        most = self._limits.max_queue_size
        return self.size_bytes > self._limits.max_queue_bytes or (
            most is not None and len(self._queue) > most
        )

    def _drop_oldest(self) -> int:
        lost = 0
        with suppress(IndexError):
            while self._is_over():
                self._bytes_out += self._queue.popleft().size
                lost += 1
        return lost
