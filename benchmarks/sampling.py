"""Cost of a span that the sampler drops, on the app's thread, beside the bare SDK.

    python benchmarks/sampling.py

The sampler is `always_off`. A dropped span of an unknown scope is deferred until its end,
since an attribute may still show a model call; one of a scope that makes no model calls is left
alone. Variants are timed in turn, over many rounds, by the CPU time of the calling thread; figures
are the medians of the differences to the bare SDK in the same round.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_budget import LatencyBudgets
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.install import guard_tracer_provider
from otel_distro.pipeline.pipeline import Pipeline
from otel_distro.pipeline.sampling import GuardTracerProvider
from otel_pricing import PriceBook
from otel_redaction.shield import Shield

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

ROUNDS = 60
SPANS = 1000
ATTRIBUTES = {f"app.attribute_{number}": f"value number {number}" for number in range(10)}
UNKNOWN, WEB_SERVER = "app.of.nobody", "opentelemetry.instrumentation.flask"


def start_and_end(tracer: Tracer) -> None:
    for _ in range(SPANS):
        tracer.start_span("work").end()


def with_ten_attributes(tracer: Tracer) -> None:
    for _ in range(SPANS):
        tracer.start_span("work", attributes=ATTRIBUTES).end()


def set_if_recording(tracer: Tracer) -> None:
    """As instrumentations do."""
    for _ in range(SPANS):
        span = tracer.start_span("work")
        if span.is_recording():
            for key, value in ATTRIBUTES.items():
                span.set_attribute(key, value)
        span.end()


def microseconds_a_span(work: Callable[[Any], None], tracer: Tracer) -> float:
    began = time.thread_time_ns()
    work(tracer)
    return (time.thread_time_ns() - began) / SPANS / 1000


def main() -> None:
    bare = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False).get_tracer(UNKNOWN)
    provider = GuardTracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
    internal_errors = InternalErrors()
    accounts = Accounts(
        load_prices=PriceBook, latency=LatencyBudgets(), internal_errors=internal_errors
    )
    guard_tracer_provider(provider, Pipeline(Shield(), accounts, internal_errors))
    tracers = {name: provider.get_tracer(name) for name in (UNKNOWN, WEB_SERVER)}
    works = (start_and_end, with_ten_attributes, set_if_recording)
    added: dict[tuple[str, str], list[float]] = {}
    baselines: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for work in works:
            baseline = microseconds_a_span(work, bare)
            baselines.setdefault(work.__name__, []).append(baseline)
            for scope, tracer in tracers.items():
                more = microseconds_a_span(work, tracer) - baseline
                added.setdefault((work.__name__, scope), []).append(more)
    for (work_name, scope), figures in added.items():
        baseline = statistics.median(baselines[work_name])
        more = statistics.median(figures)
        print(f"{work_name:<20} {scope:<38} bare {baseline:5.2f} us, ours {more:+5.2f} us")


if __name__ == "__main__":
    main()
