"""Adapters for the SDK's OTLP exporters, whose transport has no public extension point.

An adapter puts a transport between an exporter and its connection, and sends encoded requests. A
test pins the private names used here; an exporter without them is unchanged.
"""

from __future__ import annotations

import copy
import io
import logging
import threading
from typing import TYPE_CHECKING, Any, Protocol

from otel_distro.export.spool.answer import (
    DELIVERED,
    Answer,
    ResponseClass,
    classify_grpc,
    classify_http,
)
from otel_distro.export.spool.endpoints import without_header
from otel_distro.export.spool.inherited import (
    drop_lost_connections,
    remember_connections,
    renew_connections,
)
from otel_distro.export.spool.otlp_responses import (
    BoundedTransport,
    Response,
    judge,
    partial_answer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Send = Callable[[bytes, Callable[[], None] | None], Answer]
    """Sends an encoded request; the second argument is called when it is on its way."""
    Carry = Callable[[bytes, Send], Answer]
    """Receives an encoded request and the function that sends it."""

# ruff: noqa: SLF001

_PACKAGE = "opentelemetry.exporter.otlp.proto."
# Not of the logging tree, where an app's dictConfig would enable it again.
_silent = logging.Logger("otel_distro.spool.resend")  # noqa: LOG001
_silent.disabled = True


class ExporterAdapter(Protocol):
    """An exporter as the spool sees it."""

    endpoint: str
    protocol: str

    def intercept(self, carry: Carry) -> None:
        """Pass every request to *carry* instead of sending it."""

    def send(self, payload: bytes, on_sent: Callable[[], None] | None = None) -> Answer:
        """Send an encoded request once, without repeating it; on any thread.

        *on_sent* is called, where that can be known, when the request has left this process and
        the response is pending: from then on it arrives even if the process is killed.
        """
        ...

    def credentials(self) -> Iterator[str]:
        """Yield everything that decides in whose name requests are sent; secrets."""
        ...

    def at_fork(self) -> None:
        """Release connections that belong to the parent process."""


def adapter_for(exporter: object, signal: str) -> ExporterAdapter | None:
    """Return the port of an OTLP *exporter*; None for other exporters."""
    module = type(exporter).__module__
    if not module.startswith(_PACKAGE):
        return None
    try:
        if module.startswith(f"{_PACKAGE}grpc"):
            return GrpcAdapter(exporter, signal)
        return HttpAdapter(exporter, signal)
    except AttributeError:
        return None


def encode(signal: str, records: Sequence[Any]) -> bytes:
    """Return spans or log records as one encoded request."""
    if signal == "traces":
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        request: Any = encode_spans(records)
        return bytes(request.SerializePartialToString())
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs

    request = encode_logs(records)
    return bytes(request.SerializePartialToString())


def request_type(signal: str) -> Any:
    """Return the message that an encoded request of *signal* is."""
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        return trace_service_pb2.ExportTraceServiceRequest
    if signal == "metrics":
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

        return metrics_service_pb2.ExportMetricsServiceRequest
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

    return logs_service_pb2.ExportLogsServiceRequest


def count_records(signal: str, payload: bytes) -> int:
    """Return how many spans or log records *payload* holds; a metric export counts as one."""
    if signal == "metrics":
        return 1
    request = request_type(signal).FromString(payload)
    if signal == "traces":
        return sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    return sum(len(s.log_records) for r in request.resource_logs for s in r.scope_logs)


class HttpAdapter:
    """OTLP over HTTP."""

    protocol = "http/protobuf"

    def __init__(self, exporter: Any, signal: str) -> None:
        self._exporter = exporter
        self._signal = signal
        self._client = exporter._client
        self.endpoint = str(exporter._endpoint)
        # One attempt: an event that is set ends the client's own retries after the first.
        self._once = copy.copy(self._client)
        self._once._shutdown_event = threading.Event()
        self._once._shutdown_event.set()
        self._once._logger = _silent

    def intercept(self, carry: Carry) -> None:
        """Pass every request to *carry* instead of sending it."""
        self._exporter._client = _SpoolingClient(self._client, self._try_once, carry)

    def send(self, payload: bytes, on_sent: Callable[[], None] | None = None) -> Answer:
        """Send an encoded request once, without repeating it."""
        return self._try_once(payload, on_sent)[1]

    def _try_once(self, payload: bytes, on_sent: Callable[[], None] | None) -> tuple[Any, Answer]:
        """Send *payload*; return the client's result and what it means."""
        result, response = _export(self._once, payload, on_sent)
        answer = _http_answer(result)
        if answer.verdict is ResponseClass.DELIVERED:
            answer = judge(self._signal, response)
        return result, answer

    def credentials(self) -> Iterator[str]:
        """Yield everything that decides in whose name requests are sent."""
        yield from _header_texts(self._client._headers)
        yield _place_secrets(self.endpoint)
        session = getattr(self._client._transport, "_session", None)
        if session is not None:
            yield from _header_texts(session.headers)
            yield from (repr(found) for found in (session.auth, session.cert) if found)

    def at_fork(self) -> None:
        """Close our copies of the parent's connections, which it still uses."""
        renew_connections(self._client._transport)


class _SpoolingClient:
    """Replaces the exporter's HTTP client."""

    def __init__(
        self,
        client: Any,
        once: Callable[[bytes, Callable[[], None] | None], tuple[Any, Answer]],
        carry: Carry,
    ) -> None:
        self._client = client
        self._once = once
        self._carry = carry

    def export(self, data: bytes) -> Any:
        results: list[Any] = []

        def send(payload: bytes, on_sent: Callable[[], None] | None) -> Answer:
            result, answer = self._once(payload, on_sent)
            results.append(result)
            return answer

        answer = self._carry(data, send)
        if results and results[-1].success == (answer.verdict is ResponseClass.DELIVERED):
            return results[-1]
        from opentelemetry.exporter.otlp.common.http import _ExportResult

        status = results[-1].status_code if results else None
        return _ExportResult(
            success=answer.verdict is ResponseClass.DELIVERED,
            status_code=status,
            reason=answer.reason,
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


_NO_CREDENTIALS = frozenset(
    {"user-agent", "content-type", "content-encoding", "accept", "accept-encoding", "connection"}
)


def _header_texts(headers: Any) -> Iterator[str]:
    for name, value in sorted(dict(headers or {}).items()):
        if str(name).lower() not in _NO_CREDENTIALS:
            yield f"{str(name).lower()}={value}"


def _place_secrets(endpoint: str) -> str:
    """Return user, password and query of *endpoint*: a key may be among them."""
    place, _, query = endpoint.partition("?")
    user = place.rpartition("@")[0].rpartition("//")[2]
    return f"{user}?{query}" if user or query else ""


class _TellingTransport:
    """A transport that signals when a whole request has been written."""

    def __init__(self, transport: Any, on_sent: Callable[[], None]) -> None:
        self._transport = transport
        self._on_sent = on_sent
        self.is_connection_error = transport.is_connection_error

    def request(
        self, method: str, url: str, *, data: bytes, headers: dict[str, str], **options: Any
    ) -> Any:
        # Else a body that is read in blocks is sent in chunks, which not every receiver takes.
        headers = {**headers, "content-length": str(len(data))}
        body = _Body(data, self._on_sent)
        return self._transport.request(method, url, data=body, headers=headers, **options)


class _Body(io.BytesIO):
    """A request body. Its sender reads a block, writes it, and reads on until there is nothing."""

    def __init__(self, data: bytes, on_sent: Callable[[], None]) -> None:
        super().__init__(data)
        self._on_sent = on_sent

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if not block:
            self._on_sent()
        return block


def _http_answer(result: Any) -> Answer:
    verdict = classify_http(result.status_code)
    if verdict is ResponseClass.DELIVERED:
        return Answer(verdict)
    if result.status_code is not None:
        return Answer(verdict, f"it answered {result.status_code} {result.reason or ''}".rstrip())
    reason = without_header(str(result.error)) if result.error is not None else ""
    return Answer(verdict, reason, answered=False)


class GrpcAdapter:
    """OTLP over gRPC."""

    protocol = "grpc"

    def __init__(self, exporter: Any, signal: str) -> None:
        self._exporter = exporter
        self._signal = signal
        self.endpoint = str(exporter._endpoint)
        self._export = exporter._export
        self._translate = exporter._translate_data
        # One attempt: an event that is set ends the exporter's own retries after the first.
        exporter._shutdown_in_progress = threading.Event()
        exporter._shutdown_in_progress.set()
        self._code = ""
        self._heard_last = threading.local()
        self._stub = exporter._stub

    def intercept(self, carry: Carry) -> None:
        """Pass every request to *carry* instead of sending it."""
        exporter, listen = self._exporter, self._listen

        def export(data: Any) -> Any:
            request = self._translate(data)
            # The exporter would encode again for every attempt.
            exporter._translate_data = lambda _data: request
            results: list[Any] = []

            def send(_payload: bytes, _on_sent: Callable[[], None] | None) -> Answer:
                self._code = ""
                self._heard_last.answer = DELIVERED
                results.append(self._export(data))
                return self._answer(results[-1])

            answer = carry(request.SerializePartialToString(), send)
            if results:
                return results[-1]
            result = exporter._result
            delivered = answer.verdict is ResponseClass.DELIVERED
            return result.SUCCESS if delivered else result.FAILURE

        exporter._export = export
        # The exporter recreates its client after a lost connection, by calling its stub.
        exporter._stub = lambda channel: listen(self._stub(channel))
        exporter._client = listen(exporter._client)

    def send(self, payload: bytes, on_sent: Callable[[], None] | None = None) -> Answer:
        """Send an encoded request once, without repeating it."""
        exporter = self._exporter
        try:
            response = exporter._client.Export(
                request=request_type(self._signal).FromString(payload),
                metadata=exporter._headers,
                timeout=exporter._timeout,
            )
        except Exception as error:  # noqa: BLE001 - RpcError, whose module may not be there
            return _grpc_answer(_code_of(error) or "UNAVAILABLE")
        return partial_answer(self._signal, response)

    def credentials(self) -> Iterator[str]:
        """Yield everything that decides in whose name requests are sent."""
        yield from _header_texts(self._exporter._headers)
        yield _place_secrets(self.endpoint)

    def at_fork(self) -> None:
        """Leave it to gRPC, which has hooks of its own."""

    def _listen(self, client: Any) -> Any:
        return _Listening(client, self._heard, self._answered)

    def _heard(self, code: str) -> None:
        self._code = code

    def _answered(self, response: Any) -> None:
        self._heard_last.answer = partial_answer(self._signal, response)

    def _answer(self, result: Any) -> Answer:
        if getattr(result, "name", "") == "SUCCESS":
            return getattr(self._heard_last, "answer", DELIVERED)
        return _grpc_answer(self._code or "UNAVAILABLE")


_NOBODY_THERE = {
    "UNAVAILABLE": "the connection was refused",
    "DEADLINE_EXCEEDED": "it did not answer in time",
}


def _grpc_answer(code: str) -> Answer:
    answered = code not in _NOBODY_THERE
    reason = f"it answered {code}" if answered else _NOBODY_THERE[code]
    return Answer(classify_grpc(code), reason, answered)


class _Listening:
    """A gRPC stub that reports statuses and responses, which the exporter keeps to itself."""

    def __init__(
        self, client: Any, heard: Callable[[str], None], answered: Callable[[Any], None]
    ) -> None:
        self._client = client
        self._heard = heard
        self._answered = answered

    def Export(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 - the name of the call
        try:
            response = self._client.Export(*args, **kwargs)
            self._answered(response)
            return response
        except Exception as error:
            self._heard(_code_of(error))
            raise


def _code_of(error: BaseException) -> str:
    code: Any = getattr(error, "code", None)
    return str(getattr(code(), "name", "")) if callable(code) else ""
