"""`otel-distro serve`: sockets, collector, receivers and page, opened and closed in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from otel_distro.server.access import SenderAccess
from otel_distro.server.collector import Collector
from otel_distro.server.event_loop import serve_all
from otel_distro.server.forwarding import ForwardError
from otel_distro.server.grpc_receiver import GrpcReceiver, GrpcUnavailableError
from otel_distro.server.limits import DEFAULT_LIMITS
from otel_distro.server.receiver import Receiver
from otel_distro.server.spool_intake import LeftOnDisk
from otel_distro.server.statsd_receiver import LOOPBACK, StatsdReceiver
from otel_distro.ui.app import Site, make_app
from otel_distro.ui.security import Access
from otel_distro.ui.serving import CannotServeError, address_of, is_loopback, listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from starlette.types import ASGIApp

    from otel_distro.settings import Settings

HTTP_PORT: Final = 4318
GRPC_PORT: Final = 4317
_CLOSE_SECONDS: Final = 1.0
_STATSD_CLOSE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Addresses and access control of the server."""

    host: str = "127.0.0.1"
    http_port: int = HTTP_PORT
    grpc_port: int = GRPC_PORT
    ui_port: int | None = None
    """None for the default port, or a free one if it is taken."""
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    read_only: bool = False
    """Whether the page is read-only."""
    statsd_port: int | None = None
    """UDP port on loopback for StatsD, 0 for any; None for none."""
    statsd_socket: Path | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """Addresses of the running server, for messages."""

    page: str
    """URL of the page, including the token if there is one."""
    http: str
    grpc: str
    """Empty if OTLP/gRPC is not received."""
    why_no_grpc: str
    forward: str
    statsd: str = ""
    """Addresses of the StatsD receiver; empty if there is none."""


def serve(
    settings: Settings,
    options: ServeOptions,
    *,
    withhold: bool,
    started: Callable[[Serving], object],
) -> None:
    """Serve until SIGINT or SIGTERM; *started* is called when everything is ready.

    Raises CannotServeError, ForwardError, StatsdError and TraceStoreError.
    """
    check_host(options.host, settings)
    http = _listen(options.host, options.http_port, "--otlp-http-port")
    try:
        page = listen(options.host, options.ui_port)
        check_forward(settings, options.host, http)
        collector = Collector(settings, withhold=withhold)
    except BaseException:
        http.close()
        raise
    access = SenderAccess(
        settings.serve_token,
        options.hosts,
        frozenset(name.lower() for name in settings.serve_origins) | options.origins,
    )
    grpc: GrpcReceiver | None = None
    statsd: StatsdReceiver | None = None
    left: LeftOnDisk | None = None
    why_no_grpc = ""
    try:
        try:
            grpc = GrpcReceiver(
                collector.ingest, access, DEFAULT_LIMITS, options.host, options.grpc_port
            )
        except GrpcUnavailableError as error:
            why_no_grpc = str(error)
        if options.statsd_port is not None or options.statsd_socket is not None:
            statsd = StatsdReceiver(collector.ingest, options.statsd_port, options.statsd_socket)
        serving = Serving(
            address_of(page, options.host, settings.ui_token),
            address_of(http, options.host, None),
            f"{options.host}:{grpc.port}" if grpc is not None else "",
            why_no_grpc,
            collector.forwarder.place if collector.forwarder is not None else "",
            _statsd_places(statsd, options),
        )
        receiver = Receiver(collector.ingest, access, DEFAULT_LIMITS)
        ports = {http.getsockname()[1]} | ({grpc.port} if grpc is not None else set())
        left = LeftOnDisk(settings.state_dir, collector.ingest, frozenset(ports))
        left.start()
        serve_all(
            [(receiver, http), (_page(settings, options), page)],
            DEFAULT_LIMITS,
            lambda: started(serving),
        )
    finally:
        if left is not None:
            left.close(_CLOSE_SECONDS)
        if grpc is not None:
            grpc.close(_CLOSE_SECONDS)
        if statsd is not None:
            statsd.close(_STATSD_CLOSE_SECONDS)
        collector.close()


def _statsd_places(statsd: StatsdReceiver | None, options: ServeOptions) -> str:
    if statsd is None:
        return ""
    udp = f"udp {LOOPBACK}:{statsd.port}" if statsd.port else ""
    unix = f"unix {options.statsd_socket}" if options.statsd_socket is not None else ""
    return ", ".join(filter(None, (udp, unix)))


def check_host(host: str, settings: Settings) -> None:
    """Raise CannotServeError if other machines could reach *host* and a token is missing."""
    if is_loopback(host):
        return
    tokens = {
        "OTEL_DISTRO_SERVE_TOKEN": settings.serve_token,
        "OTEL_DISTRO_UI_TOKEN": settings.ui_token,
    }
    missing = [name for name, value in tokens.items() if not value]
    if missing:
        raise CannotServeError(
            f"others could send to {host!r} and read the page; set {' and '.join(missing)} to a "
            "long random text, or leave --host out"
        )


def check_forward(settings: Settings, host: str, http: socket.socket) -> None:
    """Raise ForwardError if this server would forward to itself."""
    if settings.forward is None:
        return
    parts = urlsplit(settings.forward)
    try:
        port = parts.port
    except ValueError:
        port = None
    name = parts.hostname or ""
    if port == http.getsockname()[1] and (is_loopback(name) or name == host):
        raise ForwardError(
            "OTEL_DISTRO_FORWARD names this server itself; name another collector, or another "
            "port with --otlp-http-port"
        )


def _page(settings: Settings, options: ServeOptions) -> ASGIApp:
    ledger = settings.ledger
    location = settings.state_dir / "no-ledger.db" if ledger is None else ledger
    access = Access(settings.ui_token, options.hosts, read_only=options.read_only)
    return make_app(Site(location, settings, access))


def _listen(host: str, port: int, option: str) -> socket.socket:
    try:
        return listen(host, port)
    except CannotServeError as error:
        text = str(error).replace("--port", option)
        if port == HTTP_PORT:
            text += "; does a collector or another `otel-distro serve` run already?"
        raise CannotServeError(text) from error
