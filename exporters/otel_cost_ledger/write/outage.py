"""Outages: the time of the next attempt, and one message per outage."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_cost_ledger.write.faults import REACTIONS, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.model.location import Location


class Outage:
    """The time from a first fault to the next success."""

    def __init__(
        self,
        path: Location,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._warn = warn
        self._clock = clock
        self._reported: set[Fault] = set()
        self._attempts = 0
        self._retry_at = 0.0
        self.fault: Fault | None = None

    def is_retry_due(self) -> bool:
        """Whether the next attempt is due."""
        return self.fault is None or self._clock() >= self._retry_at

    def failed(self, fault: Fault, explanation: str) -> None:
        """Record a failed write, and report it once per outage."""
        reaction = REACTIONS[fault]
        if fault is not self.fault:
            self._attempts = 0
        wait_s = min(reaction.first_retry_s * 2**self._attempts, reaction.longest_retry_s)
        self._attempts = min(self._attempts + 1, 30)
        self._retry_at = self._clock() + wait_s
        self.fault = fault
        if fault not in self._reported:
            self._reported.add(fault)
            self._warn(f"cost ledger {self._path} cannot be written: {explanation}")

    def succeeded(self, waiting: int, dropped: int) -> None:
        """Record a successful write, and report the end of an outage."""
        if self.fault is None:
            return
        self.fault = None
        self._attempts = 0
        self._reported.clear()
        self._warn(
            f"cost ledger {self._path} is written again; {waiting} calls were queued,"
            f" {dropped} were lost"
        )
