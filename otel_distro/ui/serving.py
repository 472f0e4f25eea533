"""The server of the page: one socket, on loopback unless a token is set, until Ctrl-C."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import uvicorn

from otel_distro.base.errors import OtelDistroError
from otel_distro.ui.security import LOOPBACK
from otel_distro.ui.slow_clients import patient_protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

DEFAULT_PORT: Final = 4320
HEAD_SECONDS: Final = 10.0
"""Deadline for a request head, in seconds."""
CONNECTIONS: Final = 256
_QUEUE: Final = 128
_STARTING_SECONDS: Final = 10.0


class CannotServeError(OtelDistroError):
    """The page cannot be served as configured; the message has the fix."""


def check_host(host: str, token: str | None) -> None:
    """Raise CannotServeError if other machines could reach *host* and no *token* is set."""
    if token is None and not is_loopback(host):
        raise CannotServeError(
            f"others could read this page on {host!r}, because no token is set; "
            "set OTEL_DISTRO_UI_TOKEN to a long random text, or omit --host"
        )


def is_loopback(host: str) -> bool:
    """Return whether *host* is a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK


def listen(host: str, port: int | None) -> socket.socket:
    """Return a listening socket; without a *port* on the default one, or a free one if taken.

    Raises CannotServeError.
    """
    try:
        return _bound(host, DEFAULT_PORT if port is None else port)
    except OSError as error:
        if port is not None:
            raise CannotServeError(
                f"cannot listen on {host} port {port}: {(error.strerror or str(error)).lower()}; "
                "choose another with --port, or 0 for any that is free"
            ) from error
    try:
        return _bound(host, 0)
    except OSError as error:
        raise CannotServeError(
            f"cannot listen on {host}: {(error.strerror or str(error)).lower()}"
        ) from error


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_QUEUE)
    except BaseException:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket, host: str, token: str | None) -> str:
    """Return the URL to open, including the token if there is one."""
    port = listener.getsockname()[1]
    display_host = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound
    name = f"[{display_host}]" if ":" in display_host else display_host
    secret = f"?token={quote(token, safe='')}" if token else ""
    return f"http://{name}:{port}/{secret}"


def serve(app: ASGIApp, listener: socket.socket, started: Callable[[], object]) -> None:
    """Serve *app* on *listener* until a signal; *started* is called when it is ready."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=int(HEAD_SECONDS),
        timeout_graceful_shutdown=1,
        limit_concurrency=CONNECTIONS,
        http=patient_protocol(HEAD_SECONDS),
        ws="none",
    )
    server = uvicorn.Server(config)

    def announce() -> None:
        deadline = time.monotonic() + _STARTING_SECONDS
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        if server.started:
            started()

    threading.Thread(target=announce, name="otel_distro-started", daemon=True).start()
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return
