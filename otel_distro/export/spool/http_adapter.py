"""Adapter for the SDK's OTLP exporters over HTTP."""

from __future__ import annotations

import copy
import io
import logging
import threading
from typing import TYPE_CHECKING, Any

from otel_distro.export.spool.endpoints import (
    endpoint_credentials,
    header_credentials,
    without_header,
)
from otel_distro.export.spool.export_outcome import ResponseClass, SendResult, classify_http
from otel_distro.export.spool.inherited_connections import (
    drop_lost_connections,
    remember_connections,
    renew_connections,
)
from otel_distro.export.spool.otlp_responses import BoundedTransport, Response, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_distro.export.spool.exporter_adapters import Carry

# Not in the logging tree, where an app's dictConfig would enable it again.
_silent = logging.Logger("otel_distro.spool.resend")  # noqa: LOG001
_silent.disabled = True


class HttpAdapter:
    """OTLP over HTTP."""

    protocol = "http/protobuf"

    def __init__(self, exporter: Any, signal: str) -> None:
        self._exporter = exporter
        self._signal = signal
        self._client = exporter._client
        self.endpoint = str(exporter._endpoint)
        # One attempt: a set event ends the client's own retries after the first.
        self._once = copy.copy(self._client)
        self._once._shutdown_event = threading.Event()
        self._once._shutdown_event.set()
        self._once._logger = _silent

    def intercept(self, carry: Carry) -> None:
        """Pass every request to *carry* instead of sending it."""
        self._exporter._client = _SpoolingClient(self._client, self._try_once, carry)

    def send(self, payload: bytes, on_sent: Callable[[], None] | None = None) -> SendResult:
        """Send an encoded request once, without repeating it."""
        return self._try_once(payload, on_sent)[1]

    def _try_once(
        self, payload: bytes, on_sent: Callable[[], None] | None
    ) -> tuple[Any, SendResult]:
        """Send *payload*; return the client's result and its outcome."""
        result, response = _export(self._once, payload, on_sent)
        outcome = _http_result(result)
        if outcome.response_class is ResponseClass.DELIVERED:
            outcome = judge(self._signal, response)
        return result, outcome

    def credentials(self) -> Iterator[str]:
        """Yield the credentials of requests."""
        yield from header_credentials(self._client._headers)
        yield endpoint_credentials(self.endpoint)
        session = getattr(self._client._transport, "_session", None)
        if session is not None:
            yield from header_credentials(session.headers)
            yield from (repr(secret) for secret in (session.auth, session.cert) if secret)

    def at_fork(self) -> None:
        """Close our copies of the parent's connections, which it still uses."""
        renew_connections(self._client._transport)


class _SpoolingClient:
    """Replaces the exporter's HTTP client."""

    def __init__(
        self,
        client: Any,
        once: Callable[[bytes, Callable[[], None] | None], tuple[Any, SendResult]],
        carry: Carry,
    ) -> None:
        self._client = client
        self._once = once
        self._carry = carry

    def export(self, data: bytes) -> Any:
        results: list[Any] = []

        def send(payload: bytes, on_sent: Callable[[], None] | None) -> SendResult:
            result, outcome = self._once(payload, on_sent)
            results.append(result)
            return outcome

        outcome = self._carry(data, send)
        if results and results[-1].success == (outcome.response_class is ResponseClass.DELIVERED):
            return results[-1]
        from opentelemetry.exporter.otlp.common.http import _ExportResult

        status = results[-1].status_code if results else None
        return _ExportResult(
            success=outcome.response_class is ResponseClass.DELIVERED,
            status_code=status,
            reason=outcome.reason,
            error=None,
        )

    def shutdown(self) -> None:
        drop_lost_connections(self._client._transport)
        self._client.shutdown()


def _export(
    client: Any, payload: bytes, on_sent: Callable[[], None] | None
) -> tuple[Any, Response]:
    transport = client._transport
    drop_lost_connections(transport)
    bounded = BoundedTransport(transport)
    client = copy.copy(client)
    client._transport = bounded if on_sent is None else _TellingTransport(bounded, on_sent)
    try:
        return client.export(payload), bounded.last
    finally:
        remember_connections(transport)


class _TellingTransport:
    """A transport that signals when a whole request has been written."""

    def __init__(self, transport: Any, on_sent: Callable[[], None]) -> None:
        self._transport = transport
        self._on_sent = on_sent
        self.is_connection_error = transport.is_connection_error

    def request(
        self, method: str, url: str, *, data: bytes, headers: dict[str, str], **options: Any
    ) -> Any:
        # Otherwise a body read in blocks is sent chunked, which not every receiver supports.
        headers = {**headers, "content-length": str(len(data))}
        body = _Body(data, self._on_sent)
        return self._transport.request(method, url, data=body, headers=headers, **options)


class _Body(io.BytesIO):
    """A request body. Its sender reads and writes it in blocks until it is exhausted."""

    def __init__(self, data: bytes, on_sent: Callable[[], None]) -> None:
        super().__init__(data)
        self._on_sent = on_sent

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if not block:
            self._on_sent()
        return block


def _http_result(result: Any) -> SendResult:
    response_class = classify_http(result.status_code)
    if response_class is ResponseClass.DELIVERED:
        return SendResult(response_class)
    if result.status_code is not None:
        return SendResult(
            response_class, f"it answered {result.status_code} {result.reason or ''}".rstrip()
        )
    reason = without_header(str(result.error)) if result.error is not None else ""
    return SendResult(response_class, reason, responded=False)
