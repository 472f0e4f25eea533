"""A span of the SDK and its archived form give the same record."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_pricing import from_readable_span, read_call


def test_a_finished_span_keeps_all_that_pricing_reads() -> None:
    """Names, times, status, scope, resource, parent and events."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "app"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("scope", "1.2")
    with tracer.start_as_current_span("outer"):
        span = tracer.start_span("chat", kind=SpanKind.CLIENT, attributes={"a": 1})
        span.add_event("exception", {"exception.type": "Boom"})
        span.set_status(Status(StatusCode.ERROR, "it broke"))
        span.end()

    inner, outer = (from_readable_span(s) for s in exporter.get_finished_spans())

    assert inner.trace_id == outer.trace_id
    assert inner.parent_span_id == outer.span_id
    assert outer.parent_span_id is None
    assert (inner.name, inner.kind, dict(inner.attributes)) == ("chat", 3, {"a": 1})
    assert inner.start_ns <= inner.end_ns
    assert (inner.status_is_error, inner.status_message) == (True, "it broke")
    assert not outer.status_is_error
    assert (inner.scope_name, inner.scope_version) == ("scope", "1.2")
    assert inner.resource_attributes["service.name"] == "app"
    assert [event.attributes["exception.type"] for event in inner.events] == ["Boom"]


@pytest.mark.filterwarnings("ignore")
def test_a_span_built_by_hand_may_lack_everything() -> None:
    """Tests and exporters build bare spans; their existing fields are read."""
    record = from_readable_span(ReadableSpan(name="bare"))

    assert (record.trace_id, record.span_id, record.scope_name) == (0, 0, "")
    assert read_call(record) is None
