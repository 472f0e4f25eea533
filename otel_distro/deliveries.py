"""What becomes of queued records: delivered, or dropped for a reason; told and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_distro.outages import Outages
    from otel_distro.self_metrics import SelfMetrics


class Deliveries:
    """Joins an export queue to the outage messages and the drop counter."""

    def __init__(self, outages: Outages, metrics: SelfMetrics, close_timeout: float) -> None:
        self._outages = outages
        self._metrics = metrics
        self.close_timeout = close_timeout
        """Seconds a processor may take to shut down."""

    def delivered(self) -> None:
        """Note that a batch arrived."""
        self._outages.delivered()

    def dropped(self, signal: str, count: int, reason: str) -> None:
        """Count *count* records of *signal* that will not arrive."""
        self._outages.lost(signal, count)
        self._metrics.dropped(signal, count, reason)
