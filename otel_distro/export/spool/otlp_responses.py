"""Responses of OTLP receivers: bounded reads, and classification by content.

A status of 200 is not sufficient: a login page sends it too, and a receiver may reject part of a
request with 200 (`partial_success`).
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from otel_distro.export.spool.export_outcome import DELIVERED, ResponseClass, SendResult

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_RESPONSE: Final = 64 * 1024
"""Limit in bytes of a response, compressed and decompressed; the rest is ignored."""
_MOST: Final = 2**53
_REJECTED: Final = {
    "traces": ("rejected_spans", "rejectedSpans"),
    "logs": ("rejected_log_records", "rejectedLogRecords"),
    "metrics": ("rejected_data_points", "rejectedDataPoints"),
}


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response for the exporter's client, with the start of its body."""

    status_code: int | None = None
    reason: str | None = None
    error: Exception | None = None
    body: bytes = b""
    fields: Mapping[str, str] = field(default_factory=dict)

    def headers(self) -> Mapping[str, str]:
        """Return the header fields."""
        return self.fields


class BoundedTransport:
    """An exporter's HTTP transport that reads at most `LARGEST_RESPONSE` of each response."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.is_connection_error = transport.is_connection_error
        self.last = Response()

    def request(self, method: str, url: str, **options: Any) -> Response:
        """Send a request; any exception becomes the `error` of the response."""
        try:
            self.last = self._request(method, url, options)
        except Exception as error:  # the client expects errors as results
            self.last = Response(error=error)
        return self.last

    def _request(self, method: str, url: str, options: dict[str, Any]) -> Response:
        pool, session = (getattr(self._transport, name, None) for name in ("_pool", "_session"))
        if pool is not None:
            import urllib3

            timeout = options.get("timeout")
            raw = pool.request(
                method,
                url,
                headers=options.get("headers"),
                body=options.get("data"),
                timeout=None if timeout is None else urllib3.Timeout(total=timeout),
                preload_content=False,
            )
            status = raw.status
        elif session is not None:
            response = session.request(method, url, allow_redirects=False, stream=True, **options)
            raw, status = response.raw, response.status_code
        else:
            whole = self._transport.request(method, url, **options)
            if whole.error is not None:
                return Response(whole.status_code, whole.reason, whole.error)
            return Response(
                whole.status_code, whole.reason, None, _content_of(whole), whole.headers()
            )
        return Response(status, raw.reason, None, _beginning(raw), raw.headers)


def _content_of(result: Any) -> bytes:
    content = getattr(result, "content", bytes)
    return bytes(content())[:LARGEST_RESPONSE]


def _beginning(raw: Any) -> bytes:
    """Return the start of the body; the connection is reused only if the body is complete."""
    try:
        data = raw.read(LARGEST_RESPONSE + 1, decode_content=False)
        if len(data) > LARGEST_RESPONSE:
            raw.close()
        else:
            raw.release_conn()
    except BaseException:
        raw.close()
        raise
    if "gzip" in raw.headers.get("content-encoding", "") or data[:2] == b"\x1f\x8b":
        try:
            return zlib.decompressobj(47).decompress(data, LARGEST_RESPONSE)
        except zlib.error:
            return b""
    return bytes(data[:LARGEST_RESPONSE])


def judge(signal: str, response: Response) -> SendResult:
    """Return the outcome of a request of *signal* from a response with a success status."""
    body = response.body
    kind = str(response.fields.get("content-type", "")).partition(";")[0].strip().lower()
    if "html" in kind or body.lstrip()[:1] == b"<":
        reason = f"it answered {response.status_code} with a web page, so it is no OTLP receiver"
        return SendResult(ResponseClass.TRY_LATER, reason)
    if not body:
        return DELIVERED
    if kind == "application/json":
        return _json_partial_success(signal, body)
    try:
        message = _response_type(signal).FromString(body)
    except Exception:  # a receiver may send a plain "OK"
        return DELIVERED
    return partial_success(signal, message)


def partial_success(signal: str, message: Any) -> SendResult:
    """Return the outcome of a request from its decoded response *message*."""
    partial = getattr(message, "partial_success", None)
    if partial is None:
        return DELIVERED
    return _partly(
        signal,
        getattr(partial, _REJECTED[signal][0], 0),
        getattr(partial, "error_message", ""),
    )


def _json_partial_success(signal: str, body: bytes) -> SendResult:
    try:
        partial = json.loads(body)["partialSuccess"]
        rejected = int(partial.get(_REJECTED[signal][1]) or 0)
        return _partly(signal, rejected, str(partial.get("errorMessage") or ""))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return DELIVERED


def _partly(signal: str, rejected: int, message: str) -> SendResult:
    if not 0 < rejected < _MOST:
        return SendResult(ResponseClass.DELIVERED, message)
    what = {"traces": "spans", "logs": "log records", "metrics": "data points"}[signal]
    words = f"it rejected {rejected:,} {what} of a request" + (f": {message}" if message else "")
    return SendResult(ResponseClass.DELIVERED, words, rejected=rejected)


def _response_type(signal: str) -> Any:
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        return trace_service_pb2.ExportTraceServiceResponse
    if signal == "metrics":
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

        return metrics_service_pb2.ExportMetricsServiceResponse
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

    return logs_service_pb2.ExportLogsServiceResponse
