"""Counts of a writer, and the result of one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_cost_ledger.write.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """The result of one batch, and of the entries waiting before it."""

    written: int = 0
    """Calls and violations that are new in the ledger, committed."""
    revised: int = 0
    """Calls whose price or billing decision changed."""
    already_known: int = 0
    """Calls the ledger had before, unchanged: replays and repeated imports."""
    expired: int = 0
    """Calls older than the rows that retention keeps."""
    rejected: int = 0
    """Calls that cannot be stored whatever the state of the file."""
    waiting: int = 0
    """Entries now in memory or in the spill file of this process's account."""
    fault: Fault | None = None
    """Why entries wait; None when everything handed in is in the ledger or accounted for."""

    @property
    def durable(self) -> bool:
        """Whether everything that could be stored is committed."""
        return self.fault is None


@dataclass(slots=True)
class Counters:
    """Totals since the writer was made; every entry handed in ends in exactly one of them.

    handed in = written + revised + already_known + expired + rejected + spilled + dropped + in
    memory. Replayed entries are counted again under what became of them.
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
    """Lost for want of room in memory and on disk."""
    faults: int = 0
    quarantined: int = 0
    reopened: int = 0
