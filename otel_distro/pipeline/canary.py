"""Proof at boot that the guard masks: it processes a probe with fake secrets.

The probe goes to a private sink, never to an exporter. It takes the same path as a real span and a
real log record: the guard's class, the pipeline, the attributes that accounting adds, the views at
start and end, the private fields an exporter reads, and what a processor writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, _Span
from opentelemetry.trace import SpanContext, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.pipeline.fan_out import GuardLogRecordProcessor, GuardSpanProcessor
from otel_pricing.model import attributes as cost

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otel_distro.pipeline.pipeline import Pipeline
    from otel_redaction.span_view import Facts

SECRETS = ("canary@otel-distro.example", "4242 4242 4242 4242")
"""Fake PII of two kinds; both must be masked."""


_TEXT = " ".join(SECRETS)


class _ProbeAccounts:
    """Facts that quote the span in every text attribute that accounting adds."""

    def take(self, span: ReadableSpan) -> Facts | None:
        return lambda: {
            cost.COST_REASON: _TEXT,
            cost.PRICE_SOURCE: _TEXT,
            cost.BILLING_REASON: _TEXT,
        }


class _SpanSink(SpanProcessor):
    text = ""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.text += repr((span.name, span.attributes))

    def on_end(self, span: ReadableSpan) -> None:
        attributes: Any = span._attributes  # as processors write it
        attributes["written"] = _TEXT
        self.text += span.to_json()


class _LogSink(LogRecordProcessor):
    text = ""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        record = log_record.log_record
        written: Any = record.attributes
        written["written"] = _TEXT
        self.text += repr((record.body, record.attributes, log_record.resource))

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def leaks(pipeline: Pipeline) -> tuple[str, ...]:
    """Send the probe through *pipeline* and return the fake secrets that came out."""
    probe = pipeline.for_probe(_ProbeAccounts())
    out = _probe_span(probe) + _probe_log(probe)
    return tuple(secret for secret in SECRETS if secret in out) if out else SECRETS


def _probe_span(pipeline: Pipeline) -> str:
    sink = _SpanSink()
    guard = GuardSpanProcessor(pipeline)
    guard.add_span_processor(sink)
    span = _Span(
        name=f"canary {_TEXT}",
        context=SpanContext(
            1, 1, is_remote=False, trace_flags=TraceFlags(0), trace_state=TraceState([("v", _TEXT)])
        ),
        resource=Resource({"owner": _TEXT}),
        attributes={"note": _TEXT, "nested": f'{{"a": ["{SECRETS[0]}"]}}'},
        span_processor=guard,
    )
    span.start(1)
    span.add_event("exception", {"exception.message": _TEXT}, 1)
    span.set_status(Status(StatusCode.ERROR, _TEXT))
    span.end(2)
    return sink.text


def _probe_log(pipeline: Pipeline) -> str:
    sink = _LogSink()
    guard = GuardLogRecordProcessor(pipeline)
    guard.add_log_record_processor(sink)
    record = LogRecord(body=_TEXT, attributes={"note": _TEXT})
    guard.on_emit(ReadWriteLogRecord(record, Resource({"owner": _TEXT})))
    return sink.text
