"""Conversion of OTLP/JSON spans and log records to records for pricing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from otel_pricing.model.record import ERROR_CODE, SpanEvent, SpanRecord
from otel_pricing.reading.log_events import LogRecord
from otel_pricing.reading.otlp_values import attributes_of, either, object_of, objects_of, text_of
from otel_pricing.reading.recognise import ALL_MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


_ERROR_NAMES = frozenset({ERROR_CODE, str(ERROR_CODE), "STATUS_CODE_ERROR"})
_KINDS = {
    "SPAN_KIND_UNSPECIFIED": 0,
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
}


@dataclass(frozen=True, slots=True)
class LineProblem:
    """An unreadable line, or one span of it."""

    line: int
    """Number of the line, counted from 1; 0 if the file itself cannot be read further."""
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class SpanLink(NamedTuple):
    """The ids of a span."""

    trace_id: int
    span_id: int
    parent_span_id: int | None


def spans_of(
    request: Mapping[str, object],
    *,
    line: int = 0,
    on_other: Callable[[SpanLink], object] | None = None,
) -> Iterator[SpanRecord | LineProblem]:
    """Yield the spans of one decoded OTLP trace request, or the problem of each.

    *on_other*, if given, receives the ids of each span without the marks of a model call or of a
    tool's execution; most spans of an archive, whose attributes nobody needs.
    """
    for resource_spans in objects_of(either(request, "resourceSpans", "resource_spans")):
        resource = attributes_of(object_of(resource_spans.get("resource")).get("attributes"))
        groups = either(resource_spans, "scopeSpans", "scope_spans") or either(
            # The name before OTLP 0.15; old archives still have it.
            resource_spans,
            "instrumentationLibrarySpans",
            "instrumentation_library_spans",
        )
        for scope_spans in objects_of(groups):
            scope = object_of(scope_spans.get("scope") or scope_spans.get("instrumentationLibrary"))
            for span in objects_of(scope_spans.get("spans")):
                try:
                    if on_other is not None and not _is_marked(span.get("attributes")):
                        on_other(_link(span))
                        continue
                    yield _span(span, scope, resource)
                except (ValueError, TypeError, OverflowError) as exc:
                    yield LineProblem(line, f"span skipped: {exc}")


def logs_of(request: Mapping[str, object], *, line: int = 0) -> Iterator[LogRecord | LineProblem]:
    """Yield the log records of one decoded OTLP logs request, or the problem of each."""
    for resource_logs in objects_of(either(request, "resourceLogs", "resource_logs")):
        resource = attributes_of(object_of(resource_logs.get("resource")).get("attributes"))
        for scope_logs in objects_of(either(resource_logs, "scopeLogs", "scope_logs")):
            scope = text_of(object_of(scope_logs.get("scope")).get("name"))
            for record in objects_of(either(scope_logs, "logRecords", "log_records")):
                try:
                    yield _log_record(record, scope, resource)
                except (ValueError, TypeError, OverflowError) as exc:
                    yield LineProblem(line, f"log record skipped: {exc}")


def _log_record(
    record: Mapping[str, object], scope: str, resource: Mapping[str, object]
) -> LogRecord:
    observed = either(record, "observedTimeUnixNano", "observed_time_unix_nano")
    return LogRecord(
        time_ns=_nanoseconds(either(record, "timeUnixNano", "time_unix_nano"))
        or _nanoseconds(observed),
        event_name=text_of(either(record, "eventName", "event_name")),
        trace_id=_optional_id(either(record, "traceId", "trace_id"), 16),
        span_id=_optional_id(either(record, "spanId", "span_id"), 8),
        scope_name=scope,
        attributes=attributes_of(record.get("attributes")),
        resource_attributes=resource,
    )


def _span(
    span: Mapping[str, object], scope: Mapping[str, object], resource: Mapping[str, object]
) -> SpanRecord:
    status = object_of(span.get("status"))
    return SpanRecord(
        trace_id=_id(either(span, "traceId", "trace_id"), 16),
        span_id=_id(either(span, "spanId", "span_id"), 8),
        parent_span_id=_optional_id(either(span, "parentSpanId", "parent_span_id"), 8),
        name=text_of(span.get("name")),
        start_ns=_nanoseconds(either(span, "startTimeUnixNano", "start_time_unix_nano")),
        end_ns=_nanoseconds(either(span, "endTimeUnixNano", "end_time_unix_nano")),
        kind=_kind(span.get("kind")),
        status_is_error=status.get("code") in _ERROR_NAMES,
        status_message=text_of(status.get("message")),
        scope_name=text_of(scope.get("name")),
        scope_version=text_of(scope.get("version")),
        attributes=attributes_of(span.get("attributes")),
        resource_attributes=resource,
        events=tuple(
            SpanEvent(
                name=text_of(event.get("name")),
                time_ns=_nanoseconds(either(event, "timeUnixNano", "time_unix_nano")),
                attributes=attributes_of(event.get("attributes")),
            )
            for event in objects_of(span.get("events"))
        ),
    )


def _is_marked(pairs: object) -> bool:
    """Return whether the attributes *pairs* may be those of a model call or of a tool."""
    if not pairs:
        return False
    try:
        return not ALL_MARKS.isdisjoint([pair["key"] for pair in cast("list[Any]", pairs)])
    except (TypeError, KeyError):
        return True  # malformed; whoever reads the span decides


def _link(span: Mapping[str, object]) -> SpanLink:
    """Return the ids of *span*; raises as for a span that is read whole."""
    _nanoseconds(either(span, "startTimeUnixNano", "start_time_unix_nano"))
    _nanoseconds(either(span, "endTimeUnixNano", "end_time_unix_nano"))
    return SpanLink(
        _id(either(span, "traceId", "trace_id"), 16),
        _id(either(span, "spanId", "span_id"), 8),
        _optional_id(either(span, "parentSpanId", "parent_span_id"), 8),
    )


def _id(value: object, size: int) -> int:
    """Return an id of *size* bytes: hex as in OTLP/JSON, or base64 as plain protobuf JSON."""
    if not isinstance(value, str):
        raise TypeError(f"expected an id of {size} bytes, got {value!r:.40}")
    if len(value) == 2 * size:
        number = int(value, 16)
    else:
        raw = base64.b64decode(value, validate=True)
        if len(raw) != size:
            raise ValueError(f"expected an id of {size} bytes, got {value!r:.40}")
        number = int.from_bytes(raw, "big")
    if number == 0:
        raise ValueError("an id of zeros means no id")
    return number


def _optional_id(value: object, size: int) -> int | None:
    try:
        return _id(value, size)
    except (ValueError, TypeError):
        return None


def _nanoseconds(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, str | int) and not isinstance(value, bool):
        number = int(value)
        if 0 <= number < 2**63:
            return number
    raise ValueError(f"expected nanoseconds since 1970, got {value!r:.40}")


def _kind(value: object) -> int:
    if isinstance(value, str):
        return _KINDS.get(value, 0)
    return value if isinstance(value, int) else 0
