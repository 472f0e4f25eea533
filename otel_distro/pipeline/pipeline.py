"""The guard: accounts for a record, then passes redacted views of it to every processor.

This module alone decides the order. Accounting precedes redaction because prices, budgets and scope
keys need exact values; it reads numbers and names, never text. The guard is the provider's fan-out,
so every processor is behind it, added before or after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from otel_distro.api import context as contexts
from otel_distro.base.inherited_attributes import inherit
from otel_distro.pipeline.logs.threads import thread_of
from otel_distro.pipeline.open_spans import OpenSpans
from otel_distro.pipeline.session_links import SessionLinker
from otel_redaction.log_view import RedactedLogEntry
from otel_redaction.span_view import RedactedSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry._logs import LogRecord
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from otel_distro.base.internal_errors import InternalErrors
    from otel_redaction.shield import Shield
    from otel_redaction.span_view import Facts


class SpanAccountant(Protocol):
    """Accounts for spans that end."""

    def take(self, span: ReadableSpan) -> Facts | None:
        """Recognise *span*; return the source of the attributes to add to it, or None."""


class _NoAccounting:
    def take(self, span: ReadableSpan) -> None:
        """Account for nothing."""


NO_ACCOUNTS = _NoAccounting()
"""The accountant that accounts for nothing."""


class ExportGate(Protocol):
    """Decides whether records may be exported: consent, if required."""

    def is_open(self) -> bool:
        """Return whether records may be exported now."""
        ...

    def admits(self, began_ns: int | None) -> bool:
        """Return whether a record that began at *began_ns* (Unix time) may leave."""
        ...


class _AllowAll:
    def is_open(self) -> bool:
        return True

    def admits(self, began_ns: int | None) -> bool:
        return True


ALLOW_ALL = _AllowAll()
"""The gate without required consent."""


class Pipeline:
    """The steps of a record between the SDK and its processors.

    Errors of the steps are contained by the fan-outs that call them.

    *context_attributes* returns the attributes of a context for every record started in it.
    *strip_content* returns a log record without content outside its attributes that may not leave
    either.
    """

    def __init__(
        self,
        shield: Shield,
        accounts: SpanAccountant,
        internal_errors: InternalErrors,
        *,
        gate: ExportGate = ALLOW_ALL,
        context_attributes: Callable[[Context | None], Mapping[str, str]] = contexts.attributes,
        strip_content: Callable[[ReadWriteLogRecord], ReadWriteLogRecord] | None = None,
    ) -> None:
        self.shield = shield
        self.accounts = accounts
        self.gate = gate
        self.context_attributes = context_attributes
        self._strip_content = strip_content
        self.internal_errors = internal_errors
        self.open_spans = OpenSpans()
        self._sessions = SessionLinker()

    def for_probe(self, accounts: SpanAccountant = NO_ACCOUNTS) -> Pipeline:
        """Return a copy of this pipeline with *accounts* and without counting."""
        return Pipeline(
            self.shield.for_proof(),
            accounts,
            self.internal_errors,
            strip_content=self._strip_content,
        )

    def begin_span(self, span: Span, context: Context | None) -> None:
        """Take *span* through the steps at its start."""
        self.open_spans.begin(span)
        if span.parent is not None:
            inherit(span, context)
        self._set_context_attributes(span, context)
        self._sessions.begin(span)

    def guard_span(self, span: ReadableSpan) -> ReadableSpan | None:
        """Take *span* through the steps at its end; return its view, or None if none may leave."""
        if isinstance(span, RedactedSpan):
            return span
        self.open_spans.end(span)
        facts = self._account(span)
        if not self.gate.admits(span.start_time):
            return None
        return RedactedSpan(span, self.shield, facts)

    def guard_log_record(self, record: ReadWriteLogRecord) -> ReadWriteLogRecord | None:
        """Take *record* through its steps; return its view, or None if none may leave."""
        if isinstance(record, RedactedLogEntry):
            return record
        raw = record.log_record
        if not self.gate.admits(raw.timestamp or raw.observed_timestamp):
            return None
        if self._strip_content is not None:
            record = self._strip_content(record)
        self._set_log_attributes(record.log_record)
        return RedactedLogEntry(record, self.shield)

    def may_be_seen(self, span: ReadableSpan) -> bool:
        """Return whether consent allows processors to get *span*; false on an error."""
        try:
            return self.gate.admits(span.start_time)
        except Exception as error:  # fails closed
            self.internal_errors.record("consent", error)
            return False

    def _account(self, span: ReadableSpan) -> Facts | None:
        try:
            return self.accounts.take(span)
        except Exception as error:  # accounting fails open: a span without cost
            self.internal_errors.record("account", error)
            return None

    def _set_context_attributes(self, span: Span, context: Context | None) -> None:
        for key, value in self.context_attributes(context).items():
            if key not in (span.attributes or ()):
                span.set_attribute(key, value)

    def _set_log_attributes(self, raw: LogRecord) -> None:
        more = {**thread_of(raw), **self.context_attributes(raw.context)}
        if more:
            raw.attributes = {**more, **(raw.attributes or {})}
