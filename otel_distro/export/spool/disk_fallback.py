"""Disk fallback of an export queue: its exporter's transport, and a journal if there is one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from otel_distro.export.spool.export_outcome import DeliveryOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_distro.export.spool.journal import Journal
    from otel_distro.export.spool.spooling_transport import SpoolingTransport


_POLL_SECONDS: Final = 0.001


class DiskFallback:
    """The spool as one export queue sees it."""

    def __init__(self, transport: SpoolingTransport, journal: Journal | None = None) -> None:
        self._transport = transport
        self.journal = journal
        """Writes every record to disk before it is queued; None if only failures are spooled."""

    @property
    def is_spooling(self) -> bool:
        """Whether undelivered records can be spooled."""
        return self._transport.is_spooling

    @property
    def keeps_after_shutdown(self) -> bool:
        """Whether records added after closing can be spooled."""
        return self._transport.folder is not None

    @property
    def retry_at(self) -> float:
        """Time of the next delivery attempt, as `time.monotonic()`."""
        return self._transport.breaker.retry_at

    def sends_to_disk(self) -> bool:
        """Whether to skip attempts now, because the endpoint is known to be down."""
        return self._transport.sends_to_disk()

    @property
    def stopped_for(self) -> float:
        """Seconds since attempts were stopped; negative while they are allowed."""
        return time.monotonic() - self._transport.stopped_at

    def begin(self, marks: Iterable[Any]) -> None:
        """Prepare for the export of a batch, in the journal at *marks*."""
        self._transport.outcome = DeliveryOutcome.UNSENDABLE
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
        """Write an encoded request with *count* records to disk; return the success."""
        return self.is_spooling and self._transport.keep(payload, count)

    def spool_records(self, records: Sequence[Any]) -> bool:
        """Encode *records* and write them to disk; raises if one of them cannot be encoded."""
        return self._transport.spool_records(records)

    def take_unsent(self) -> bytes | None:
        """Return the request in progress, for the caller to save; None without one."""
        return self._transport.take_unsent()

    def settle(self, patience: float) -> None:
        """Wait up to *patience* seconds while the batch is written to disk by its own thread."""
        until = time.monotonic() + patience
        while self._transport.settling and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)

    def abandon(self) -> None:
        """Stop sending."""
        self._transport.abandon()

    def close(self) -> None:
        """Close the files on disk cleanly for the next process."""
        if self.journal is not None:
            self.journal.close()
        if self._transport.folder is not None:
            self._transport.folder.release_segments()

    def at_fork(self) -> None:
        """Reset after fork."""
        if self.journal is not None:
            self.journal.at_fork()
