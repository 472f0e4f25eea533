"""Encodes OTLP requests, and counts their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    """Return the decoded message of a request of *signal*."""
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        return trace_service_pb2.ExportTraceServiceRequest
    if signal == "metrics":
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

        return metrics_service_pb2.ExportMetricsServiceRequest
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

    return logs_service_pb2.ExportLogsServiceRequest


def count_records(signal: str, payload: bytes) -> int:
    """Return the number of spans or log records in *payload*; a metric export counts as one."""
    if signal == "metrics":
        return 1
    request = request_type(signal).FromString(payload)
    if signal == "traces":
        return sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    return sum(len(s.log_records) for r in request.resource_logs for s in r.scope_logs)
