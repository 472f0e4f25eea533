"""Adapters for the SDK's OTLP exporters, whose transport has no public extension point.

An adapter puts a transport between an exporter and its connection, and sends encoded requests. A
test pins the private names that adapters use; an exporter without them is unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from otel_distro.export.spool.grpc_adapter import GrpcAdapter
from otel_distro.export.spool.http_adapter import HttpAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_distro.export.spool.export_outcome import SendResult

    Send = Callable[[bytes, Callable[[], None] | None], SendResult]
    """Sends an encoded request; the second argument is called when it has been written."""
    Carry = Callable[[bytes, Send], SendResult]
    """Receives an encoded request and the function that sends it."""

_PACKAGE = "opentelemetry.exporter.otlp.proto."


class ExporterAdapter(Protocol):
    """An exporter as the spool sees it."""

    endpoint: str
    protocol: str

    def intercept(self, carry: Carry) -> None:
        """Pass every request to *carry* instead of sending it."""

    def send(self, payload: bytes, on_sent: Callable[[], None] | None = None) -> SendResult:
        """Send an encoded request once, without repeating it; on any thread.

        *on_sent* is called, if detectable, when the request has left this process and the response
        is pending: from then on it arrives even if the process is killed.
        """
        ...

    def credentials(self) -> Iterator[str]:
        """Yield the credentials of requests: headers, user, password and query; secrets."""
        ...

    def at_fork(self) -> None:
        """Release connections that belong to the parent process."""


def adapter_for(exporter: object, signal: str) -> ExporterAdapter | None:
    """Return the adapter of an OTLP *exporter*; None for other exporters."""
    module = type(exporter).__module__
    if not module.startswith(_PACKAGE):
        return None
    try:
        if module.startswith(f"{_PACKAGE}grpc"):
            return GrpcAdapter(exporter, signal)
        return HttpAdapter(exporter, signal)
    except AttributeError:
        return None
