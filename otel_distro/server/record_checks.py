"""Records that cannot be stored: without an id, or with one of the wrong length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_NO_TRACE: Final = bytes(_TRACE_BYTES)
_NO_SPAN: Final = bytes(_SPAN_BYTES)
BAD_SPAN_IDS: Final = "spans need a trace id of 16 bytes and a span id of 8, neither of zeros alone"
_LATEST_NS: Final = 2**63 - 1


def remove_unusable_spans(request: ExportTraceServiceRequest) -> int:
    """Remove spans without usable ids from *request*; return how many."""
    removed = 0
    for group in request.resource_spans:
        for scope in group.scope_spans:
            bad = [
                place
                for place, span in enumerate(scope.spans)
                if len(span.trace_id) != _TRACE_BYTES
                or len(span.span_id) != _SPAN_BYTES
                or span.trace_id == _NO_TRACE
                or span.span_id == _NO_SPAN
            ]
            for place in reversed(bad):
                del scope.spans[place]
            removed += len(bad)
            for span in scope.spans:
                if len(span.parent_span_id) != _SPAN_BYTES or span.parent_span_id == _NO_SPAN:
                    span.parent_span_id = b""
                if max(span.start_time_unix_nano, span.end_time_unix_nano) > _LATEST_NS:
                    span.start_time_unix_nano = min(span.start_time_unix_nano, _LATEST_NS)
                    span.end_time_unix_nano = min(span.end_time_unix_nano, _LATEST_NS)
                for link in span.links:
                    if len(link.trace_id) != _TRACE_BYTES or len(link.span_id) != _SPAN_BYTES:
                        link.trace_id, link.span_id = b"", b""
    return removed


def clear_invalid_log_ids(request: ExportLogsServiceRequest) -> None:
    """Clear ids of the wrong length in log records; the records stay."""
    for group in request.resource_logs:
        for scope in group.scope_logs:
            for record in scope.log_records:
                if len(record.trace_id) != _TRACE_BYTES or record.trace_id == _NO_TRACE:
                    record.trace_id = b""
                if len(record.span_id) != _SPAN_BYTES or record.span_id == _NO_SPAN:
                    record.span_id = b""
                record.time_unix_nano = min(record.time_unix_nano, _LATEST_NS)
                record.observed_time_unix_nano = min(record.observed_time_unix_nano, _LATEST_NS)


def count_spans(request: ExportTraceServiceRequest) -> int:
    """Return the number of spans in *request*."""
    return sum(len(s.spans) for group in request.resource_spans for s in group.scope_spans)
