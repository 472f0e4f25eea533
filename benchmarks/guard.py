"""Overhead of the guard on the app's thread: one span with ten attributes, beside the bare SDK.

    python benchmarks/guard.py

Variants are timed in turn, over many rounds, by the CPU time of the calling thread; the figure of a
variant is the median of its differences to the bare SDK in the same round.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from opentelemetry import attributes
from opentelemetry.sdk import trace as sdk_trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from otel_budget import LatencyBudgets
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.install import guard_tracer_provider
from otel_distro.pipeline.pipeline import Pipeline
from otel_pricing import PriceBook
from otel_redaction.shield import Shield

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

ROUNDS = 60
SPANS = 1000
ATTRIBUTES = {f"app.attribute_{number}": f"value number {number}" for number in range(10)}


class Sink(SpanProcessor):
    """Takes spans and does nothing with them, as a queue does on the caller's thread."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take *span*."""


def tracer(processors: int, *, guarded: bool) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    for _ in range(processors):
        provider.add_span_processor(Sink())
    if guarded:
        internal_errors = InternalErrors()
        accounts = Accounts(
            load_prices=PriceBook, latency=LatencyBudgets(), internal_errors=internal_errors
        )
        guard_tracer_provider(provider, Pipeline(Shield(), accounts, internal_errors))
    return provider.get_tracer("benchmark")


def microseconds_a_span(subject: Tracer) -> float:
    began = time.thread_time_ns()
    for _ in range(SPANS):
        subject.start_span("work", attributes=ATTRIBUTES).end()
    return (time.thread_time_ns() - began) / SPANS / 1000


class BareSdk:
    """The SDK before the guard replaced some of its parts."""

    def __init__(self) -> None:
        self._parts = self._current()
        self._guarded = self._parts

    @staticmethod
    def _current() -> tuple[Any, ...]:
        sdk: Any = sdk_trace
        return attributes._clean_attribute_value, sdk._Span, sdk.BoundedAttributes

    @staticmethod
    def _set(parts: tuple[Any, ...]) -> None:
        sdk: Any = sdk_trace
        attributes._clean_attribute_value, sdk._Span, sdk.BoundedAttributes = parts

    def __enter__(self) -> None:
        self._guarded = self._current()
        self._set(self._parts)

    def __exit__(self, *_: object) -> None:
        self._set(self._guarded)


def main() -> None:
    bare_sdk = BareSdk()
    bare = tracer(1, guarded=False)
    variants = {
        "guard, 1 exporter": tracer(1, guarded=True),
        "guard, 4 exporters": tracer(4, guarded=True),
    }
    bare_figures: list[float] = []
    added: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        with bare_sdk:
            baseline = microseconds_a_span(bare)
        bare_figures.append(baseline)
        for name, subject in variants.items():
            added[name].append(microseconds_a_span(subject) - baseline)
    baseline = statistics.median(bare_figures)
    print(f"{'bare SDK, 1 exporter':<22} {baseline:6.2f} us a span")
    for name, figures in added.items():
        difference = statistics.median(figures)
        ratio = (baseline + difference) / baseline
        print(f"{name:<22} {difference:+6.2f} us a span   {ratio:.3f} x bare")


if __name__ == "__main__":
    main()
