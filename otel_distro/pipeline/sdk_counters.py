"""The SDK's counters of spans and log records, kept as plain numbers until collection.

They are `otel.sdk.span.started`, `otel.sdk.span.live` and `otel.sdk.log.created` of the semantic
conventions. The SDK adds to three instruments for each span, on the app's thread, at a fifth of the
cost of the span; incrementing a number costs next to nothing.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics
from opentelemetry.metrics import Observation
from opentelemetry.sdk.trace.sampling import Decision

from otel_distro.export.counts import AtomicCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.metrics import CallbackOptions
    from opentelemetry.trace import SpanContext

_METER = "opentelemetry-sdk"
_ORIGIN = "otel.span.parent.origin"
_RESULT = "otel.span.sampling_result"


def install_sdk_counters() -> None:
    """Make new tracers and loggers that count at all count here.

    Those with an explicit meter provider keep the SDK's instruments.
    """
    from opentelemetry.sdk import trace
    from opentelemetry.sdk._logs import _internal as logs

    _replace(trace, "create_tracer_metrics", _spans)
    _replace(logs, "create_logger_metrics", _log_records)


def _replace(module: Any, name: str, replacement: Callable[[], Any]) -> None:
    # There is no public hook. If a later SDK differs, its own instruments count.
    original = getattr(module, name, None)
    if original is None or getattr(original, "_otel_distro", False):
        return

    def create(meter_provider: Any, enabled: bool) -> Any:  # noqa: FBT001 - the SDK's signature
        if enabled and meter_provider is metrics.get_meter_provider():
            return replacement()
        return original(meter_provider, enabled)

    vars(create)["_otel_distro"] = True
    setattr(module, name, create)


class SpanCounts:
    """Counts of started and ended spans; replaces the SDK's `TracerMetrics`."""

    def __init__(self) -> None:
        self._started = {
            decision: {origin: AtomicCounter() for origin in ("none", "local", "remote")}
            for decision in Decision
        }
        self._ended = {decision: AtomicCounter() for decision in Decision}
        meter = metrics.get_meter_provider().get_meter(_METER)
        meter.create_observable_counter(
            "otel.sdk.span.started", [self._observe_started], "{span}", "Spans that were created"
        )
        meter.create_observable_up_down_counter(
            "otel.sdk.span.live", [self._observe_live], "{span}", "Spans that have not ended yet"
        )

    def start_span(self, parent: SpanContext | None, decision: Decision) -> Callable[[], None]:
        """Count a span that starts; return what to call when it ends."""
        origin = "none" if parent is None else "remote" if parent.is_remote else "local"
        self._started[decision][origin].add()
        return _nothing if decision is Decision.DROP else self._ended[decision].add

    def _observe_started(self, _options: CallbackOptions) -> Iterator[Observation]:
        for decision, origins in self._started.items():
            for origin, counter in origins.items():
                if count := counter.value:
                    yield Observation(count, {_ORIGIN: origin, _RESULT: decision.name})

    def _observe_live(self, _options: CallbackOptions) -> Iterator[Observation]:
        for decision, ended in self._ended.items():
            # In reverse order, a span that starts and ends in between would count as minus one.
            ended_count = ended.value
            started = sum(counter.value for counter in self._started[decision].values())
            if started and decision is not Decision.DROP:
                yield Observation(started - ended_count, {_RESULT: decision.name})


class LogRecordCounts:
    """Count of created log records; replaces the SDK's `LoggerMetrics`."""

    def __init__(self) -> None:
        self._created = AtomicCounter()
        self.emit_log = self._created.add
        metrics.get_meter_provider().get_meter(_METER).create_observable_counter(
            "otel.sdk.log.created", [self._observe], "{log_record}", "Log records that were made"
        )

    def _observe(self, _options: CallbackOptions) -> Iterator[Observation]:
        if count := self._created.value:
            yield Observation(count)


def _nothing() -> None:
    """Do nothing: the span was not recorded."""


_spans = cache(SpanCounts)
_log_records = cache(LogRecordCounts)
