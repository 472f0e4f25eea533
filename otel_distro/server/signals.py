"""The three OTLP signals: paths, services, messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

if TYPE_CHECKING:
    from google.protobuf.message import Message

TRACES: Final = "traces"
LOGS: Final = "logs"
METRICS: Final = "metrics"
SIGNALS: Final = (TRACES, LOGS, METRICS)
PATHS: Final = {f"/v1/{signal}": signal for signal in SIGNALS}
GRPC_SERVICES: Final = {
    "opentelemetry.proto.collector.trace.v1.TraceService": TRACES,
    "opentelemetry.proto.collector.logs.v1.LogsService": LOGS,
    "opentelemetry.proto.collector.metrics.v1.MetricsService": METRICS,
}
_REQUESTS: Final[dict[str, Any]] = {
    TRACES: trace_service_pb2.ExportTraceServiceRequest,
    LOGS: logs_service_pb2.ExportLogsServiceRequest,
    METRICS: metrics_service_pb2.ExportMetricsServiceRequest,
}
_RESPONSES: Final[dict[str, tuple[Any, str]]] = {
    TRACES: (trace_service_pb2.ExportTraceServiceResponse, "rejected_spans"),
    LOGS: (logs_service_pb2.ExportLogsServiceResponse, "rejected_log_records"),
    METRICS: (metrics_service_pb2.ExportMetricsServiceResponse, "rejected_data_points"),
}


def message_class(signal: str) -> Any:
    """Return the request class of *signal*."""
    return _REQUESTS[signal]


def response(signal: str, rejected: int, reason: str) -> Message:
    """Return the response to a request with *rejected* records."""
    kind, field = _RESPONSES[signal]
    message: Any = kind()
    if rejected or reason:
        partial = message.partial_success
        setattr(partial, field, rejected)
        partial.error_message = reason
    return cast("Message", message)
