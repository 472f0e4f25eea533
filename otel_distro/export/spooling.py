"""The spool behind every OTLP exporter of a process: installation, exit and fork."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from otel_distro.base.installation_key import installation_key
from otel_distro.export import daily_delivery_counts
from otel_distro.export.spool.address import ROOT, Address, digest_of
from otel_distro.export.spool.disk_fallback import DiskFallback
from otel_distro.export.spool.endpoints import without_credentials
from otel_distro.export.spool.exporter_adapters import ExporterAdapter, adapter_for
from otel_distro.export.spool.folder import SpoolFolder
from otel_distro.export.spool.other_credentials import warn_of_others
from otel_distro.export.spool.resender import Resender
from otel_distro.export.spool.spooling_transport import SpoolingTransport
from otel_host.descriptor_reserve import reserve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otel_distro.export.delivery_reports import Deliveries
    from otel_distro.export.export_queue import ExportQueue
    from otel_distro.export.spool.export_outcome import DeliveryOutcome
    from otel_distro.settings import Settings

_LOOK_SECONDS = 60.0
"""Seconds between checks of a healthy process for records of other processes."""
_WRITE_SECONDS = 5.0
_SERVICE = "service.name"


class Spooling:
    """The spooling transports of a process and the thread that sends spooled requests."""

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
        self._looked_at = self._written_at = 0.0
        self._save_lock = threading.Lock()
        self.transports: list[SpoolingTransport] = []

    @property
    def is_spooling(self) -> bool:
        """Whether spooling is enabled."""
        return self._settings.spool != "none"

    def attach(self, exporters: Iterable[tuple[str, Any, ExportQueue[Any] | None, object]]) -> None:
        """Install a transport for each (signal, exporter, queue, resource), if possible."""
        for signal, exporter, queue, resource in exporters:
            port = adapter_for(exporter, signal)
            if port is not None:
                self._install(signal, port, queue, resource)
        if self.is_spooling:
            reserve.hold()
        if self.transports:
            self._looked_at = time.monotonic()
            self._resender.start_if_spooled()

    def _install(
        self, signal: str, port: ExporterAdapter, queue: ExportQueue[Any] | None, resource: object
    ) -> None:
        folder = self._folder(signal, port, resource) if self.is_spooling else None
        on_outcome = self._deliveries.metric_export if signal == "metrics" else _ignore
        transport = SpoolingTransport(
            signal, port, self._deliveries, folder, on_outcome=on_outcome, may_send=self._may_send
        )
        self.transports.append(transport)
        if folder is not None:
            self._resender.serve(transport)
        if queue is not None:
            queue.net = DiskFallback(transport, self._journal(transport, folder))
            queue.on_idle = self._save_deliveries

    def _journal(self, transport: SpoolingTransport, folder: SpoolFolder | None) -> Any:
        if folder is None or self._settings.spool != "everything":
            return None
        from otel_distro.export.spool.journal import Journal

        transport.journal = Journal(transport, folder)
        transport.is_spooling = False  # the journal has it already
        return transport.journal

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

    def _save_deliveries(self) -> None:
        now = time.monotonic()
        if now > self._written_at + _WRITE_SECONDS:
            self._book()
        if now > self._looked_at + _LOOK_SECONDS:
            self._looked_at = now
            self._resender.start_if_spooled()

    def _book(self) -> None:
        """Add the changes to the counters of the host."""
        if not self.is_spooling or not self._save_lock.acquire(blocking=False):
            return
        try:
            self._written_at = time.monotonic()
            changes = self._deliveries.changes()
            if changes and daily_delivery_counts.add(self._settings.state_dir, changes):
                self._deliveries.written()
        finally:
            self._save_lock.release()

    def begin_close(self) -> None:
        """Stop sending from disk: the process exits."""
        self._resender.begin_close()

    def stop_unreachable(self) -> None:
        """Stop attempts to endpoints known to be down."""
        unreachable = {transport.host for transport in self.transports if transport.unreachable}
        for transport in self.transports:
            if transport.failing or transport.host in unreachable:
                transport.stop_sending()

    def is_stuck(self, signal: str) -> bool:
        """Whether a request of *signal* is in progress to an endpoint that does not respond."""
        return any(
            transport.is_stuck for transport in self.transports if transport.signal == signal
        )

    def save_metrics(self) -> None:
        """Save exports of metrics that are still in progress."""
        for transport in self.transports:
            if transport.signal == "metrics":
                self._deliveries.metric_export_taken(transport)

    def end_close(self, deadline: float) -> None:
        """Close the files on disk by *deadline*, in seconds of `time.monotonic()`."""
        self._resender.end_close(min(0.5, max(0.0, deadline - time.monotonic())))
        for transport in self.transports:
            transport.release_segments()
        self._book()

    def at_fork(self) -> None:
        """Reset after fork."""
        from otel_distro.export.spool.segments import forget_inherited

        forget_inherited()
        reserve.after_fork()
        self._save_lock = threading.Lock()
        for transport in self.transports:
            transport.at_fork()
        self._resender.at_fork()

    def place(self) -> Any:
        """Return the folder of spooled telemetry, None if spooling is disabled."""
        return self._settings.state_dir / ROOT if self.is_spooling else None


def _ignore(_outcome: DeliveryOutcome) -> None:
    """Export queues have their own counters."""
