"""Records model calls that a sampler drops, so that costs do not depend on sampling.

A span that a sampler drops never reaches any processor. Model calls become spans that are recorded
but not sampled: the guard gets them, exporters do not. Spans of instrumentations known to make
model calls are recorded at once; spans of other scopes are deferred until an attribute shows a
model call. Scopes that pricing never reads (web servers, databases, HTTP clients) are unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from otel_distro.pipeline.deferring_tracer import DeferringTracer
from otel_distro.pipeline.input_limits.install import tolerate_tracer
from otel_distro.pipeline.input_limits.tracers import TolerantTracer
from otel_pricing.model.instrumentations import mostly_calls_models
from otel_pricing.reading.recognise import reads_scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, Tracer, TraceState
    from opentelemetry.util.types import Attributes


class RecordModelCalls(Sampler):
    """Delegates to *sampler*, and records spans it drops without sampling them."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the wrapped sampler's result with DROP replaced by RECORD_ONLY."""
        result = self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )
        if result.decision is not Decision.DROP:
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        """Return a description naming the wrapped sampler."""
        return f"RecordModelCalls{{{self._sampler.get_description()}}}"


class GuardTracerProvider(TracerProvider):
    """Returns tracers that record every model call."""

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Tracer:
        """Return the tracer, prepared for the spans of its scope."""
        tracer = super().get_tracer(
            instrumenting_module_name, instrumenting_library_version, schema_url, attributes
        )
        tolerate_tracer(tracer)
        record_model_calls(tracer, instrumenting_module_name)
        return tracer


def record_model_calls(tracer: Tracer, scope_name: str) -> None:
    """Make *tracer* record model calls that its sampler drops, if its scope can have any."""
    sampler = getattr(tracer, "sampler", None)
    if not isinstance(sampler, Sampler) or not reads_scope(scope_name or ""):
        return
    if mostly_calls_models(scope_name or ""):
        if not isinstance(sampler, RecordModelCalls):
            vars(tracer)["sampler"] = RecordModelCalls(sampler)
    elif type(tracer) is TolerantTracer:
        tracer.__class__ = DeferringTracer
