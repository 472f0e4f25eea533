"""Counts of a writer, and the result of one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_cost_ledger.write.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """Result of one batch, and of the entries queued before it."""

    written: int = 0
    """New calls and violations, committed."""
    revised: int = 0
    """Calls with a changed price or billing decision."""
    already_known: int = 0
    """Calls stored before, unchanged: replays and repeated imports."""
    expired: int = 0
    """Calls older than the rows that retention keeps."""
    rejected: int = 0
    """Calls that can never be stored, for any state of the file."""
    waiting: int = 0
    """Entries of this process now in memory or in the spill file."""
    fault: Fault | None = None
    """Fault that entries wait for; None if all entries are stored or counted."""

    @property
    def durable(self) -> bool:
        """Whether everything that could be stored is committed."""
        return self.fault is None


@dataclass(slots=True)
class Counters:
    """Totals since the writer was created; every submitted entry ends in exactly one of them.

    submitted = written + revised + already_known + expired + rejected + spilled + dropped + in
    memory. Replayed entries are counted again by their result.
    """

    handed_in: int = 0
    written: int = 0
    revised: int = 0
    already_known: int = 0
    expired: int = 0
    rejected: int = 0
    spilled: int = 0
    replayed: int = 0
    dropped: int = 0
    """Lost for lack of space in memory and on disk."""
    faults: int = 0
    quarantined: int = 0
    reopened: int = 0
