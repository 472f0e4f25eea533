"""Counters of one export queue: each added record is in exactly one of them."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import dataclass, field


class AtomicCounter:
    """Counts up without a lock, from any thread and from signal handlers.

    A lock could deadlock: a signal handler that waits for deliveries may have interrupted the
    thread that holds it. One step of `itertools.count` is a single operation of the interpreter.
    """

    def __init__(self) -> None:
        self._count = itertools.count()

    def add(self) -> None:
        """Count one."""
        next(self._count)

    @property
    def value(self) -> int:
        """Number of calls of `add`."""
        # The repr, `count(N)`, is the only way to read a count without incrementing it.
        return int(repr(self._count)[len("count(") : -1])


@dataclass(frozen=True, slots=True)
class Tally:
    """A snapshot of the counters: emitted = delivered + spooled + all dropped + waiting."""

    emitted: int = 0
    delivered: int = 0
    spooled: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """By reason."""

    @property
    def waiting(self) -> int:
        """Records in memory: queued, or being delivered."""
        return self.emitted - self.delivered - self.spooled - sum(self.dropped.values())

    def __add__(self, other: Tally) -> Tally:
        dropped = dict(self.dropped)
        for reason, count in other.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
        return Tally(
            self.emitted + other.emitted,
            self.delivered + other.delivered,
            self.spooled + other.spooled,
            dropped,
        )


class QueueCounters:
    """The counters of one queue, updated by its worker and by the threads that add records."""

    def __init__(self) -> None:
        self.emitted = AtomicCounter()
        self.kept_aside = AtomicCounter()
        """Written to disk by the thread that emitted it."""
        self.refused = AtomicCounter()
        self.overflowed = AtomicCounter()
        self._reported_overflow = 0
        # Taken only by our threads, never by the app's.
        self._lock = threading.Lock()
        self._delivered = 0
        self._spooled = 0
        self._dropped: Counter[str] = Counter()

    def delivered(self, count: int) -> None:
        """Count *count* delivered records."""
        with self._lock:
            self._delivered += count

    def spooled(self, count: int) -> None:
        """Count *count* spooled records."""
        with self._lock:
            self._spooled += count

    def dropped(self, count: int, reason: str) -> None:
        """Count *count* dropped records."""
        with self._lock:
            self._dropped[reason] += count

    def new_overflow(self) -> int:
        """Return how many records the full queue has dropped since the last call."""
        with self._lock:
            now = self.overflowed.value
            new, self._reported_overflow = now - self._reported_overflow, now
            return new

    def tally(self) -> Tally:
        """Return a snapshot of the counters."""
        with self._lock:
            dropped = dict(self._dropped)
            delivered, spooled = self._delivered, self._spooled
        for reason, counter in (
            ("queue_full", self.overflowed),
            ("already_shutdown", self.refused),
        ):
            if counter.value:
                dropped[reason] = dropped.get(reason, 0) + counter.value
        return Tally(self.emitted.value, delivered, spooled + self.kept_aside.value, dropped)
