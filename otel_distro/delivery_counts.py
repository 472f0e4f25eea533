"""The books of one export queue: every record that was put in is found again in one of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field


class AtomicCounter:
    """Counts up without a lock, from any thread and from signal handlers.

    A lock would not do: a signal handler that waits for deliveries may have interrupted the very
    thread that holds it. One step of `itertools.count` is a single operation of the interpreter.
    """

    def __init__(self) -> None:
        self._count = itertools.count()
        self._looks = 0

    def add(self) -> None:
        """Count one."""
        next(self._count)

    @property
    def value(self) -> int:
        """How often `add` was called."""
        # There is no other way to look at a count without counting: its repr is `count(N)`.
        return int(repr(self._count)[len("count(") : -1])


@dataclass(frozen=True, slots=True)
class Tally:
    """A state of the books: emitted = delivered + spooled + all dropped + waiting."""

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
