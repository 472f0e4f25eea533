"""Spans of OTLP as records that pricing reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_pricing import SpanEvent, SpanRecord
from otel_trace_store.values import attributes_of

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

_ERROR_CODE: Final = 2


def span_record(
    span: Span,
    attributes: dict[str, Any],
    resource: dict[str, Any],
    scope: InstrumentationScope,
) -> SpanRecord:
    """Return *span* with the attributes of its resource; times are ns since 1970."""
    return SpanRecord(
        trace_id=int.from_bytes(span.trace_id, "big"),
        span_id=int.from_bytes(span.span_id, "big"),
        parent_span_id=int.from_bytes(span.parent_span_id, "big") or None,
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        kind=span.kind,
        status_is_error=span.status.code == _ERROR_CODE,
        status_message=span.status.message,
        scope_name=scope.name,
        scope_version=scope.version,
        attributes=dict(attributes),
        resource_attributes=resource,
        events=tuple(
            SpanEvent(
                name=event.name,
                time_ns=event.time_unix_nano,
                attributes=attributes_of(event.attributes),
            )
            for event in span.events
        ),
    )
