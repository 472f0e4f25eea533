"""Adapter for the SDK's OTLP exporters over gRPC."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from otel_distro.export.spool.endpoints import endpoint_credentials, header_credentials
from otel_distro.export.spool.export_outcome import (
    DELIVERED,
    ResponseClass,
    SendResult,
    classify_grpc,
)
from otel_distro.export.spool.otlp_requests import request_type
from otel_distro.export.spool.otlp_responses import partial_success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_distro.export.spool.exporter_adapters import Carry


class GrpcAdapter:
    """OTLP over gRPC."""

    protocol = "grpc"

    def __init__(self, exporter: Any, signal: str) -> None:
        self._exporter = exporter
        self._signal = signal
        self.endpoint = str(exporter._endpoint)
        self._export = exporter._export
        self._translate = exporter._translate_data
        # One attempt: a set event ends the exporter's own retries after the first.
        exporter._shutdown_in_progress = threading.Event()
        exporter._shutdown_in_progress.set()
        self._code = ""
        self._last = threading.local()
        self._stub = exporter._stub

    def intercept(self, carry: Carry) -> None:
        """Pass every request to *carry* instead of sending it."""
        exporter, listen = self._exporter, self._listen

        def export(data: Any) -> Any:
            request = self._translate(data)
            # The exporter would encode again for every attempt.
            exporter._translate_data = lambda _data: request
            results: list[Any] = []

            def send(_payload: bytes, _on_sent: Callable[[], None] | None) -> SendResult:
                self._code = ""
                self._last.answer = DELIVERED
                results.append(self._export(data))
                return self._answer(results[-1])

            answer = carry(request.SerializePartialToString(), send)
            if results:
                return results[-1]
            result = exporter._result
            delivered = answer.response_class is ResponseClass.DELIVERED
            return result.SUCCESS if delivered else result.FAILURE

        exporter._export = export
        # The exporter recreates its client after a lost connection, by calling its stub.
        exporter._stub = lambda channel: listen(self._stub(channel))
        exporter._client = listen(exporter._client)

    def send(self, payload: bytes, on_sent: Callable[[], None] | None = None) -> SendResult:
        """Send an encoded request once, without repeating it."""
        exporter = self._exporter
        try:
            response = exporter._client.Export(
                request=request_type(self._signal).FromString(payload),
                metadata=exporter._headers,
                timeout=exporter._timeout,
            )
        except Exception as error:  # RpcError, whose module may be missing
            return _grpc_result(_code_of(error) or "UNAVAILABLE")
        return partial_success(self._signal, response)

    def credentials(self) -> Iterator[str]:
        """Yield the credentials of requests."""
        yield from header_credentials(self._exporter._headers)
        yield endpoint_credentials(self.endpoint)

    def at_fork(self) -> None:
        """Do nothing: gRPC has its own fork hooks."""

    def _listen(self, client: Any) -> Any:
        return _ListeningStub(client, self._on_status, self._on_response)

    def _on_status(self, code: str) -> None:
        self._code = code

    def _on_response(self, response: Any) -> None:
        self._last.answer = partial_success(self._signal, response)

    def _answer(self, result: Any) -> SendResult:
        if getattr(result, "name", "") == "SUCCESS":
            return getattr(self._last, "answer", DELIVERED)
        return _grpc_result(self._code or "UNAVAILABLE")


_UNREACHABLE = {
    "UNAVAILABLE": "the connection was refused",
    "DEADLINE_EXCEEDED": "it did not answer in time",
}


def _grpc_result(code: str) -> SendResult:
    responded = code not in _UNREACHABLE
    reason = f"it answered {code}" if responded else _UNREACHABLE[code]
    return SendResult(classify_grpc(code), reason, responded)


class _ListeningStub:
    """A gRPC stub that reports statuses and responses, which the exporter does not expose."""

    def __init__(
        self, client: Any, on_status: Callable[[str], None], on_response: Callable[[Any], None]
    ) -> None:
        self._client = client
        self._on_status = on_status
        self._on_response = on_response

    def Export(self, *args: Any, **kwargs: Any) -> Any:  # the name of the call
        try:
            response = self._client.Export(*args, **kwargs)
            self._on_response(response)
            return response
        except Exception as error:
            self._on_status(_code_of(error))
            raise


def _code_of(error: BaseException) -> str:
    code: Any = getattr(error, "code", None)
    return str(getattr(code(), "name", "")) if callable(code) else ""
