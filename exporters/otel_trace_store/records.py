"""Spans and log records as read from the store."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_trace_store.span_index import ERROR_CODE
from otel_trace_store.values import attributes_of, service_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A link of a span."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """One span; ids are hexadecimal, times nanoseconds since the Unix epoch."""

    trace_id: str
    span_id: str
    parent_span_id: str
    """Empty for a root."""
    name: str
    service: str
    kind: str
    start_ns: int
    end_ns: int
    failed: bool
    status: str
    """`unset`, `ok` or `error`."""
    status_message: str
    scope: str
    scope_version: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    events: tuple[StoredEvent, ...]
    links: tuple[StoredLink, ...]
    message: Span
    """The span as OTLP."""


@dataclass(frozen=True, slots=True)
class StoredLog:
    """One log record; times are nanoseconds since the Unix epoch, 0 where unknown."""

    time_ns: int
    severity: int
    severity_text: str
    service: str
    event_name: str
    body: Any
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    scope: str
    trace_id: str
    span_id: str


_STATUS: Final = ("unset", "ok", "error")


def spans_in(chunk: TracesData, trace_id: bytes | None = None) -> Iterator[StoredSpan]:
    """Yield the spans of a block, or those of one trace."""
    last: ResourceSpans | None = None
    resource: dict[str, Any] = {}
    for span, scope, group in placed_spans(chunk):
        if trace_id is not None and span.trace_id != trace_id:
            continue
        if group is not last:
            last, resource = group, attributes_of(group.resource.attributes)
        yield _span(span, scope.scope.name, scope.scope.version, resource)


def placed_spans(
    chunk: TracesData, positions: Sequence[int] | None = None
) -> Iterator[tuple[Span, ScopeSpans, ResourceSpans]]:
    """Yield the spans of a block at *positions*, ascending, with their scope and resource."""
    first = 0
    for group in chunk.resource_spans:
        for scope in group.scope_spans:
            spans = scope.spans
            if positions is None:
                for span in spans:
                    yield span, scope, group
                continue
            after = first + len(spans)
            for position in positions[
                bisect_left(positions, first) : bisect_left(positions, after)
            ]:
                yield spans[position - first], scope, group
            first = after


def _span(span: Span, scope: str, version: str, resource: dict[str, Any]) -> StoredSpan:
    return StoredSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        name=span.name,
        service=str(resource.get("service.name", "unknown_service")),
        kind=KINDS[span.kind] if 0 <= span.kind < len(KINDS) else KINDS[0],
        start_ns=span.start_time_unix_nano,
        end_ns=max(span.start_time_unix_nano, span.end_time_unix_nano),
        failed=span.status.code == ERROR_CODE,
        status=_STATUS[span.status.code] if 0 <= span.status.code < len(_STATUS) else _STATUS[0],
        status_message=span.status.message,
        scope=scope,
        scope_version=version,
        attributes=attributes_of(span.attributes),
        resource=resource,
        events=tuple(
            StoredEvent(event.name, event.time_unix_nano, attributes_of(event.attributes))
            for event in span.events
        ),
        links=tuple(
            StoredLink(link.trace_id.hex(), link.span_id.hex(), attributes_of(link.attributes))
            for link in span.links
        ),
        message=span,
    )


def logs_in(chunk: LogsData, positions: Sequence[int] | None = None) -> Iterator[StoredLog]:
    """Yield the log records of a block, or those at *positions*, ascending."""
    first = 0
    for group in chunk.resource_logs:
        resource = attributes_of(group.resource.attributes)
        service = service_of(group.resource.attributes)
        for scope in group.scope_logs:
            records = scope.log_records
            after = first + len(records)
            wanted: Iterable[int] = range(first, after)
            if positions is not None:
                wanted = positions[bisect_left(positions, first) : bisect_left(positions, after)]
            for position in wanted:
                yield _log(records[position - first], scope.scope.name, service, resource)
            first = after


def _log(record: LogRecord, scope: str, service: str, resource: dict[str, Any]) -> StoredLog:
    attributes = attributes_of(record.attributes)
    return StoredLog(
        time_ns=record.time_unix_nano or record.observed_time_unix_nano,
        severity=record.severity_number,
        severity_text=record.severity_text,
        service=service,
        event_name=record.event_name or str(attributes.get("event.name") or ""),
        body=value_of(record.body),
        attributes=attributes,
        resource=resource,
        scope=scope,
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
    )
