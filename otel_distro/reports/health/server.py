"""`/healthz` inside an app: health of this host's telemetry and model calls, on loopback only."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from otel_distro.base import messages
from otel_distro.reports.health.report import NOT_WELL, health_report
from otel_host.descriptors import identity, raised

if TYPE_CHECKING:
    from otel_distro.settings import Settings

ADDRESS = "127.0.0.1"
PATH = "/healthz"
_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_TIMEOUT_S = 5


def serve(settings: Settings, port: int) -> ThreadingHTTPServer | None:
    """Serve until the process ends; None if another process already serves on the port.

    It reports on all processes of the host, so one server is enough.
    """

    class Handler(_Handler):
        distro_settings = settings

    try:
        server = _Server((ADDRESS, port), Handler)
    except OSError as error:
        messages.warn_once(
            f"{PATH} is not served by this process: port {port} cannot be used "
            f"({error.strerror}); set OTEL_DISTRO_HEALTH_PORT to a free one"
        )
        return None
    threading.Thread(
        target=_serve, args=(server, settings, port), name="otel_distro-healthz", daemon=True
    ).start()
    return server


def _serve(server: _Server, settings: Settings, port: int) -> None:
    try:
        server.serve_forever()
    except _LostError:
        serve(settings, port)


class _LostError(Exception):
    """The program closed the listening socket."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A configured port that is in use must be reported.
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.socket = socket.socket(fileno=raised(self.socket.detach()))
        self._identity = identity(self.fileno())

    def service_actions(self) -> None:
        """Stop if our descriptor belongs to another file; called twice a second."""
        self._check()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection on our own socket only.

        Its descriptor gets a high number as well: the thread that closes it may run after the
        program has closed all descriptors and reused the low numbers.
        """
        self._check()
        connection, address = super().get_request()
        return socket.socket(fileno=raised(connection.detach())), address

    def _check(self) -> None:
        if identity(self.fileno()) != self._identity:
            self.leave()
            raise _LostError

    def leave(self) -> None:
        """Close the socket if it is still ours; drop it otherwise."""
        if identity(self.fileno()) == self._identity:
            self.socket.close()
        else:
            self.socket.detach()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: a connection closed by a probe is no error of the app."""


class _Handler(BaseHTTPRequestHandler):
    distro_settings: Settings
    timeout = _TIMEOUT_S

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Return 200 unless a check needs action, else 503; the checks are in the body."""
        # By DNS rebinding a web page can reach this server; it must not read the response.
        if self.headers.get("host", "").rpartition(":")[0] not in _NAMES:
            self._answer(403, {"error": "only 127.0.0.1 and localhost are served"})
        elif self.path.partition("?")[0] != PATH:
            self._answer(404, {"error": f"there is only {PATH}"})
        else:
            from opentelemetry.instrumentation.utils import suppress_instrumentation

            with suppress_instrumentation():
                data = health_report(self.distro_settings)
            self._answer(503 if data["status"] in NOT_WELL else 200, data)

    def _answer(self, status: int, data: dict[str, Any]) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(body)
