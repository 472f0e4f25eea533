"""Delivery of a batch: exported, written to disk, or counted as lost; each record once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from otel_distro.export.spool.export_marker import exporting
from otel_distro.export.spool.export_outcome import DeliveryOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_distro.export.backlog import Entry
    from otel_distro.export.counts import QueueCounters
    from otel_distro.export.spool.disk_fallback import DiskFallback

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
_SETTLE_SECONDS: Final = 0.5
"""Longest wait at exit for a batch that its own thread is writing to disk."""


class Exporter(Protocol[T_contra]):
    """Common interface of span and log record exporters."""

    def export(self, batch: Sequence[T_contra], /) -> object:
        """Deliver *batch*; the result's name is SUCCESS or FAILURE."""

    def shutdown(self) -> None:
        """Stop, and give up an export that is still being retried."""


class Delivery(Generic[T]):
    """Delivers batches, one at a time; returns entries it could neither send nor save."""

    def __init__(
        self,
        exporter: Exporter[T],
        books: QueueCounters,
        on_dropped: Callable[[int, str], None],
        on_delivered: Callable[[], None],
    ) -> None:
        self._exporter = exporter
        self._books = books
        self._on_dropped = on_dropped
        self._on_delivered = on_delivered
        self._lock = threading.Lock()
        self._in_hand: list[Entry[T]] | None = None
        self._began = 0.0
        self.net: DiskFallback | None = None
        self._abandoned = False
        self.exporting = False
        """Whether the exporter is exporting, with or without a claim to its batch."""
        self.failed = False
        """Whether the last batch was lost because its export failed."""

    def is_abandoned(self) -> bool:
        """Whether sending has stopped because the process exits."""
        return self._abandoned

    @property
    def busy_for(self) -> float:
        """Seconds since the current export began; 0 without one."""
        return time.monotonic() - self._began if self._in_hand is not None else 0.0

    def deliver(self, entries: list[Entry[T]]) -> list[Entry[T]]:
        """Deliver *entries*, or else save them; return those for which both failed."""
        net = self.net
        if not entries or self._abandoned or (net is not None and net.sends_to_disk()):
            return self.save(entries)
        if net is not None:
            net.begin(entry.mark for entry in entries if entry.mark is not None)
        self._began = time.monotonic()
        with self._lock:
            self._in_hand = entries
        delivered = self._exported(entries)
        if self.claim() is None:
            return []  # the closing thread has accounted for them
        self.failed = False
        if delivered:
            self._acknowledge(entries)
            rejected = min(len(entries), net.rejected) if net is not None else 0
            self._books.delivered(len(entries) - rejected)
            self._count_lost(rejected, "rejected")
            self._on_delivered()
            return []
        return self._after_failure(entries)

    def _exported(self, entries: list[Entry[T]]) -> bool:
        self.exporting = True
        try:
            with exporting():
                result = self._exporter.export([entry.record for entry in entries])
        except Exception:  # an exporter's error must not end the worker
            return False
        finally:
            self.exporting = False
        return getattr(result, "name", "SUCCESS") == "SUCCESS"

    def _after_failure(self, entries: list[Entry[T]]) -> list[Entry[T]]:
        if self.net is None:
            self.failed = True
            self.drop(entries, "export_failed")
            return []
        outcome = self.net.outcome
        if outcome is DeliveryOutcome.SPOOLED:
            self._books.spooled(len(entries))
            return []
        if outcome is DeliveryOutcome.REJECTED:
            self.drop(entries, "rejected")
            return []
        if outcome is DeliveryOutcome.UNSENDABLE and not self._abandoned:
            return self._halve(entries)
        return self.save(entries)

    def _halve(self, entries: list[Entry[T]]) -> list[Entry[T]]:
        """Deliver the halves: one record that cannot be sent must not affect the others."""
        if len(entries) == 1:
            self.drop(entries, "not_encodable")
            return []
        middle = len(entries) // 2
        first = self.deliver(entries[:middle])
        return first + self.deliver(entries[middle:])

    def save(self, entries: list[Entry[T]]) -> list[Entry[T]]:
        """Write *entries* to disk; return those that could not be written."""
        net = self.net
        if not entries or net is None:
            return entries
        left = entries
        if net.journal is not None:
            net.journal.release_unsent()
            left = [entry for entry in entries if entry.mark is None]
        if left and (net.is_spooling or net.journal is not None):
            left = self._not_spooled(net, left)
        self._books.spooled(len(entries) - len(left))
        return left

    def save_after_shutdown(self, entry: Entry[T]) -> bool:
        """Write a record added after closing to disk; return whether it was written."""
        net = self.net
        return net is not None and net.keeps_after_shutdown and not self._not_spooled(net, [entry])

    def _not_spooled(self, net: DiskFallback, entries: list[Entry[T]]) -> list[Entry[T]]:
        try:
            return [] if net.spool_records([entry.record for entry in entries]) else entries
        except Exception:  # one record that cannot be encoded fails the batch
            if len(entries) == 1:
                return entries
        middle = len(entries) // 2
        return self._not_spooled(net, entries[:middle]) + self._not_spooled(net, entries[middle:])

    def stop_and_take(self, worker_done: Callable[[float], bool]) -> list[Entry[T]]:
        """End the current export; return its records that could not be saved.

        *worker_done* waits up to the given seconds for the worker to finish.
        """
        net = self.net
        payload = net.take_unsent() if net is not None else None
        if payload is None:
            if net is not None:
                net.settle(_SETTLE_SECONDS)
            worker_done(0.05)  # it may be about to record the outcome
        if net is not None:
            net.abandon()
        self._exporter.shutdown()
        if net is None:
            worker_done(0.05)
        self._abandoned = True
        entries = self.claim() or []
        if net is not None and payload is None and net.outcome is DeliveryOutcome.SPOOLED:
            # By the worker, which did not get to recording it; a second time would be a duplicate.
            self._books.spooled(len(entries))
            return []
        if entries and payload is not None and net is not None and net.keep(payload, len(entries)):
            self._books.spooled(len(entries))
            return []
        return self.save(entries)

    def claim(self) -> list[Entry[T]] | None:
        """Take over the accounting for the current batch; None when another thread has it."""
        with self._lock:
            entries, self._in_hand = self._in_hand, None
            return entries

    def drop(self, entries: list[Entry[T]], reason: str) -> None:
        """Account for *entries* as lost."""
        if entries:
            self._acknowledge(entries)
            self._count_lost(len(entries), reason)

    def _count_lost(self, count: int, reason: str) -> None:
        if count:
            self._books.dropped(count, reason)
            self._on_dropped(count, reason)

    def _acknowledge(self, entries: list[Entry[T]]) -> None:
        if self.net is not None and self.net.journal is not None:
            self.net.journal.acknowledge(entry.mark for entry in entries if entry.mark is not None)
