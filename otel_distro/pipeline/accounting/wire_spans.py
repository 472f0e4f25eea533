"""Spans and metrics of requests that no instrumentation describes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from otel_pricing.model.instrumentations import WIRE_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.pipeline.accounting.settlement import Account
    from otel_distro.pipeline.accounting.wire_calls import WireCall
    from otel_pricing import ModelCall

GRACE_S = 1.0
"""How long a request waits for an instrumentation's span that describes it."""
_MOST_WAITING = 10_000
_TOKENS = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cache_read_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
    "gen_ai.usage.audio.input_tokens": "input_audio_tokens",
    "gen_ai.usage.audio.output_tokens": "output_audio_tokens",
    "gen_ai.usage.audio.cache_read.input_tokens": "cached_audio_tokens",
    "gen_ai.usage.image.input_tokens": "input_image_tokens",
    "gen_ai.usage.image.output_tokens": "output_image_tokens",
    "gen_ai.usage.image.cache_read.input_tokens": "cached_image_tokens",
    "gen_ai.usage.video.input_tokens": "input_video_tokens",
    "gen_ai.usage.video.output_tokens": "output_video_tokens",
    "gen_ai.usage.input_characters": "input_characters",
    "gen_ai.usage.document_pages": "document_pages",
    "gen_ai.usage.rerank_searches": "rerank_searches",
    "gen_ai.usage.output_images": "output_images",
}
"""Attribute of the convention -> field of `Usage`."""


class WireSpans:
    """Requests that wait for a span; those that no instrumentation describes get ours.

    Not thread-safe, except `provider`.
    """

    def __init__(self, is_described: Callable[[WireCall], bool]) -> None:
        self._is_described = is_described
        # The account is kept for the span's cost, which is read at export.
        self._waiting: dict[tuple[int, int], tuple[float, Account, ModelCall]] = {}
        self._metrics: _ClientMetrics | None = None
        self.provider: Any = None
        """The tracer provider whose processors get the spans; None keeps requests without one."""

    def add(self, account: Account, call: ModelCall) -> None:
        """Emit a span for the request of *account* unless another one describes it soon."""
        wire = account.wire
        if wire is not None and self.provider is not None and len(self._waiting) < _MOST_WAITING:
            self._waiting[wire.key] = (time.monotonic() + GRACE_S, account, call)

    def due_in(self) -> float | None:
        """Return the seconds until the next span is due; None when none waits."""
        if not self._waiting:
            return None
        until, _, _ = next(iter(self._waiting.values()))
        return max(0.0, until - time.monotonic())

    def end_due(self, *, all_of_them: bool = False) -> None:
        """End the spans that are due."""
        now = time.monotonic()
        for key, (until, account, call) in list(self._waiting.items()):
            if until > now and not all_of_them:
                return
            del self._waiting[key]
            wire = account.wire
            if wire is not None and not self._is_described(wire):
                self._end(wire, call)

    def _end(self, wire: WireCall, call: ModelCall) -> None:
        attributes = span_attributes(wire, call)
        if self._metrics is None:
            self._metrics = _ClientMetrics()
        self._metrics.record(wire, call, attributes)
        context = self._span_context(wire, attributes)
        if context is not None:
            span = _span(wire, call, context, attributes, self.provider.resource)
            end(span, self.provider)

    def _span_context(self, wire: WireCall, attributes: dict[str, Any]) -> SpanContext | None:
        """Return the ids and flags of the span; None if it is not sampled."""
        parent = trace.get_current_span(wire.record.context).get_span_context()
        if parent.is_valid:
            flags = parent.trace_flags
        else:
            decision = self.provider.sampler.should_sample(
                None, wire.trace_id, _name(attributes), SpanKind.CLIENT, attributes
            ).decision
            flags = TraceFlags(TraceFlags.SAMPLED if decision.is_sampled() else TraceFlags.DEFAULT)
        if not flags.sampled:
            return None
        state = parent.trace_state if parent.is_valid else None
        return SpanContext(
            wire.trace_id, wire.span_id, is_remote=False, trace_flags=flags, trace_state=state
        )


def end(span: ReadableSpan, provider: Any) -> None:
    """Pass *span*, created here, to all processors of *provider*."""
    provider._active_span_processor.on_end(span)  # no public fan-out


def span_attributes(wire: WireCall, call: ModelCall) -> dict[str, Any]:
    """Return the attributes of the span by the GenAI conventions."""
    record = wire.record
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": call.operation,
        "gen_ai.provider.name": call.provider,
        "gen_ai.request.model": call.request_model,
        "gen_ai.response.model": call.response_model,
        "gen_ai.response.id": call.response_id,
        "gen_ai.response.finish_reasons": record.answer.finish_reasons,
        "gen_ai.request.max_tokens": call.max_output_tokens,
        "gen_ai.request.stream": call.streamed or None,
        "server.address": record.host,
        "error.type": call.error_type,
        "http.response.status_code": record.status if record.is_error else None,
        **{key: getattr(call.usage, field, None) for key, field in _TOKENS.items()},
    }
    described = {key: value for key, value in attributes.items() if value not in (None, "", ())}
    return {**wire.context_attributes, **described}


def _name(attributes: dict[str, Any]) -> str:
    operation = attributes["gen_ai.operation.name"]
    return f"{operation} {attributes.get('gen_ai.request.model', '')}".rstrip()


def _span(
    wire: WireCall, call: ModelCall, context: SpanContext, attributes: dict[str, Any], resource: Any
) -> ReadableSpan:
    parent = trace.get_current_span(wire.record.context).get_span_context()
    return ReadableSpan(
        name=_name(attributes),
        context=context,
        parent=parent if parent.is_valid else None,
        resource=resource,
        attributes=attributes,
        kind=SpanKind.CLIENT,
        instrumentation_scope=InstrumentationScope(WIRE_SCOPE),
        status=Status(StatusCode.ERROR if call.failed else StatusCode.UNSET),
        start_time=call.start_ns,
        end_time=call.end_ns,
    )


_DURATION_BOUNDS = tuple(0.01 * 2**n for n in range(14))
"""Seconds, as the convention advises."""
_TOKEN_BOUNDS = tuple(4**n for n in range(14))
"""Tokens, as the convention advises."""
_METRIC_KEYS = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "server.address",
    "error.type",
)


class _ClientMetrics:
    """The client metrics of the GenAI conventions, for requests observed only on the wire."""

    def __init__(self) -> None:
        from opentelemetry import metrics

        meter = metrics.get_meter(WIRE_SCOPE)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "Duration of a model call",
            explicit_bucket_boundaries_advisory=_DURATION_BOUNDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens of a model call",
            explicit_bucket_boundaries_advisory=_TOKEN_BOUNDS,
        )

    def record(self, wire: WireCall, call: ModelCall, attributes: dict[str, Any]) -> None:
        """Record the duration and the tokens of *call*."""
        context = wire.record.context
        about = {key: attributes[key] for key in _METRIC_KEYS if key in attributes}
        self._duration.record((call.end_ns - call.start_ns) / 1e9, about, context)
        about.pop("error.type", None)
        usage = call.usage
        for kind, count in (
            ("input", usage.input_tokens if usage else None),
            ("output", usage.output_tokens if usage else None),
        ):
            if count is not None:
                self._tokens.record(count, {**about, "gen_ai.token.type": kind}, context)
