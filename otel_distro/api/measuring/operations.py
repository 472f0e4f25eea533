"""One measured operation: its span, its duration, and the count of running ones."""

from __future__ import annotations

import time
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from opentelemetry import context, metrics, trace
from opentelemetry.trace import Status, StatusCode

from otel_distro.api.detaching import detach
from otel_distro.api.measuring.tallies import TALLIES
from otel_distro.base import attributes as names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

_NS_PER_MS = 1e6
_NS_PER_S = 1e9
_BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class _Instruments:
    """Tracer and instruments of the current providers."""

    def __init__(self) -> None:
        self._tracer_provider: object = None
        self._meter_provider: object = None

    def tracer(self) -> trace.Tracer:
        provider = trace.get_tracer_provider()
        if provider is not self._tracer_provider:
            self._tracer = provider.get_tracer(names.API_SCOPE)
            self._tracer_provider = provider
        return self._tracer

    def meters(self) -> tuple[metrics.Histogram, metrics.UpDownCounter]:
        provider = metrics.get_meter_provider()
        if provider is not self._meter_provider:
            meter = provider.get_meter(names.API_SCOPE)
            self._duration = meter.create_histogram(
                names.OPERATION_DURATION,
                unit="s",
                description="Duration of measured operations",
                explicit_bucket_boundaries_advisory=_BUCKETS_S,
            )
            self._active = meter.create_up_down_counter(
                names.OPERATIONS_ACTIVE, unit="{operation}", description="Running operations"
            )
            self._meter_provider = provider
        return self._duration, self._active


_INSTRUMENTS = _Instruments()


class Operation:
    """One run of a named operation; single-use, `another()` creates the next.

    Telemetry never raises into the app: a failure here loses only this measurement.
    """

    def __init__(
        self,
        name: str,
        *,
        component: str | None,
        attributes: Mapping[str, AttributeValue] | None,
        memory: bool,
    ) -> None:
        self.name = str(name)
        self._labels = {names.OPERATION_NAME: self.name}
        self._attributes = dict(attributes or {})
        if component:
            self._labels[names.COMPONENT] = component
            self._attributes[names.COMPONENT] = component
        self._memory = memory
        self._clear()

    def _clear(self) -> None:
        self.duration_ms: float | None = None
        self.items = 0
        """Number of items that a generator has yielded."""
        self._span: trace.Span = trace.INVALID_SPAN
        self._tokens: list[Token[Context]] = []
        self._began_ns = 0
        self._rss: int | None = None

    def another(self) -> Operation:
        """Return a new run of the same operation."""
        run = copy(self)
        run._clear()  # noqa: SLF001 - of this class
        return run

    def enter(self) -> None:
        """Start, with the span as the current one."""
        self.begin()
        self.resume()

    def leave(self, error: BaseException | None) -> None:
        """End the operation."""
        self.suspend()
        self.end(error)

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """Measure the body."""
        self.begin()
        try:
            yield
        except BaseException as error:
            self.end(error)
            raise
        self.end(None)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the span the current one for the body."""
        self.resume()
        try:
            yield
        finally:
            self.suspend()

    def begin(self) -> None:
        """Start the span and the clock."""
        self._rss = _resident_bytes() if self._memory else None
        try:
            self._span = _INSTRUMENTS.tracer().start_span(
                self.name, attributes=self._attributes, record_exception=False
            )
            _INSTRUMENTS.meters()[1].add(1, self._labels)
        except Exception:  # must not raise into the app
            pass
        TALLIES.began(self.name)
        self._began_ns = time.perf_counter_ns()

    def resume(self) -> None:
        """Make the span the current one."""
        self._tokens.append(context.attach(trace.set_span_in_context(self._span)))

    def suspend(self) -> None:
        """Restore the context from before `resume`."""
        detach(self._tokens.pop())

    def set(self, key: str, value: AttributeValue) -> None:
        """Set an attribute of the span."""
        self._span.set_attribute(key, value)

    def end(self, error: BaseException | None) -> None:
        """End the span, as failed if *error* is an error (a cancellation is none)."""
        took_ns = time.perf_counter_ns() - self._began_ns
        self.duration_ms = took_ns / _NS_PER_MS
        failed = isinstance(error, Exception)
        TALLIES.ended(self.name, self.duration_ms, failed=failed)
        try:
            duration, active = _INSTRUMENTS.meters()
            active.add(-1, self._labels)
            labels = self._labels
            if failed:
                labels = {**labels, names.ERROR_TYPE: type(error).__qualname__}
            # Recorded within the span, so that an exemplar can point to it.
            within = trace.set_span_in_context(self._span)
            duration.record(took_ns / _NS_PER_S, labels, context=within)
            if self._span.is_recording():
                self._describe_end(error if isinstance(error, Exception) else None)
        except Exception:  # must not raise into the app
            pass
        self._span.end()

    def _describe_end(self, error: Exception | None) -> None:
        if error is not None:
            kind = type(error).__qualname__
            self._span.record_exception(error)
            self._span.set_attribute(names.ERROR_TYPE, kind)
            self._span.set_status(Status(StatusCode.ERROR, f"{kind}: {error}"))
        if self.items:
            self._span.set_attribute(names.OPERATION_ITEMS, self.items)
        if self._rss is not None and (now := _resident_bytes()) is not None:
            self._span.set_attribute(names.MEMORY_DELTA, now - self._rss)


def _resident_bytes() -> int | None:
    try:
        import psutil

        return int(psutil.Process().memory_info().rss)
    except Exception:  # not on every platform, not in every container
        return None
