"""Sizes of queued records: approximate, cheap, without redaction."""

from __future__ import annotations

from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider

from otel_distro.export.record_sizes import LOG_BYTES, SPAN_BYTES, log_record_size, span_size
from otel_redaction.log_view import RedactedLogEntry
from otel_redaction.shield import Shield
from otel_redaction.span_view import RedactedSpan


def span(**attributes: object) -> Span:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    made = tracer.start_span("work", attributes=attributes)  # type: ignore[arg-type]
    assert isinstance(made, Span)
    made.end()
    return made


def test_text_counts_by_its_length() -> None:
    """Text dominates the size of spans."""
    assert span_size(span()) == SPAN_BYTES
    assert 100_000 < span_size(span(prompt="x" * 100_000)) < 110_000


def test_long_lists_are_estimated_by_their_beginning() -> None:
    """Reading a million items would take longer than exporting them."""
    assert span_size(span(items=["x" * 1000] * 50)) > 50_000


def test_events_count() -> None:
    """Messages of a conversation may be events."""
    made = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("chat")
    made.add_event("message", {"content": "x" * 50_000})
    made.end()
    assert isinstance(made, ReadableSpan)

    assert span_size(made) > 50_000


class CountingShield(Shield):
    """Counts how often attributes are redacted."""

    redactions = 0

    def attributes(self, *arguments: Any, **named: Any) -> Any:
        self.redactions += 1
        return super().attributes(*arguments, **named)


def test_a_view_is_sized_without_redacting_it() -> None:
    """Redaction runs on the exporter's thread."""
    shield = CountingShield()
    view = RedactedSpan(span(mail="ada@lovelace.example"), shield)

    assert span_size(view) == span_size(view._source())
    assert shield.redactions == 0


def test_log_records_count_by_body_and_attributes() -> None:
    """Also behind a view."""
    record = LogRecord(body="x" * 5000, attributes={"text": "y" * 5000})
    entry = ReadWriteLogRecord(log_record=record)

    assert log_record_size(entry) > LOG_BYTES + 10_000
    assert log_record_size(RedactedLogEntry(entry, Shield())) == log_record_size(entry)
