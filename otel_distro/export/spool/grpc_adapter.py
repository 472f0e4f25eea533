"""Adapter for the SDK's OTLP exporters over gRPC."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from otel_distro.export.spool.endpoints import endpoint_credentials, header_credentials
from otel_distro.export.spool.export_outcome import DELIVERED, Answer, ResponseClass, classify_grpc
from otel_distro.export.spool.otlp_requests import request_type
from otel_distro.export.spool.otlp_responses import partial_answer

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
        except Exception as error:  # RpcError, whose module may be missing
            return _grpc_answer(_code_of(error) or "UNAVAILABLE")
        return partial_answer(self._signal, response)

    def credentials(self) -> Iterator[str]:
        """Yield the credentials of requests."""
        yield from header_credentials(self._exporter._headers)
        yield endpoint_credentials(self.endpoint)

    def at_fork(self) -> None:
        """Do nothing: gRPC has its own fork hooks."""

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


_UNREACHABLE = {
    "UNAVAILABLE": "the connection was refused",
    "DEADLINE_EXCEEDED": "it did not answer in time",
}


def _grpc_answer(code: str) -> Answer:
    answered = code not in _UNREACHABLE
    reason = f"it answered {code}" if answered else _UNREACHABLE[code]
    return Answer(classify_grpc(code), reason, answered)


class _Listening:
    """A gRPC stub that reports statuses and responses, which the exporter does not expose."""

    def __init__(
        self, client: Any, heard: Callable[[str], None], answered: Callable[[Any], None]
    ) -> None:
        self._client = client
        self._heard = heard
        self._answered = answered

    def Export(self, *args: Any, **kwargs: Any) -> Any:  # the name of the call
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
