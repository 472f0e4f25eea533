"""Queue of entries for the ledger: in memory, then in the spill file, then counted as lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_cost_ledger.model.errors import LedgerError
from otel_cost_ledger.write.faults import Fault
from otel_cost_ledger.write.spill import Ring, SpillFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from otel_cost_ledger.model.entries import Entry
    from otel_cost_ledger.write.health import Counters


class Waiting:
    """Keeps entries in order for the next attempt; spills the oldest if there are too many."""

    def __init__(
        self,
        spill_path: Path,
        *,
        ring_calls: int,
        spill_bytes: int,
        complain: Callable[[str, str], None],
    ) -> None:
        self.ring = Ring(ring_calls)
        self._spill = SpillFile(spill_path, spill_bytes)
        self._report = complain

    def make_room(self, fault: Fault | None, counters: Counters) -> None:
        """Move entries beyond the memory limit to the spill file; count those beyond its limit."""
        if fault is Fault.NEWER_SCHEMA:
            # Only another program version can store these, so this process does not keep them in
            # memory.
            self._spill_oldest(len(self.ring), fault, counters)
        elif self.ring.over:
            # Half the queue at once: one file operation for many calls.
            self._spill_oldest(self.ring.over + len(self.ring) // 2, fault, counters)

    def spill_queued(self, fault: Fault | None, counters: Counters) -> None:
        """Move everything to the spill file; entries that do not fit stay in memory."""
        self._spill_oldest(len(self.ring), fault, counters)

    def spill_all(self, fault: Fault | None, counters: Counters) -> None:
        """Move everything to the spill file at the end of the process; the rest is lost."""
        self.spill_queued(fault, counters)
        lost = self.ring.take(len(self.ring))
        if lost:
            counters.dropped += len(lost)
            count = calls_in(lost)
            self._report("lost", f"{count} calls could not be stored anywhere and are lost")

    def copy_out(self, more: list[Entry]) -> bool:
        """Write queued entries and *more* to the spill file; return whether all were written.

        Thread-safe, also during a write to the ledger, because storing an entry is idempotent.
        """
        entries = self.ring.first() + more
        if not entries:
            return True
        try:
            lost = len(entries) - self._spill.append(entries)
        except (OSError, LedgerError) as error:
            self._report("spill", f"{self._spill.path} cannot be written: {error}")
            lost = len(entries)
        if lost:
            count = calls_in(entries[-lost:])
            self._report("lost", f"{count} calls could not be stored anywhere and are lost")
        return not lost

    def replay(self, store: Callable[[list[Entry]], None], counters: Counters) -> None:
        """Store the entries in the spill file from an earlier outage or process."""
        if not self._spill.exists():
            return
        try:
            replayed, unreadable = self._spill.replay(store)
        except (OSError, LedgerError) as error:
            self._report("spill", f"{self._spill.path} cannot be replayed: {error}")
            return
        counters.replayed += replayed
        counters.rejected += unreadable
        if unreadable:
            self._report("spill", f"{unreadable} lines of {self._spill.path} are invalid")

    def _spill_oldest(self, count: int, fault: Fault | None, counters: Counters) -> None:
        entries = self.ring.take(count)
        if not entries:
            return
        kept = 0
        # If the ledger's path is unsafe, a spill file is no safer.
        if fault is not Fault.REFUSED:
            try:
                kept = self._spill.append(entries)
            except (OSError, LedgerError) as error:
                self._report("spill", f"{self._spill.path} cannot be written: {error}")
        counters.spilled += kept
        # The newest ones are lost last: memory may have space for them.
        self.ring.put_back(entries[kept:])
        counters.dropped += len(self.ring.take(self.ring.over))


def calls_in(entries: Sequence[Entry]) -> int:
    """Return the number of calls in *entries*, without duplicate spans."""
    outcomes = (getattr(entry.row, "outcome", None) for entry in entries)
    return sum(outcome is None or bool(outcome.billed) for outcome in outcomes)
