"""What becomes of records that stay on this machine, which is no matter of the collector's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_distro.base.messages import say_once
from otel_distro.export.deliveries import Deliveries

if TYPE_CHECKING:
    from otel_distro.export.export_queue import ExportQueue


class LocalDeliveries(Deliveries):
    """Keeps the queues of files out of the books of what is exported."""

    def watch(self, queue: ExportQueue[Any]) -> None:
        """Count nothing: the same record has its place in the books of its exporter."""

    def delivered(self) -> None:
        """Tell nobody: that the disk works says nothing of the collector."""

    def dropped(self, signal: str, count: int, reason: str) -> None:
        """Say once that something could not be written."""
        say_once(f"some {signal} could not be written to this machine's files ({reason})")
