"""The fan-outs of the providers: each processor is called, and its errors are contained."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk._logs._internal import SynchronousMultiLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, SynchronousMultiSpanProcessor

from otel_distro.pipeline.input_limits.contained import is_contained
from otel_redaction.log_view import redacted_question
from otel_redaction.started_span import guarded_context, started_view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import Span

    from otel_distro.pipeline.pipeline import Pipeline


_NS_PER_MS: Final = 1_000_000


class _Errors:
    """Exceptions of processors in one callback: counted, or kept for the application."""

    __slots__ = ("_pipeline", "_stage", "meant_for_app")

    def __init__(self, pipeline: Pipeline, stage: str) -> None:
        self._pipeline = pipeline
        self._stage = stage
        self.meant_for_app: BaseException | None = None

    def take(self, error: BaseException) -> None:
        """Count *error*, or keep it until every processor has been called."""
        if is_contained(error):
            self._pipeline.internal_errors.record(self._stage, error)
        elif self.meant_for_app is None:
            self.meant_for_app = error

    def raise_for_app(self) -> None:
        """Raise the exception kept for the application, if any."""
        if self.meant_for_app is not None:
            raise self.meant_for_app


class _Callbacks:
    """The *processors* with callbacks for the start and the ending of a span."""

    __slots__ = ("on_ending", "on_start", "processors")

    def __init__(self, processors: tuple[SpanProcessor, ...]) -> None:
        self.processors = processors
        self.on_start = [processor for processor in processors if _overrides(processor, "on_start")]
        self.on_ending = [
            processor for processor in processors if _overrides(processor, "_on_ending")
        ]


def _overrides(processor: SpanProcessor, name: str) -> bool:
    callback = getattr(processor, name, None)
    own = getattr(SpanProcessor, name)
    return callback is not None and getattr(callback, "__func__", None) is not own


class GuardSpanProcessor(SynchronousMultiSpanProcessor):
    """The tracer provider's fan-out: every processor gets redacted views.

    A processor with `takes_raw_spans = True` is one of ours that enforces budgets: it gets the raw
    span at its start, with or without consent. No exporting processor may set it.
    """

    _known_callbacks: _Callbacks | None = None

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pipeline = pipeline

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Prepare *span*, then pass a view of it to every processor."""
        try:
            self.pipeline.begin_span(span, parent_context)
        except Exception as error:
            self.pipeline.internal_errors.record("on_start", error)
        known = self._known_callbacks
        if known is None or known.processors is not self._span_processors:
            known = self._look_up()
        if starting := known.on_start:
            self._call_starting(starting, span, parent_context)

    def _call_starting(
        self, processors: Iterable[SpanProcessor], span: Span, parent_context: Context | None
    ) -> None:
        errors = _Errors(self.pipeline, "on_start")
        shield = self.pipeline.shield
        may_be_seen = self.pipeline.may_be_seen(span)
        for processor in processors:
            try:
                if getattr(processor, "takes_raw_spans", None) is True:
                    processor.on_start(span, parent_context=parent_context)
                elif may_be_seen:
                    processor.on_start(
                        started_view(span, shield),
                        parent_context=guarded_context(parent_context, shield),
                    )
            except BaseException as error:
                errors.take(error)
        errors.raise_for_app()

    def _on_ending(self, span: Span) -> None:
        """Pass a view of *span* to every processor; the span ends even if they raise."""
        known = self._known_callbacks
        if known is None or known.processors is not self._span_processors:
            known = self._look_up()
        ending = known.on_ending
        if not ending or not self.pipeline.may_be_seen(span):
            return
        errors = _Errors(self.pipeline, "on_ending")
        view = started_view(span, self.pipeline.shield)
        for processor in ending:
            try:
                processor._on_ending(view)
            except BaseException as error:
                errors.take(error)
        if errors.meant_for_app is not None:
            self.on_end(span._readable_span())  # the SDK stops at the exception
            errors.raise_for_app()

    def _look_up(self) -> _Callbacks:
        """Return the callbacks of the current processors."""
        known = self._known_callbacks = _Callbacks(self._span_processors)
        return known

    def on_end(self, span: ReadableSpan) -> None:
        """Account for *span*, then pass one redacted view of it to every processor."""
        try:
            view = self.pipeline.guard_span(span)
        except Exception as error:  # fails closed: no view, no export
            self.pipeline.internal_errors.record("guard", error)
            return
        if view is None:
            return
        errors = None
        for processor in self._span_processors:
            try:
                processor.on_end(view)
            except BaseException as error:
                errors = errors or _Errors(self.pipeline, "on_end")
                errors.take(error)
        if errors is not None:
            errors.raise_for_app()

    def shutdown(self) -> None:
        """Shut every processor down, even if another of them raises."""
        _shut_down(self.pipeline, self._span_processors)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush every processor; return whether all were flushed within the time."""
        return _flush(self.pipeline, self._span_processors, timeout_millis)


class GuardLogRecordProcessor(SynchronousMultiLogRecordProcessor):
    """The logger provider's fan-out: every processor gets the same redacted view."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pipeline = pipeline

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Pass one redacted view of *log_record* to every processor."""
        try:
            view = self.pipeline.guard_log_record(log_record)
        except Exception as error:  # fails closed: no view, no export
            self.pipeline.internal_errors.record("guard", error)
            return
        if view is None:
            return
        errors = None
        for processor in self._log_record_processors:
            try:
                processor.on_emit(view)
            except BaseException as error:
                errors = errors or _Errors(self.pipeline, "on_emit")
                errors.take(error)
        if errors is not None:
            errors.raise_for_app()

    def enabled(self, **question: Any) -> bool:
        """Return whether any processor is enabled for such a record; true if unknown."""
        if not self.pipeline.gate.is_open():
            return False
        errors = _Errors(self.pipeline, "enabled")
        known = redacted_question(question, self.pipeline.shield)
        wanted = False
        for processor in self._log_record_processors:
            try:
                wanted = wanted or bool(processor.enabled(**known))
            except BaseException as error:
                errors.take(error)
                wanted = True
        errors.raise_for_app()
        return wanted

    def shutdown(self) -> None:
        """Shut every processor down, even if another of them raises."""
        _shut_down(self.pipeline, self._log_record_processors)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush every processor; return whether all were flushed within the time."""
        return _flush(self.pipeline, self._log_record_processors, timeout_millis)


def _shut_down(pipeline: Pipeline, processors: Iterable[Any]) -> None:
    errors = _Errors(pipeline, "shutdown")
    for processor in processors:
        try:
            processor.shutdown()
        except BaseException as error:
            errors.take(error)
    errors.raise_for_app()


def _flush(pipeline: Pipeline, processors: Iterable[Any], timeout_millis: int) -> bool:
    errors = _Errors(pipeline, "force_flush")
    deadline_ns = time.monotonic_ns() + timeout_millis * _NS_PER_MS
    flushed = True
    for processor in processors:
        left_ms = (deadline_ns - time.monotonic_ns()) // _NS_PER_MS
        if left_ms <= 0:
            flushed = False
            break
        try:
            flushed = processor.force_flush(left_ms) is not False and flushed
        except BaseException as error:
            errors.take(error)
            flushed = False
    errors.raise_for_app()
    return flushed
