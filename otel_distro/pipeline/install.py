"""Installs the guard in the providers of any OpenTelemetry SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs._internal import SynchronousMultiLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor, TracerProvider

from otel_distro.base.errors import OtelDistroError
from otel_distro.pipeline.fan_out import GuardLogRecordProcessor, GuardSpanProcessor
from otel_distro.pipeline.input_limits.install import tolerate_provider
from otel_distro.pipeline.metrics import guard_meter_provider
from otel_distro.pipeline.sampling import GuardTracerProvider, record_model_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.pipeline.pipeline import Pipeline
    from otel_redaction.shield import Shield

# The private names below have no public counterpart; tests pin each per SDK version.


class GuardError(OtelDistroError):
    """The guard cannot be installed in a provider."""


def guard_tracer_provider(provider: TracerProvider, pipeline: Pipeline) -> None:
    """Make the guard the fan-out of *provider*, around all its processors, current and later."""
    tolerate_provider(provider)
    active = provider._active_span_processor
    if isinstance(active, GuardSpanProcessor):
        active.pipeline = pipeline
        return
    if type(active) is SynchronousMultiSpanProcessor:
        # Rebinding the class keeps the object that existing tracers already hold.
        vars(active)["pipeline"] = pipeline
        active.__class__ = GuardSpanProcessor
    else:
        guard = GuardSpanProcessor(pipeline)
        guard.add_span_processor(active)
        provider._active_span_processor = guard
        for tracer in provider._tracers.values():
            tracer.span_processor = guard
    if type(provider) is TracerProvider:
        provider.__class__ = GuardTracerProvider
        for scope, tracer in provider._tracers.items():
            record_model_calls(tracer, scope.name)


def guard_logger_provider(provider: LoggerProvider, pipeline: Pipeline) -> None:
    """Make the guard the fan-out of *provider*, around all its processors, current and later."""
    tolerate_provider(provider)
    active = provider._multi_log_record_processor
    if isinstance(active, GuardLogRecordProcessor):
        active.pipeline = pipeline
        return
    if type(active) is SynchronousMultiLogRecordProcessor:
        vars(active)["pipeline"] = pipeline
        active.__class__ = GuardLogRecordProcessor
        return
    guard = GuardLogRecordProcessor(pipeline)
    guard.add_log_record_processor(active)
    provider._multi_log_record_processor = guard
    for logger in list(provider._active_loggers):
        logger._multi_log_record_processor = guard


def guard_providers(
    tracer_provider: object,
    logger_provider: object,
    meter_provider: object,
    pipeline: Pipeline,
    shield: Shield,
    is_open: Callable[[], bool] = lambda: True,
) -> None:
    """Install the guard in each provider of an SDK; others export nothing.

    While *is_open* returns False, nothing is measured or read. Raises GuardError if a provider does
    not have the expected structure; all its processors have been removed by then, so that nothing
    leaves unguarded.
    """
    if isinstance(tracer_provider, TracerProvider):
        with _fail_closed(tracer_provider):
            guard_tracer_provider(tracer_provider, pipeline)
    if isinstance(logger_provider, LoggerProvider):
        with _fail_closed(logger_provider):
            guard_logger_provider(logger_provider, pipeline)
    if isinstance(meter_provider, MeterProvider):
        with _fail_closed(meter_provider):
            tolerate_provider(meter_provider)
            guard_meter_provider(meter_provider, shield, is_open, pipeline.context_attributes)


class _fail_closed:  # reads as a statement
    """Disarms *provider* if the guard cannot be installed in it."""

    def __init__(self, provider: TracerProvider | LoggerProvider | MeterProvider) -> None:
        self._provider = provider

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, Exception):
            return
        disarm(self._provider)
        raise GuardError(
            f"the guard cannot be installed in {type(self._provider).__name__} "
            f"({type(error).__name__}); nothing is exported from it. "
            "Run `otel-distro doctor` to see which versions are installed"
        ) from error


def disarm(provider: Any) -> None:
    """Remove every processor and reader from *provider*."""
    for attribute, empty in (
        ("_active_span_processor", SynchronousMultiSpanProcessor),
        ("_multi_log_record_processor", SynchronousMultiLogRecordProcessor),
    ):
        active = getattr(provider, attribute, None)
        if active is None:
            continue
        for inner in ("_span_processors", "_log_record_processors"):
            if hasattr(active, inner):
                setattr(active, inner, ())
        setattr(provider, attribute, empty())
    consumer = getattr(provider, "_measurement_consumer", None)
    if consumer is not None:
        consumer._reader_storages = {}
        # A reader that is never called back exports nothing.
        for reader in getattr(provider, "_metric_readers", ()):
            reader._set_collect_callback(None)


def is_guarded(provider: object) -> bool:
    """Return whether every record of *provider* passes the guard (true for no SDK at all)."""
    if isinstance(provider, TracerProvider):
        return isinstance(provider._active_span_processor, GuardSpanProcessor)
    if isinstance(provider, LoggerProvider):
        return isinstance(provider._multi_log_record_processor, GuardLogRecordProcessor)
    return True
