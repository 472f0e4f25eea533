"""What an export queue falls back on: its exporter's courier, and a journal if there is one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otel_distro.export.spool.answer import DeliveryOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_distro.export.spool.courier import SpoolingTransport
    from otel_distro.export.spool.journal import Journal


class DiskFallback:
    """The spool as one export queue sees it."""

    def __init__(self, courier: SpoolingTransport, journal: Journal | None = None) -> None:
        self._courier = courier
        self.journal = journal
        """Has every record on disk before it is queued; None where only failures go to disk."""

    @property
    def keeps(self) -> bool:
        """Whether records can be written to disk when they cannot be delivered."""
        return self._courier.keeps

    @property
    def keeps_after_shutdown(self) -> bool:
        """Whether records that come after closing can be written to disk."""
        return self._courier.folder is not None

    @property
    def retry_at(self) -> float:
        """When delivering may be tried again, as `time.monotonic()`."""
        return self._courier.breaker.retry_at

    def holds_back(self) -> bool:
        """Whether nothing is to be tried now, as the other side is known to be away."""
        return self._courier.holds_back()

    @property
    def stopped_for(self) -> float:
        """Seconds for which nothing may be tried any more; negative while it may."""
        return time.monotonic() - self._courier.stopped_at

    def begin(self, marks: Iterable[Any]) -> None:
        """Prepare for a batch that is handed to the exporter, in the journal at *marks*."""
        self._courier.outcome = DeliveryOutcome.UNFIT
        if self.journal is not None:
            self.journal.begin(marks)

    @property
    def outcome(self) -> DeliveryOutcome:
        """What became of the batch."""
        return self._courier.outcome

    @property
    def rejected(self) -> int:
        """How many records of a batch that was delivered the receiver rejected for good."""
        return self._courier.rejected

    def keep(self, payload: bytes, count: int) -> bool:
        """Write an encoded request with *count* records to disk; return whether that worked."""
        return self.keeps and self._courier.keep(payload, count)

    def keep_records(self, records: Sequence[Any]) -> bool:
        """Encode *records* and write them to disk; raises when one of them cannot be encoded."""
        return self._courier.keep_records(records)

    def take_back(self) -> bytes | None:
        """Return the request that is under way, for the caller to keep."""
        return self._courier.take_back()

    def abandon(self) -> None:
        """Send nothing any more."""
        self._courier.abandon()

    def close(self) -> None:
        """Leave what is on disk in good order for the next process."""
        if self.journal is not None:
            self.journal.close()
        if self._courier.folder is not None:
            self._courier.folder.hand_over()

    def at_fork(self) -> None:
        """Start anew in a forked child."""
        if self.journal is not None:
            self.journal.at_fork()
