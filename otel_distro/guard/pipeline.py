"""The guard: account for a span, then hand every processor one redacted view of it.

This is the only module that knows the order. Account comes before redact because prices, budgets
and scope keys need exact values; it reads numbers and names, never text. The guard is itself the
provider's fan-out, so processors added before or after it, by whomever, all stand behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opentelemetry.sdk._logs._internal import SynchronousMultiLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, SynchronousMultiSpanProcessor

from otel_distro import contexts
from otel_distro.exits.open_spans import OpenSpans
from otel_distro.journeys import Journeys
from otel_distro.logs.threads import thread_of
from otel_redaction.log_view import RedactedLogEntry
from otel_redaction.span_view import RedactedSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import Span

    from otel_distro.faults import Faults
    from otel_redaction.shield import Shield
    from otel_redaction.span_view import Facts


class Takes(Protocol):
    """Accounts for spans."""

    def take(self, span: ReadableSpan) -> Facts | None:
        """Recognise *span*; return where attributes to add to it come from, if any do."""


class _NoAccounts:
    def take(self, span: ReadableSpan) -> None:
        """Account for nothing."""


NO_ACCOUNTS = _NoAccounts()
"""Stands for the accounts where nothing has to be accounted for."""


class Admits(Protocol):
    """Knows whether records may leave: consent, where it is required."""

    def is_open(self) -> bool:
        """Whether anything may leave now."""
        ...

    def admits(self, began_ns: int | None) -> bool:
        """Whether what began at *began_ns* may leave."""
        ...


class _Everything:
    def is_open(self) -> bool:
        return True

    def admits(self, began_ns: int | None) -> bool:
        return True


EVERYTHING = _Everything()
"""Stands for the gate where consent is not required."""


class Pipeline:
    """What happens to a record between the SDK and its processors.

    *said* returns who and what a context is for; it goes on every record begun in it. *bare* takes
    out of log records what no attribute holds and may not leave either.
    """

    def __init__(
        self,
        shield: Shield,
        accounts: Takes,
        faults: Faults,
        *,
        gate: Admits = EVERYTHING,
        said: Callable[[Context | None], Mapping[str, str]] = contexts.attributes,
        bare: Callable[[ReadWriteLogRecord], ReadWriteLogRecord] | None = None,
    ) -> None:
        self._shield = shield
        self._accounts = accounts
        self._gate = gate
        self._said = said
        self._bare = bare
        self.faults = faults
        self.open_spans = OpenSpans()
        self._journeys = Journeys()

    def unobserved(self) -> Pipeline:
        """Return a pipeline for probes: it redacts the same, and accounts for nothing."""
        return Pipeline(self._shield.unobserved(), NO_ACCOUNTS, self.faults)

    def begin_span(self, span: Span, context: Context | None) -> None:
        """Write on *span* who and what it is for, and what came before it in its session."""
        self.open_spans.begin(span)
        for key, value in self._said(context).items():
            if key not in (span.attributes or ()):
                span.set_attribute(key, value)
        self._journeys.begin(span)

    def guard_span(self, span: ReadableSpan) -> ReadableSpan | None:
        """Account for *span* and return the view of it that may leave, if any may."""
        if isinstance(span, RedactedSpan):
            return span
        self.open_spans.end(span)
        facts = None
        try:
            facts = self._accounts.take(span)
        except Exception as error:  # noqa: BLE001 - accounting fails open: the span goes on
            self.faults.record("account", error)
        if not self._gate.admits(span.start_time):
            return None
        return RedactedSpan(span, self._shield, facts)

    def guard_log_record(self, record: ReadWriteLogRecord) -> ReadWriteLogRecord | None:
        """Return the view of *record* that may leave, if any may."""
        if isinstance(record, RedactedLogEntry):
            return record
        raw = record.log_record
        if not self._gate.admits(raw.timestamp or raw.observed_timestamp):
            return None
        if self._bare is not None:
            record = self._bare(record)
            raw = record.log_record
        more = {**thread_of(raw), **self._said(raw.context)}
        if more:
            raw.attributes = {**more, **(raw.attributes or {})}
        return RedactedLogEntry(record, self._shield)


class GuardSpanProcessor(SynchronousMultiSpanProcessor):
    """The tracer provider's own fan-out: every processor gets the same redacted view."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pipeline = pipeline

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell every processor that *span* starts; their errors stay here."""
        try:
            self.pipeline.begin_span(span, parent_context)
        except Exception as error:  # noqa: BLE001 - a span without its session beats no span
            self.pipeline.faults.record("on_start", error)
        for processor in self._span_processors:
            try:
                processor.on_start(span, parent_context=parent_context)
            except Exception as error:  # noqa: BLE001 - telemetry never raises into the app
                self.pipeline.faults.record("on_start", error)

    def on_end(self, span: ReadableSpan) -> None:
        """Account for *span*, then hand every processor one redacted view of it."""
        try:
            view = self.pipeline.guard_span(span)
        except Exception as error:  # noqa: BLE001 - fails closed: no view, no export
            self.pipeline.faults.record("guard", error)
            return
        if view is None:
            return
        for processor in self._span_processors:
            try:
                processor.on_end(view)
            except Exception as error:  # noqa: BLE001 - telemetry never raises into the app
                self.pipeline.faults.record("on_end", error)


class GuardLogRecordProcessor(SynchronousMultiLogRecordProcessor):
    """The logger provider's own fan-out: every processor gets the same redacted view."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pipeline = pipeline

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Hand every processor one redacted view of *log_record*."""
        try:
            view = self.pipeline.guard_log_record(log_record)
        except Exception as error:  # noqa: BLE001 - fails closed: no view, no export
            self.pipeline.faults.record("guard", error)
            return
        if view is None:
            return
        for processor in self._log_record_processors:
            try:
                processor.on_emit(view)
            except Exception as error:  # noqa: BLE001 - telemetry never raises into the app
                self.pipeline.faults.record("on_emit", error)
