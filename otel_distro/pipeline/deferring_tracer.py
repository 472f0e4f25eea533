"""Tracer whose dropped spans are deferred until an attribute shows a model call."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from otel_distro.pipeline.deferred_spans import DeferredSpan
from otel_distro.pipeline.input_limits.tracers import TolerantTracer
from otel_pricing.reading.recognise import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry import trace
    from opentelemetry.trace import SpanContext


class DeferringTracer(TolerantTracer):
    """A tracer whose dropped spans are deferred rather than lost."""

    deferred = DeferredSpan
    recorded_with = MARKS

    def record_dropped(
        self, ids: SpanContext, context: Any, start_time: Any, *rest: Any
    ) -> trace.Span:
        """Restart a dropped span as a recorded one with its *ids*."""
        name, kind, attributes, links, record_exception, set_status_on_exception = rest
        tracer: Any = copy(self)
        tracer.__class__ = TolerantTracer
        tracer.sampler = _RecordOnly(ids)
        tracer.id_generator = _Given(ids, self.id_generator)
        span: trace.Span = tracer.start_span(
            name,
            context,
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
        )
        return span


class _RecordOnly(Sampler):
    """Records every span without sampling it."""

    def __init__(self, ids: SpanContext) -> None:
        self._ids = ids

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Any = None,
        *rest: Any,
        **named: Any,
    ) -> SamplingResult:
        """Return RECORD_ONLY with the trace state of the span."""
        return SamplingResult(Decision.RECORD_ONLY, attributes, self._ids.trace_state)

    def get_description(self) -> str:
        """Return the sampler's name."""
        return "RecordOnly"


class _Given(IdGenerator):
    """Returns the ids of an existing span."""

    def __init__(self, ids: SpanContext, generator: IdGenerator) -> None:
        self._ids = ids
        self._is_random: Callable[[], bool] = getattr(
            generator, "is_trace_id_random", lambda: False
        )

    def is_trace_id_random(self) -> bool:
        """Return whether the app's generator creates random trace ids."""
        return self._is_random()

    def generate_span_id(self) -> int:
        """Return the span's id."""
        return self._ids.span_id

    def generate_trace_id(self) -> int:
        """Return the trace's id."""
        return self._ids.trace_id
