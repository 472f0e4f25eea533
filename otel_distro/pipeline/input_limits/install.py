"""Installation of input limits in providers, and in the API where necessary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import attributes, trace
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk._logs import Logger, LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics._internal import measurement
from opentelemetry.sdk.trace import Tracer, TracerProvider

from otel_distro.pipeline.input_limits.attributes import TolerantAttributes
from otel_distro.pipeline.input_limits.logs import TolerantLogger, tolerate_log_handler
from otel_distro.pipeline.input_limits.metrics import TolerantMeter, tolerate_meters
from otel_distro.pipeline.input_limits.propagation import tolerate_propagation
from otel_distro.pipeline.input_limits.sdk_log_filters import quiet
from otel_distro.pipeline.input_limits.spans import TolerantSpan
from otel_distro.pipeline.input_limits.tracers import TolerantTracer
from otel_distro.pipeline.input_limits.use_span import use_span

if TYPE_CHECKING:
    from otel_distro.pipeline.input_limits.values import ValueCleaner

# These have no public hooks; a contract test pins the names per SDK version.


class TolerantLoggerProvider(LoggerProvider):
    """A logger provider of tolerant loggers."""

    def get_logger(self, *args: Any, **named: Any) -> Any:
        """Return a logger."""
        logger = super().get_logger(*args, **named)
        _tolerate_logger(logger)
        return logger


def tolerate_tracer(tracer: object) -> None:
    """Make *tracer* tolerant if it is the SDK's."""
    if type(tracer) is Tracer:
        tracer.__class__ = TolerantTracer


def tolerate_provider(provider: object) -> None:
    """Make the current objects of an SDK's *provider* tolerant, and most later ones."""
    _tolerate_values(TolerantSpan.cleaner)
    if isinstance(provider, TracerProvider):
        for tracer in list(provider._tracers.values()):
            tolerate_tracer(tracer)
    elif isinstance(provider, LoggerProvider):
        if type(provider) is LoggerProvider:
            provider.__class__ = TolerantLoggerProvider
        for logger in list(provider._active_loggers):
            _tolerate_logger(logger)
    elif isinstance(provider, MeterProvider):
        tolerate_meters(provider)


def tolerate_api(cleaner: ValueCleaner) -> None:
    """Use *cleaner* everywhere, and make propagation, `use_span` and log handlers tolerant too."""
    for kind in (TolerantSpan, TolerantAttributes, TolerantTracer, TolerantLogger, TolerantMeter):
        kind.cleaner = cleaner
    _tolerate_values(cleaner)
    tolerate_propagation(cleaner)
    tolerate_log_handler(cleaner)
    quiet(cleaner)
    # Its type is narrower than upstream's, but it too is a decorator and a context manager.
    module: Any = trace
    module.use_span = use_span


def _tolerate_values(cleaner: ValueCleaner) -> None:
    # Replaces the SDK's rather than wrapping it: this runs for every span.
    for module in (attributes, measurement):
        if hasattr(module, "_clean_attribute_value"):
            vars(module)["_clean_attribute_value"] = cleaner.clean
    spans: Any = sdk_trace
    spans._Span = TolerantSpan
    spans.BoundedAttributes = TolerantAttributes


def _tolerate_logger(logger: object) -> None:
    if type(logger) is Logger:
        logger.__class__ = TolerantLogger
