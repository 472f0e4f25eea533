"""Proof at boot that the guard masks: a probe with fake secrets is sent through it.

The probe goes to a sink of its own, never to an exporter. It takes the same path as a real span
and a real log record: the guard's class, the pipeline, the view, the private fields an exporter
reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from otel_distro.guard.pipeline import GuardLogRecordProcessor, GuardSpanProcessor

if TYPE_CHECKING:
    from otel_distro.guard.pipeline import Pipeline

SECRETS = ("canary@otel-distro.example", "4242 4242 4242 4242")
"""Fake PII of two kinds; neither may come out."""


class _SpanSink(SpanProcessor):
    text = ""

    def on_end(self, span: ReadableSpan) -> None:
        self.text += span.to_json()


class _LogSink(LogRecordProcessor):
    text = ""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        record = log_record.log_record
        self.text += repr((record.body, record.attributes, log_record.resource))

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def leaks(pipeline: Pipeline) -> tuple[str, ...]:
    """Send the probe through *pipeline* and return the fake secrets that came out."""
    probe = pipeline.unobserved()
    out = _probe_span(probe) + _probe_log(probe)
    return tuple(secret for secret in SECRETS if secret in out) if out else SECRETS


def _probe_span(pipeline: Pipeline) -> str:
    sink = _SpanSink()
    guard = GuardSpanProcessor(pipeline)
    guard.add_span_processor(sink)
    text = " ".join(SECRETS)
    guard.on_end(
        ReadableSpan(
            name=f"canary {text}",
            context=SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(0)),
            resource=Resource({"owner": text}),
            attributes={"note": text, "nested": f'{{"a": ["{SECRETS[0]}"]}}'},
            events=(Event("exception", {"exception.message": text}, 1),),
            status=Status(StatusCode.ERROR, text),
            start_time=1,
            end_time=2,
        )
    )
    return sink.text


def _probe_log(pipeline: Pipeline) -> str:
    sink = _LogSink()
    guard = GuardLogRecordProcessor(pipeline)
    guard.add_log_record_processor(sink)
    text = " ".join(SECRETS)
    record = LogRecord(body=text, attributes={"note": text})
    guard.on_emit(ReadWriteLogRecord(record, Resource({"owner": text})))
    return sink.text
