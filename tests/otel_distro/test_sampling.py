"""Costs do not depend on sampling: a dropped span of a model call is still recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    DEFAULT_OFF,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode

from otel_distro.pipeline.install import guard_tracer_provider
from otel_distro.pipeline.pipeline import Pipeline
from otel_pricing import from_readable_span, read_call

if TYPE_CHECKING:
    from otel_distro.pipeline.pipeline import SpanAccountant
    from otel_pricing import ModelCall

    from .conftest import GuardedSdk

SCOPES = (
    "ai",
    "agno",
    "acme.made_up",
    "com.anthropic.sdk",
    "instructor",
    "langfuse-sdk",
    "livekit-agents",
    "logfire.openai",
    "mlflow",
    "my_app",
    "openinference.instrumentation.openai",
    "opentelemetry.instrumentation.botocore",
    "opentelemetry.instrumentation.genai.openai",
    "org.springframework.boot",
    "portkey",
    "qwen_agent",
    "semantic_kernel.functions",
    "strands",
    "",
)
CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
}
NOT_SAMPLED = SpanContext(trace_id=7, span_id=9, is_remote=True)
SAMPLERS: dict[str, Sampler] = {
    "always off": ALWAYS_OFF,
    "parent based, off": DEFAULT_OFF,
    "parent based, on": ParentBased(TraceIdRatioBased(1.0)),
    "one in a billion": TraceIdRatioBased(1e-9),
}


class Taken:
    """Accounts that store their spans."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def take(self, span: ReadableSpan) -> None:
        self.spans.append(span)

    def calls(self) -> list[ModelCall]:
        found = (read_call(from_readable_span(span)) for span in self.spans)
        return [call for call in found if call is not None]


@pytest.fixture
def taken() -> Taken:
    return Taken()


def provider_of(sdk: GuardedSdk, taken: SpanAccountant, sampler: Sampler) -> TracerProvider:
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    guard_tracer_provider(provider, Pipeline(sdk.shield, taken, sdk.internal_errors))
    return provider


def remote_parent() -> Any:
    return trace.set_span_in_context(NonRecordingSpan(NOT_SAMPLED))


@pytest.mark.parametrize("later", [False, True], ids=["at the start", "later"])
@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_model_call_is_recorded_under_any_scope_and_sampler(
    sdk: GuardedSdk, taken: Taken, scope: str, name: str, *, later: bool
) -> None:
    """A list of known scopes would miss the next one, and attributes often come at the end."""
    tracer = provider_of(sdk, taken, SAMPLERS[name]).get_tracer(scope)

    span = tracer.start_span("chat", remote_parent(), attributes={} if later else CALL)
    if later:
        span.set_attribute("app.step", 1)
        span.set_attributes(CALL)
    span.end()

    (call,) = taken.calls()
    assert (call.trace_id, call.parent_span_id) == (7, 9)
    assert (call.usage and call.usage.input_tokens, call.scope) == (1200, scope)


def test_a_deferred_span_keeps_everything_written_before_its_first_attribute(
    sdk: GuardedSdk, taken: Taken
) -> None:
    """Start, ids, kind, name, events and status are those of the span from its beginning."""
    tracer = provider_of(sdk, taken, ALWAYS_OFF).get_tracer("made.up")

    span = tracer.start_span("call", kind=SpanKind.CLIENT, start_time=1_000)
    span.set_attribute("app.step", 1)
    span.add_event("first", {"n": 1}, 2_000)
    span.record_exception(ValueError("no"))
    span.update_name("chat gpt-4o")
    span.set_status(Status(StatusCode.ERROR, "no"))
    span.set_attribute("gen_ai.request.model", "gpt-4o")
    span.set_attribute("app.step", 2)
    span.end(5_000)

    (recorded,) = taken.spans
    assert recorded.get_span_context() == span.get_span_context()
    assert (recorded.name, recorded.kind, recorded.start_time, recorded.end_time) == (
        "chat gpt-4o",
        SpanKind.CLIENT,
        1_000,
        5_000,
    )
    assert dict(recorded.attributes or {}) == {"app.step": 2, "gen_ai.request.model": "gpt-4o"}
    assert [event.name for event in recorded.events] == ["first", "exception"]
    assert recorded.status.status_code is StatusCode.ERROR


def test_a_call_inside_a_current_span_has_it_as_its_parent(sdk: GuardedSdk, taken: Taken) -> None:
    """The parent is the span that was current when it began, not when it was recognised."""
    tracer = provider_of(sdk, taken, ALWAYS_OFF).get_tracer("made.up")

    with tracer.start_as_current_span("outer") as outer, tracer.start_as_current_span("c") as span:
        span.set_attributes(CALL)

    (call,) = taken.calls()
    assert call.parent_span_id == outer.get_span_context().span_id


def test_other_dropped_spans_stay_dropped(sdk: GuardedSdk, taken: Taken) -> None:
    """Only a model call is recorded; nothing is exported."""
    provider = provider_of(sdk, taken, ALWAYS_OFF)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("made.up")

    span = tracer.start_span("work")
    span.set_attribute("app.step", 1)
    span.end()
    span.set_attributes(CALL)
    tracer.start_span("chat", attributes=CALL).end()

    assert [one.name for one in taken.spans] == ["chat"]
    assert not span.is_recording()
    assert exporter.get_finished_spans() == ()


def test_scopes_that_pricing_never_reads_are_left_alone(sdk: GuardedSdk, taken: Taken) -> None:
    """A web server's dropped span is the API's no-op span."""
    tracer = provider_of(sdk, taken, ALWAYS_OFF).get_tracer("opentelemetry.instrumentation.flask")

    assert type(tracer.start_span("GET /")) is NonRecordingSpan


@pytest.mark.parametrize("key", [None, [], 7, "x" * 10_000])
def test_no_value_written_on_a_deferred_span_raises(
    sdk: GuardedSdk, taken: Taken, key: Any
) -> None:
    """It would raise in the app's thread."""
    span: Any = provider_of(sdk, taken, ALWAYS_OFF).get_tracer("made.up").start_span("x")

    span.set_attribute(key, object())
    span.set_attributes(key)
    span.set_attribute("gen_ai.request.model", object())
    span.end()
    span.end()
