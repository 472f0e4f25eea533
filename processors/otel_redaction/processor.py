"""Span and log record processors for an SDK pipeline without the distribution.

    provider.add_span_processor(RedactingSpanProcessor(BatchSpanProcessor(exporter)))

Only the wrapped processor is protected. The distribution protects the whole provider instead,
including processors that are added later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor

from otel_redaction.log_view import RedactedLogEntry, redacted_question
from otel_redaction.redactor import Redactor
from otel_redaction.shield import Shield
from otel_redaction.span_view import RedactedSpan
from otel_redaction.started_span import guarded_context, started_view

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from otel_redaction.policy import Policy


class RedactingSpanProcessor(SpanProcessor):
    """Passes a redacted view of every ended span to *next_processor*."""

    def __init__(self, next_processor: SpanProcessor, policy: Policy | None = None) -> None:
        self._next = next_processor
        self._shield = Shield(Redactor(policy) if policy else None)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass on a redacted view that allows writes to the span."""
        context = guarded_context(parent_context, self._shield)
        self._next.on_start(started_view(span, self._shield), context)

    def _on_ending(self, span: Span) -> None:
        self._next._on_ending(started_view(span, self._shield))  # noqa: SLF001 - as the SDK does

    def on_end(self, span: ReadableSpan) -> None:
        """Pass a redacted view on."""
        known = isinstance(span, RedactedSpan)
        self._next.on_end(span if known else RedactedSpan(span, self._shield))

    def shutdown(self) -> None:
        """Shut the wrapped processor down."""
        self._next.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the wrapped processor."""
        return self._next.force_flush(timeout_millis)


class RedactingLogRecordProcessor(LogRecordProcessor):
    """Passes a redacted view of every log record to *next_processor*."""

    def __init__(self, next_processor: LogRecordProcessor, policy: Policy | None = None) -> None:
        self._next = next_processor
        self._shield = Shield(Redactor(policy) if policy else None)

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Pass a redacted view on."""
        known = isinstance(log_record, RedactedLogEntry)
        self._next.on_emit(log_record if known else RedactedLogEntry(log_record, self._shield))

    def enabled(self, **question: Any) -> bool:
        """Ask the wrapped processor, with redacted text."""
        return self._next.enabled(**redacted_question(question, self._shield))

    def shutdown(self) -> None:
        """Shut the wrapped processor down."""
        self._next.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the wrapped processor."""
        return self._next.force_flush(timeout_millis)
