"""Forwards stored, redacted telemetry to another collector: a queue in memory, then the spool."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_distro.base.errors import OtelDistroError
from otel_distro.base.installation_key import installation_key
from otel_distro.export.delivery_reports import Deliveries
from otel_distro.export.outages import Outages
from otel_distro.export.spool.address import Address, digest_of
from otel_distro.export.spool.exporter_adapters import adapter_for
from otel_distro.export.spool.folder import SpoolFolder
from otel_distro.export.spool.resender import Resender
from otel_distro.export.spool.spooling_transport import SpoolingTransport
from otel_distro.server.signals import LOGS, METRICS, SIGNALS, TRACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from otel_distro.export.spool.exporter_adapters import ExporterAdapter
    from otel_distro.settings import Settings

SERVICE: Final = "otel-distro serve"
"""Spool name of forwarded telemetry."""


class ForwardError(OtelDistroError):
    """The forwarding endpoint cannot be used."""


@dataclass(slots=True)
class _Waiting:
    payload: bytes
    count: int


class _Lane:
    """The queue of one signal and its delivery thread."""

    def __init__(
        self, transport: SpoolingTransport, port: ExporterAdapter, most_bytes: int
    ) -> None:
        self._transport = transport
        self._port = port
        self._most_bytes = most_bytes
        self._queue: deque[_Waiting] = deque()
        self._size = 0
        self._condition = threading.Condition()
        self._closed = False
        self.dropped = 0
        self._thread = threading.Thread(
            target=self._run, name=f"otel_distro-forward-{transport.signal}", daemon=True
        )
        self._thread.start()

    def put(self, payload: bytes, count: int) -> None:
        """Queue a request; if the queue is full it is spooled to disk, or dropped and counted."""
        with self._condition:
            if not self._closed and self._size + len(payload) <= self._most_bytes:
                self._queue.append(_Waiting(payload, count))
                self._size += len(payload)
                self._condition.notify()
                return
        if not self._transport.keep(payload, count):
            self.dropped += count

    def begin_close(self) -> None:
        """Deliver queued requests without delay."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def end_close(self, timeout: float) -> None:
        """Wait for deliveries, then spool the remaining requests to disk."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._transport.stop_sending()
            under_way = self._transport.take_unsent()
            self._transport.abandon()
            if under_way is not None:
                self._transport.keep(under_way)
        with self._condition:
            left, self._queue = list(self._queue), deque()
        for one in left:
            if not self._transport.keep(one.payload, one.count):
                self.dropped += one.count
        self._transport.release_segments()

    def _run(self) -> None:
        with suppress_instrumentation():
            while True:
                with self._condition:
                    while not self._queue and not self._closed:
                        self._condition.wait()
                    if not self._queue:
                        return
                    one = self._queue.popleft()
                    self._size -= len(one.payload)
                self._transport.carry(one.payload, self._port.send)


class Forwarder:
    """Forwards every request to *url*; thread-safe."""

    def __init__(
        self,
        url: str,
        settings: Settings,
        clean: Callable[[str], str],
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        """Set up the connections, and send spooled telemetry; raises ForwardError."""
        self._base = _checked(url)
        self._outages = Outages(clean, self._base)
        deliveries = Deliveries(self._outages, settings.exit_timeout)
        self._resender = Resender(deliveries)
        self._everything = settings.spool == "everything"
        self._lanes: dict[str, _Lane] = {}
        self._transports: dict[str, SpoolingTransport] = {}
        for signal in SIGNALS:
            port = adapter_for(_exporter(signal, self._base), signal)
            if port is None:
                raise ForwardError("the installed OTLP exporter cannot be used to forward")
            folder = None
            if settings.spool != "none":
                address = Address(
                    signal,
                    SERVICE,
                    f"{self._base}/v1/{signal}",
                    port.protocol,
                    _digest(settings, port),
                )
                folder = SpoolFolder(settings.state_dir, address, deliveries, settings.spool_limits)
            transport = SpoolingTransport(signal, port, deliveries, folder, may_send=may_send)
            self._transports[signal] = transport
            if folder is not None:
                self._resender.serve(transport)
            limits = settings.log_limits if signal == LOGS else settings.span_limits
            self._lanes[signal] = _Lane(transport, port, limits.max_queue_bytes)
        self._resender.start_if_spooled()

    @property
    def place(self) -> str:
        """Scheme, host, port and path of the endpoint; never user or password."""
        return self._base

    def __call__(self, signal: str, message: Message) -> None:
        """Queue a stored request."""
        count = _records(signal, message)
        if not count:
            return
        payload = message.SerializeToString()
        if self._everything and self._transports[signal].keep(payload, count):
            return
        self._lanes[signal].put(payload, count)

    def close(self, timeout: float) -> None:
        """Deliver queued requests within *timeout* seconds; the rest is spooled."""
        self._resender.begin_close()
        for lane in self._lanes.values():
            lane.begin_close()
        for lane in self._lanes.values():
            lane.end_close(timeout / len(self._lanes))
        self._resender.end_close(timeout / len(self._lanes))


def _digest(settings: Settings, port: ExporterAdapter) -> str:
    """Return a key of the credentials, so that spooled telemetry is sent only with its own."""
    credentials = [text for text in port.credentials() if text]
    key = installation_key(settings.state_dir) if credentials else None
    return digest_of(credentials, key)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    try:
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ForwardError("OTEL_DISTRO_FORWARD is not a web address such as http://collector:4318")
    if parts.username or parts.password:
        raise ForwardError(
            "OTEL_DISTRO_FORWARD holds a user or password; set OTEL_EXPORTER_OTLP_HEADERS instead"
        )
    path = parts.path.rstrip("/")
    for signal in SIGNALS:
        path = path.removesuffix(f"/v1/{signal}")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _exporter(signal: str, base: str) -> Any:
    endpoint = f"{base}/v1/{signal}"
    if signal == TRACES:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=endpoint)
    if signal == METRICS:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter(endpoint=endpoint)
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    return OTLPLogExporter(endpoint=endpoint)


def _records(signal: str, message: Any) -> int:
    if signal == TRACES:
        return sum(len(s.spans) for group in message.resource_spans for s in group.scope_spans)
    if signal == LOGS:
        return sum(len(s.log_records) for group in message.resource_logs for s in group.scope_logs)
    return 1 if message.resource_metrics else 0
