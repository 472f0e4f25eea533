"""Delivery reports and counts: records delivered, spooled, or dropped for a reason.

The counters are those of the export queues, plus one for metric exports, which have no queue, and
one for records that the spool later sends or loses.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from otel_distro.base.messages import warn_once
from otel_distro.export.counts import Tally
from otel_distro.export.daily_delivery_counts import changes_since
from otel_distro.export.spool.export_outcome import DeliveryOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.export.export_queue import ExportQueue
    from otel_distro.export.outages import Outages
    from otel_distro.export.spool.drain import DrainResult
    from otel_distro.export.spool.spooling_transport import SpoolingTransport

METRIC_EXPORTS = "metric exports"
SIGNALS = {"traces": "spans", "logs": "log records", "metrics": METRIC_EXPORTS}
"""OTLP signal -> unit that is counted."""
_LOST = {
    DeliveryOutcome.REJECTED: "rejected",
    DeliveryOutcome.UNSENDABLE: "not_encodable",
    DeliveryOutcome.FAILED: "export_failed",
}

_Seen = tuple[dict[str, Tally], dict[str, int], dict[tuple[str, str], int]]


class Deliveries:
    """Connects queues, transports and the spool to outage messages and counters."""

    def __init__(self, outages: Outages, close_timeout: float) -> None:
        self._outages = outages
        self.close_timeout = close_timeout
        """Seconds a processor may take to shut down."""
        self._queues: list[ExportQueue[Any]] = []
        self.at_fork()

    def at_fork(self) -> None:
        """Reset after fork."""
        self._lock = threading.RLock()
        self._metrics: Counter[str] = Counter()
        self._resent: Counter[str] = Counter()
        self._spool_lost: Counter[tuple[str, str]] = Counter()
        self._seen: _Seen = ({}, {}, {})
        self._written: _Seen = ({}, {}, {})

    def watch(self, queue: ExportQueue[Any]) -> None:
        """Include the counters of *queue*."""
        self._queues.append(queue)

    def tallies(self) -> dict[str, Tally]:
        """Return the counters by signal: spans, log records, metric exports."""
        tallies: dict[str, Tally] = {}
        for queue in self._queues:
            tally, known = queue.tally(), tallies.get(queue.signal, Tally())
            tallies[queue.signal] = known + tally
        with self._lock:
            counts = dict(self._metrics)
        if counts:
            emitted = counts.pop("emitted")
            delivered, spooled = counts.pop("delivered", 0), counts.pop("spooled", 0)
            tallies[METRIC_EXPORTS] = Tally(emitted, delivered, spooled, counts)
        return tallies

    def resent_counts(self) -> dict[str, int]:
        """Return the records of each signal that this process has sent from the spool."""
        with self._lock:
            return dict(self._resent)

    def spool_lost_counts(self) -> dict[tuple[str, str], int]:
        """Return the records lost from the spool in this process, by signal and reason."""
        with self._lock:
            return dict(self._spool_lost)

    def changes(self) -> dict[str, dict[str, Any]]:
        """Return the changes since the last call of `written`, columns by signal."""
        tallies, resent, lost = self._seen = (
            self.tallies(),
            self.resent_counts(),
            self.spool_lost_counts(),
        )
        written_tallies, written_resent, written_lost = self._written
        daily_counts = changes_since(written_tallies, tallies)
        for signal, count in resent.items():
            if difference := count - written_resent.get(signal, 0):
                daily_counts.setdefault(signal, {})["resent"] = difference
        for (signal, reason), count in lost.items():
            if difference := count - written_lost.get((signal, reason), 0):
                columns = daily_counts.setdefault(signal, {})
                columns.setdefault("spool_dropped", {})[reason] = difference
        return daily_counts

    def written(self) -> None:
        """Record that the host's counters include the last result of `changes`."""
        self._written = self._seen

    def delivered(self) -> None:
        """Record that a batch was delivered."""
        self._outages.delivered()

    def failed(self, reason: str) -> None:
        """Record that a request was not delivered."""
        self._outages.failed(reason)

    def refused(self, signal: str, reason: str) -> None:
        """Record that the endpoint rejected a request."""
        self._outages.refused(SIGNALS[signal], reason)

    def warned(self, signal: str, warning: str) -> None:
        """Record a *warning* in a successful response."""
        self._outages.warned(SIGNALS[signal], warning)

    def dropped(self, signal: str, count: int, reason: str) -> None:
        """Report *count* lost records of *signal*; the queue has counted them."""
        if reason == "not_encodable":
            warn_once(
                f"some {signal} cannot be encoded or are too large for one request; they are "
                "dropped and counted; other records are not affected"
            )
        self._outages.lost(signal, count)

    def kept(self, signal: str, count: int) -> None:
        """Record that *count* records were spooled."""
        self._outages.kept(SIGNALS[signal], count)

    def metric_export(self, outcome: DeliveryOutcome) -> None:
        """Count one export of metrics."""
        with self._lock:
            self._metrics["emitted"] += 1
            if outcome is DeliveryOutcome.DELIVERED:
                self._metrics["delivered"] += 1
            elif outcome in {DeliveryOutcome.SPOOLED, DeliveryOutcome.TAKEN_OVER}:
                self._metrics["spooled"] += 1
            else:
                self._metrics[_LOST[outcome]] += 1
        if outcome in _LOST:
            self._outages.lost(METRIC_EXPORTS, 1)

    def metric_export_taken(self, transport: SpoolingTransport) -> None:
        """Save an export of metrics that is still in progress at exit."""
        payload = transport.take_unsent()
        transport.abandon()
        if payload is not None:
            self.metric_export(
                DeliveryOutcome.SPOOLED if transport.keep(payload, 1) else DeliveryOutcome.FAILED
            )

    def resent(self, signal: str, result: DrainResult) -> None:
        """Count the records sent from the spool."""
        with self._lock:
            self._resent[SIGNALS[signal]] += result.sent
        self.spool_lost(signal, result.rejected, "rejected")
        self.spool_lost(signal, result.damaged, "spool_damaged")
        if result.set_aside:
            self._outages.damaged(result.set_aside[0])

    def spool_lost(self, signal: str, count: int, reason: str) -> None:
        """Count *count* spooled records that were lost."""
        if not count:
            return
        with self._lock:
            self._spool_lost[SIGNALS[signal], reason] += count
        self._outages.lost(SIGNALS[signal], count)

    def spool_fault(self, folder: Path, error: Exception) -> None:
        """Report that records cannot be spooled now."""
        self._outages.spool_fault(folder, error)
