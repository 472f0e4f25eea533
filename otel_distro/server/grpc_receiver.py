"""The OTLP/gRPC receiver; requires grpcio."""

# pyright: reportPossiblyUnboundVariable=false

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from otel_distro.server.decoding import PROTOBUF
from otel_distro.server.signals import GRPC_SERVICES, response

if TYPE_CHECKING:
    from otel_distro.server.access import SenderAccess
    from otel_distro.server.ingest import Ingest
    from otel_distro.server.limits import ReceiverLimits

_WORKERS: Final = 8
_ANSWER_SECONDS: Final = 60.0


class GrpcUnavailableError(Exception):
    """OTLP/gRPC cannot be received; the message has the reason."""


class GrpcReceiver:
    """Responds to each request when its records are stored; stopped by `close`."""

    def __init__(
        self,
        ingest: Ingest,
        access: SenderAccess,
        limits: ReceiverLimits,
        host: str,
        port: int,
    ) -> None:
        """Listen; raises GrpcUnavailableError."""
        try:
            import grpc
        except ImportError as error:
            raise GrpcUnavailableError("grpcio is not installed") from error
        self._grpc = grpc
        self._ingest = ingest
        self._access = access
        self._server = grpc.server(
            ThreadPoolExecutor(_WORKERS, thread_name_prefix="otel_distro-grpc"),
            options=[
                ("grpc.max_receive_message_length", limits.body_bytes),
                ("grpc.so_reuseport", 0),
                ("grpc.max_concurrent_streams", 64),
            ],
            maximum_concurrent_rpcs=limits.connections,
        )
        for service, signal in GRPC_SERVICES.items():
            handler: Any = grpc.unary_unary_rpc_method_handler(self._exporter(signal))
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {"Export": handler}),)
            )
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise GrpcUnavailableError(f"cannot listen on {address} for OTLP/gRPC") from error
        self._server.start()

    def close(self, timeout: float) -> None:
        """Refuse new requests; open ones have *timeout* seconds."""
        self._server.stop(timeout).wait(timeout)

    def _exporter(self, signal: str) -> Any:
        codes = self._grpc.StatusCode
        statuses = {
            400: codes.INVALID_ARGUMENT,
            403: codes.PERMISSION_DENIED,
            413: codes.INVALID_ARGUMENT,
            415: codes.INVALID_ARGUMENT,
        }

        def export(body: bytes, context: Any) -> bytes:
            if self._access.token is not None:
                header_values = [
                    value.encode() if isinstance(value, str) else value
                    for key, value in context.invocation_metadata()
                    if key == "authorization"
                ]
                if not self._access.is_authorized(header_values):
                    context.abort(codes.UNAUTHENTICATED, "a bearer token is needed")
            try:
                outcome = self._ingest.submit(signal, body, PROTOBUF).result(_ANSWER_SECONDS)
            except TimeoutError:
                context.abort(codes.UNAVAILABLE, "storing the request takes too long")
            if outcome.status != 200:  # pyright: ignore[reportPossiblyUnboundVariable]
                context.abort(statuses.get(outcome.status, codes.UNAVAILABLE), outcome.reason)
            answer: bytes = response(signal, outcome.rejected, outcome.reason).SerializeToString()
            return answer

        return export
