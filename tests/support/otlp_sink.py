"""A real OTLP/HTTP receiver on loopback that stores requests, decoded and as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_distro.demo.receiver import Receiver

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


class OtlpSink(Receiver):
    """Receives traces, metrics and logs; `with OtlpSink() as sink:`."""

    def spans(self) -> list[Span]:
        """Every span received, each span id once."""
        found: dict[bytes, Span] = {}
        for body in list(self.bodies["traces"]):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found.update({span.trace_id + span.span_id: span for span in scope.spans})
        return list(found.values())

    def span(self, name: str) -> Span:
        """The one span called *name*."""
        (found,) = [span for span in self.spans() if span.name == name]
        return found

    def resources(self) -> dict[str, dict[str, Any]]:
        """The last received resource of each signal."""
        found: dict[str, dict[str, Any]] = {}
        for signal, request, field in (
            ("traces", ExportTraceServiceRequest, "resource_spans"),
            ("metrics", ExportMetricsServiceRequest, "resource_metrics"),
            ("logs", ExportLogsServiceRequest, "resource_logs"),
        ):
            for body in list(self.bodies[signal]):
                for entry in getattr(request.FromString(body), field):
                    found[signal] = attributes_of(entry.resource)
        return found

    def metrics(self) -> dict[str, Any]:
        """The last state of every metric, by name."""
        found: dict[str, Any] = {}
        for body in list(self.bodies["metrics"]):
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    found.update({metric.name: metric for metric in scope.metrics})
        return found

    def log_records(self) -> list[Any]:
        """Every log record received."""
        return [
            record
            for body in list(self.bodies["logs"])
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


def attributes_of(record: Any) -> dict[str, Any]:
    """Attributes of a span, log record or data point as a plain dictionary."""
    return {pair.key: _plain(pair.value) for pair in record.attributes}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
    return getattr(value, kind) if kind else None
