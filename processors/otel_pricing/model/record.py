"""A finished span as plain data; the rest of the package is independent of OpenTelemetry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan

# The number of StatusCode.ERROR in the OTLP protocol and in the API; the import would cost more.
ERROR_CODE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEvent:
    """An event of a span, such as an exception."""

    name: str
    time_ns: int = 0
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRecord:
    """Data of a span for pricing, from the SDK or an archive."""

    trace_id: int
    span_id: int
    parent_span_id: int | None = None
    name: str = ""
    start_ns: int = 0
    end_ns: int = 0
    """Nanoseconds since the Unix epoch."""
    kind: int = 0
    """OTLP number of the kind: 1 internal, 2 server, 3 client."""
    status_is_error: bool = False
    status_message: str = ""
    """Read only for the class and HTTP status of an error; never stored."""
    scope_name: str = ""
    scope_version: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    resource_attributes: Mapping[str, object] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()


def from_readable_span(span: ReadableSpan) -> SpanRecord:
    """Return the record of an ended span of the SDK.

    Attributes are copied once into a plain dict: a look-up in the SDK's mapping takes ten times as
    long, and reading a call needs some eighty of them.
    """
    context = span.get_span_context()
    scope = span.instrumentation_scope
    resource: Mapping[str, object] = span.resource.attributes
    events = span.events
    return SpanRecord(
        trace_id=context.trace_id if context else 0,
        span_id=context.span_id if context else 0,
        parent_span_id=span.parent.span_id if span.parent else None,
        name=span.name,
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        # The SDK counts kinds from 0 (internal); OTLP keeps 0 for "unspecified".
        kind=span.kind.value + 1,
        status_is_error=span.status.status_code.value == ERROR_CODE,
        status_message=span.status.description or "",
        scope_name=scope.name if scope else "",
        scope_version=(scope.version or "") if scope else "",
        attributes=dict(span.attributes or {}),
        resource_attributes=resource,
        events=tuple(
            SpanEvent(name=e.name, time_ns=e.timestamp, attributes=e.attributes or {})
            for e in events
        ),
    )
