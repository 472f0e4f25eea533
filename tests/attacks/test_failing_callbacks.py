"""Exceptions of app callbacks: the work continues, and the span ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Sampler

from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.install import guard_providers
from otel_distro.pipeline.pipeline import NO_ACCOUNTS, Pipeline
from otel_redaction.shield import Shield


class UnprintableError(Exception):
    """An error whose `str()` raises."""

    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__


CONTAINED: dict[str, Callable[[], BaseException]] = {
    "RuntimeError": RuntimeError,
    "MemoryError": MemoryError,
    "RecursionError": RecursionError,
    "StopIteration": StopIteration,
    "unprintable": UnprintableError,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "BaseException": BaseException,
}
FOR_THE_APP = (KeyboardInterrupt, SystemExit)


class Failing(SpanProcessor, LogRecordProcessor):
    """Raises in one callback."""

    def __init__(self, callback: str, make: Callable[[], BaseException]) -> None:
        self._callback = callback
        self._make = make

    def _raise(self, callback: str) -> None:
        if callback == self._callback:
            raise self._make()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._raise("on_start")

    def _on_ending(self, span: Span) -> None:
        self._raise("_on_ending")

    def on_end(self, span: ReadableSpan) -> None:
        self._raise("on_end")

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self._raise("on_emit")

    def enabled(self, **question: Any) -> bool:
        self._raise("enabled")
        return True

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self._raise("force_flush")
        return True

    def shutdown(self) -> None:
        self._raise("shutdown")


class Sdk:
    def __init__(self, processor: Any, **parts: Any) -> None:
        self.internal_errors = InternalErrors()
        shield = Shield()
        self.spans = InMemorySpanExporter()
        self.logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.tracer_provider = TracerProvider(shutdown_on_exit=False, **parts)
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        pipeline = Pipeline(shield, NO_ACCOUNTS, self.internal_errors)
        guard_providers(self.tracer_provider, self.logger_provider, None, pipeline, shield)
        if processor is not None:
            self.tracer_provider.add_span_processor(processor)
            self.logger_provider.add_log_record_processor(processor)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.logs))

    def work(self) -> None:
        """Use every callback once."""
        tracer = self.tracer_provider.get_tracer("app")
        with tracer.start_as_current_span("work"):
            pass
        logger = self.logger_provider.get_logger("app")
        assert logger.enabled() is True
        logger.emit(LogRecord(body="worked"))
        self.tracer_provider.force_flush()
        self.logger_provider.force_flush()

    def close(self) -> None:
        self.tracer_provider.shutdown()
        self.logger_provider.shutdown()


CALLBACKS = ("on_start", "_on_ending", "on_end", "on_emit", "enabled", "force_flush", "shutdown")


@pytest.mark.parametrize("kind", CONTAINED)
@pytest.mark.parametrize("callback", CALLBACKS)
def test_an_exception_in_a_callback_stays_there(callback: str, kind: str) -> None:
    """The span ends, later processors are called, and the exception is counted."""
    sdk = Sdk(Failing(callback, CONTAINED[kind]))
    sdk.work()

    assert [span.name for span in sdk.spans.get_finished_spans()] == ["work"]
    assert [log.log_record.body for log in sdk.logs.get_finished_logs()] == ["worked"]
    sdk.close()
    assert sum(sdk.internal_errors.counts().values()) >= 1


@pytest.mark.parametrize("kind", FOR_THE_APP)
@pytest.mark.parametrize("callback", ["_on_ending", "on_end"])
def test_an_interrupt_reaches_the_app_after_the_span_has_ended(
    callback: str, kind: type[BaseException]
) -> None:
    """Ctrl-C during a callback is raised into the app after the other processors ran."""
    sdk = Sdk(Failing(callback, kind))
    span = sdk.tracer_provider.get_tracer("app").start_span("work")

    with pytest.raises(kind):
        span.end()
    assert [span.name for span in sdk.spans.get_finished_spans()] == ["work"]
    assert not span.is_recording()


class FailingSampler(Sampler):
    def __init__(self, make: Callable[[], BaseException]) -> None:
        self._make = make

    def should_sample(self, *_: Any, **__: Any) -> Any:
        raise self._make()

    def get_description(self) -> str:
        return "failing"


class FailingIds(RandomIdGenerator):
    def __init__(self, make: Callable[[], BaseException]) -> None:
        self._make = make

    def generate_span_id(self) -> int:
        raise self._make()


@pytest.mark.parametrize("kind", CONTAINED)
@pytest.mark.parametrize("part", ["sampler", "id_generator"])
def test_a_failing_part_of_the_tracer_costs_no_span(part: str, kind: str) -> None:
    """Spans are then recorded as if the app had not set it."""
    made = (FailingSampler if part == "sampler" else FailingIds)(CONTAINED[kind])
    sdk = Sdk(None, **{part: made})
    tracer = sdk.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("outer") as outer:
        with tracer.start_as_current_span("inner"):
            pass

    inner, finished = sdk.spans.get_finished_spans()
    assert (inner.name, finished.name) == ("inner", "outer")
    assert inner.parent is not None
    assert inner.parent.span_id == outer.get_span_context().span_id


def test_an_object_that_is_not_a_span_processor_loses_no_span() -> None:
    """One written for an older SDK has no callback for a span that is ending."""

    class LegacyProcessor:
        def on_start(self, span: Any, parent_context: Any = None) -> None: ...

        def on_end(self, span: Any) -> None: ...

    sdk = Sdk(None)
    old: Any = LegacyProcessor()
    sdk.tracer_provider.add_span_processor(old)
    sdk.work()
    sdk.tracer_provider.force_flush()

    assert [span.name for span in sdk.spans.get_finished_spans()] == ["work"]


def test_a_raising_flush_does_not_keep_others_from_being_flushed() -> None:
    """It is reported as not flushed."""
    flushed: list[bool] = []

    class Flushed(SpanProcessor):
        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            flushed.append(timeout_millis > 0)
            return True

    sdk = Sdk(Failing("force_flush", RuntimeError))
    sdk.tracer_provider.add_span_processor(Flushed())

    assert sdk.tracer_provider.force_flush() is False
    assert flushed == [True]


def test_an_app_in_an_exception_keeps_that_exception() -> None:
    """A failing callback does not replace the exception of the block."""
    sdk = Sdk(Failing("_on_ending", RuntimeError))

    with pytest.raises(LookupError, match="app"):
        with sdk.tracer_provider.get_tracer("app").start_as_current_span("work"):
            raise LookupError("app")
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert len(sdk.spans.get_finished_spans()) == 1
