"""Puts the spool behind every OTLP exporter of a process, and takes it through exit and fork."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from otel_distro.base.installation_key import installation_key
from otel_distro.export import daily_delivery_counts
from otel_distro.export.spool.address import ROOT, Address, digest_of
from otel_distro.export.spool.courier import SpoolingTransport
from otel_distro.export.spool.endpoints import without_credentials
from otel_distro.export.spool.folder import SpoolFolder
from otel_distro.export.spool.net import DiskFallback
from otel_distro.export.spool.other_credentials import warn_of_others
from otel_distro.export.spool.ports import ExporterAdapter, adapter_for
from otel_distro.export.spool.resender import Resender
from otel_host.descriptors import reserve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_distro.export.deliveries import Deliveries
    from otel_distro.export.export_queue import ExportQueue
    from otel_distro.export.spool.answer import DeliveryOutcome
    from otel_distro.settings import Settings

_LOOK_SECONDS = 60.0
"""How often a process that has no trouble itself looks for what others left."""
_BOOK_SECONDS = 5.0
_SERVICE = "service.name"


class Spooling:
    """The couriers of a process and the thread that sends what they kept."""

    def __init__(
        self,
        settings: Settings,
        deliveries: Deliveries,
        clean: Callable[[str], str],
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may_send = may_send
        self._settings = settings
        self._deliveries = deliveries
        self._clean = clean
        self._resender = Resender(deliveries)
        self._looked_at = self._booked_at = 0.0
        self._booking = threading.Lock()
        self.couriers: list[SpoolingTransport] = []

    @property
    def keeps(self) -> bool:
        """Whether anything is ever written to disk."""
        return self._settings.spool != "none"

    def attach(self, exporters: Iterable[tuple[str, Any, ExportQueue[Any] | None, object]]) -> None:
        """Put a courier behind each (signal, exporter, queue, resource), where that can be done."""
        for signal, exporter, queue, resource in exporters:
            port = adapter_for(exporter, signal)
            if port is not None:
                self._install(signal, port, queue, resource)
        if self.keeps:
            reserve.hold()
        if self.couriers:
            self._looked_at = time.monotonic()
            self._resender.look()

    def _install(
        self, signal: str, port: ExporterAdapter, queue: ExportQueue[Any] | None, resource: object
    ) -> None:
        folder = self._folder(signal, port, resource) if self.keeps else None
        on_outcome = self._deliveries.metric_export if signal == "metrics" else _unheard
        courier = SpoolingTransport(
            signal, port, self._deliveries, folder, on_outcome=on_outcome, may_send=self._may_send
        )
        self.couriers.append(courier)
        if folder is not None:
            self._resender.serve(courier)
        if queue is not None:
            queue.net = DiskFallback(courier, self._journal(courier, folder))
            queue.on_idle = self._now_and_then

    def _journal(self, courier: SpoolingTransport, folder: SpoolFolder | None) -> Any:
        if folder is None or self._settings.spool != "everything":
            return None
        from otel_distro.export.spool.journal import Journal

        courier.journal = Journal(courier, folder)
        courier.keeps = False  # the journal has it already
        return courier.journal

    def _folder(self, signal: str, port: ExporterAdapter, resource: object) -> SpoolFolder:
        attributes = getattr(resource, "attributes", None) or {}
        address = Address(
            signal,
            self._clean(str(attributes.get(_SERVICE, "unknown_service"))),
            without_credentials(port.endpoint),
            port.protocol,
            self._digest(port),
        )
        settings = self._settings
        warn_of_others(settings.state_dir, address)
        return SpoolFolder(settings.state_dir, address, self._deliveries, settings.spool_limits)

    def _digest(self, port: ExporterAdapter) -> str:
        credentials = [text for text in port.credentials() if text]
        key = installation_key(self._settings.state_dir) if credentials else None
        return digest_of(credentials, key)

    def _now_and_then(self) -> None:
        now = time.monotonic()
        if now > self._booked_at + _BOOK_SECONDS:
            self._book()
        if now > self._looked_at + _LOOK_SECONDS:
            self._looked_at = now
            self._resender.look()

    def _book(self) -> None:
        """Add what has changed to the books of the host."""
        if not self.keeps or not self._booking.acquire(blocking=False):
            return
        try:
            self._booked_at = time.monotonic()
            changes = self._deliveries.changes()
            if changes and daily_delivery_counts.add(self._settings.state_dir, changes):
                self._deliveries.booked()
        finally:
            self._booking.release()

    def begin_close(self) -> None:
        """Send nothing more from disk: the process is leaving."""
        self._resender.begin_close()

    def stop_unreachable(self) -> None:
        """Stop trying where it is known to lead nowhere."""
        away = {courier.host for courier in self.couriers if courier.unreachable}
        for courier in self.couriers:
            if courier.failing or courier.host in away:
                courier.stop_sending()

    def is_stuck(self, signal: str) -> bool:
        """Whether a request of *signal* is under way to where nobody answers any more."""
        return any(courier.is_stuck for courier in self.couriers if courier.signal == signal)

    def save_metrics(self) -> None:
        """Keep exports of metrics that are still under way."""
        for courier in self.couriers:
            if courier.signal == "metrics":
                self._deliveries.metric_export_taken(courier)

    def end_close(self, deadline: float) -> None:
        """Leave what is on disk in good order for the next process."""
        self._resender.end_close(min(0.5, max(0.0, deadline - time.monotonic())))
        for courier in self.couriers:
            courier.hand_over()
        self._book()

    def at_fork(self) -> None:
        """Start anew in a forked child."""
        from otel_distro.export.spool.segments import forget_inherited

        forget_inherited()
        reserve.after_fork()
        self._booking = threading.Lock()
        for courier in self.couriers:
            courier.at_fork()
        self._resender.at_fork()

    def place(self) -> Any:
        """Return the folder below which telemetry is kept, None if it is not."""
        return self._settings.state_dir / ROOT if self.keeps else None


def _unheard(_fate: DeliveryOutcome) -> None:
    """Export queues keep their own books."""
