"""Disk fallback of an export queue: its exporter's transport, and a journal if there is one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otel_distro.export.spool.export_outcome import DeliveryOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_distro.export.spool.journal import Journal
    from otel_distro.export.spool.spooling_transport import SpoolingTransport


class DiskFallback:
    """The spool as one export queue sees it."""

    def __init__(self, transport: SpoolingTransport, journal: Journal | None = None) -> None:
        self._transport = transport
        self.journal = journal
        """Has every record on disk before it is queued; None where only failures go to disk."""

    @property
    def keeps(self) -> bool:
        """Whether records can be written to disk when they cannot be delivered."""
        return self._transport.keeps

    @property
    def keeps_after_shutdown(self) -> bool:
        """Whether records that come after closing can be written to disk."""
        return self._transport.folder is not None

    @property
    def retry_at(self) -> float:
        """When delivering may be tried again, as `time.monotonic()`."""
        return self._transport.breaker.retry_at

    def holds_back(self) -> bool:
        """Whether to skip attempts now, because the endpoint is known to be down."""
        return self._transport.holds_back()

    @property
    def stopped_for(self) -> float:
        """Seconds for which nothing may be tried any more; negative while it may."""
        return time.monotonic() - self._transport.stopped_at

    def begin(self, marks: Iterable[Any]) -> None:
        """Prepare for a batch that is handed to the exporter, in the journal at *marks*."""
        self._transport.outcome = DeliveryOutcome.UNFIT
        if self.journal is not None:
            self.journal.begin(marks)

    @property
    def outcome(self) -> DeliveryOutcome:
        """Outcome of the batch."""
        return self._transport.outcome

    @property
    def rejected(self) -> int:
        """Number of records of a delivered batch that the receiver rejected permanently."""
        return self._transport.rejected

    def keep(self, payload: bytes, count: int) -> bool:
        """Write an encoded request with *count* records to disk; return whether that worked."""
        return self.keeps and self._transport.keep(payload, count)

    def keep_records(self, records: Sequence[Any]) -> bool:
        """Encode *records* and write them to disk; raises when one of them cannot be encoded."""
        return self._transport.keep_records(records)

    def take_back(self) -> bytes | None:
        """Return the request under way, for the caller to keep; None without one."""
        return self._transport.take_back()

    def abandon(self) -> None:
        """Send nothing any more."""
        self._transport.abandon()

    def close(self) -> None:
        """Close the files on disk in good order for the next process."""
        if self.journal is not None:
            self.journal.close()
        if self._transport.folder is not None:
            self._transport.folder.hand_over()

    def at_fork(self) -> None:
        """Reset after fork."""
        if self.journal is not None:
            self.journal.at_fork()
