"""Delivery of records that stay on this machine: no outage messages, no counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.base.messages import warn_once
from otel_distro.export.delivery_reports import Deliveries

if TYPE_CHECKING:
    from otel_distro.export.export_queue import ExportQueue


class LocalDeliveries(Deliveries):
    """Keeps the queues of local files out of the export counters."""

    def watch(self, queue: ExportQueue[Any]) -> None:
        """Count nothing: the exporter's counters include the same record."""

    def delivered(self) -> None:
        """Report nothing: a working disk does not imply a working collector."""

    def dropped(self, signal: str, count: int, reason: str) -> None:
        """Report once that records could not be written."""
        warn_once(
            f"cannot write some {signal} to local files ({reason}); they are dropped and counted"
        )
