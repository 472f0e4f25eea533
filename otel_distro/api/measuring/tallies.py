"""In-memory counts of API use, for tests and inspection inside the process.

Independent of any SDK, bounded, thread-safe, reset after fork.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_distro.base.percentiles import percentile
from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_NAMES = 1000
_MOST_DURATIONS = 1000
OTHER = "_other"
"""Replaces every name past the first thousand."""


@dataclass(frozen=True, slots=True)
class OperationStats:
    """Counts and durations of one operation; durations are in milliseconds."""

    calls: int
    """Number of ended operations."""
    failed: int
    active: int
    total_ms: float
    max_ms: float
    p50_ms: float | None
    p95_ms: float | None
    """Percentiles are of the last thousand; None before the first has ended."""

    @property
    def mean_ms(self) -> float | None:
        """The mean duration; None before the first has ended."""
        return self.total_ms / self.calls if self.calls else None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counts since the process start or `reset()`."""

    events: Mapping[str, int]
    """Count of each event, by its full name."""
    operations: Mapping[str, OperationStats]
    metrics: Mapping[str, float]
    """Sum of the values of each business metric; last value of a gauge."""
    problems: tuple[str, ...]
    """Problems of tracked events and metrics, each reported once."""


@dataclass(slots=True)
class _Operation:
    calls: int = 0
    failed: int = 0
    active: int = 0
    total_ms: float = 0.0
    max_ms: float = 0.0
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_DURATIONS))

    def stats(self) -> OperationStats:
        ordered = sorted(self.latest)
        return OperationStats(
            self.calls,
            self.failed,
            self.active,
            self.total_ms,
            self.max_ms,
            percentile(ordered, 50),
            percentile(ordered, 95),
        )


class Tallies:
    """The counts of the process."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Reset all counts, and locks that may be held after a fork."""
        self._lock = threading.Lock()
        self._events: Counter[str] = Counter()
        self._operations: dict[str, _Operation] = {}
        self._metrics: dict[str, float] = {}
        self._problems: dict[str, None] = {}

    def began(self, name: str) -> None:
        """Count the start of an operation."""
        with self._lock:
            self._operation(name).active += 1

    def ended(self, name: str, ms: float, *, failed: bool) -> None:
        """Count the end of an operation."""
        with self._lock:
            operation = self._operation(name)
            # It may have started before a reset.
            operation.active = max(0, operation.active - 1)
            operation.calls += 1
            operation.failed += failed
            operation.total_ms += ms
            operation.max_ms = max(operation.max_ms, ms)
            operation.latest.append(ms)

    def event(self, name: str) -> None:
        """Count an event."""
        with self._lock:
            known = name in self._events or len(self._events) < _MOST_NAMES
            self._events[name if known else OTHER] += 1

    def metric(self, name: str, value: float, *, adds: bool) -> None:
        """Record a value of a business metric."""
        with self._lock:
            before = self._metrics.get(name, 0) if adds else 0
            self._metrics[name] = before + value

    def problem(self, text: str) -> bool:
        """Record a problem; return whether it is new."""
        with self._lock:
            if text in self._problems or len(self._problems) >= _MOST_NAMES:
                return False
            self._problems[text] = None
            return True

    def snapshot(self) -> Snapshot:
        """Return the current counts."""
        with self._lock:
            return Snapshot(
                dict(self._events),
                {name: operation.stats() for name, operation in self._operations.items()},
                dict(self._metrics),
                tuple(self._problems),
            )

    def _operation(self, name: str) -> _Operation:
        found = self._operations.get(name)
        if found is None:
            if len(self._operations) >= _MOST_NAMES:
                name = OTHER
            found = self._operations.setdefault(name, _Operation())
        return found


TALLIES = Tallies()

fork_hooks.register(Stage.ACCOUNTS, after_in_child=TALLIES.clear)


def snapshot() -> Snapshot:
    """Return the events and measurements of this process since its start or `reset()`."""
    return TALLIES.snapshot()


def reset() -> None:
    """Reset the counts, for example at the start of a test."""
    TALLIES.clear()
