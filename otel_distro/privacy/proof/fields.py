"""Yields every text field of an OTLP message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
_SKIPPED = frozenset({"resource_spans", "scope_spans", "resource_metrics", "scope_metrics"})
_SKIPPED |= {"resource_logs", "scope_logs", "values", "kvlist_value", "array_value", "data_points"}


def text_fields(signal: str, body: bytes) -> Iterator[tuple[str, str]]:
    """Yield (where, value) for each text in *body*: `spans.attributes[url.full]` and so on."""
    yield from _walk(REQUESTS[signal].FromString(body), "")


def _walk(message: Any, where: str) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        place = where if field.name in _SKIPPED else f"{where}.{field.name}".lstrip(".")
        for item in value if field.is_repeated else (value,):
            if field.message_type is not None:
                yield from _message(item, place)
            elif isinstance(item, str):
                yield place, item


def _message(item: Any, place: str) -> Iterator[tuple[str, str]]:
    if item.DESCRIPTOR.name == "KeyValue":
        yield f"{place}.key", item.key
        yield from _walk(item.value, f"{place}[{item.key}]")
    elif item.DESCRIPTOR.name == "AnyValue":
        yield from _walk(item, place)
    else:
        yield from _walk(item, place)
