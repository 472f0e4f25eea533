"""Bounds on the cost in the app's thread, with a margin that holds on any machine."""

from __future__ import annotations

import time

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from otel_budget import LatencyBudgets
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.install import guard_tracer_provider
from otel_distro.pipeline.pipeline import Pipeline
from otel_pricing import PriceBook
from otel_redaction.shield import Shield

CALL: dict[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
}
SPANS = 300


class Queue(SpanProcessor):
    """Takes spans and does nothing else on the thread that ends them."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take *span*."""


def test_a_model_call_costs_the_apps_thread_less_than_fifty_microseconds() -> None:
    """Processor time that accounting and redaction add to what the SDK takes for the same span.

    `benchmarks/guard.py` measures the actual figure, against the bare SDK.
    """
    internal_errors = InternalErrors()
    accounts = Accounts(
        load_prices=PriceBook, latency=LatencyBudgets(), internal_errors=internal_errors
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Queue())
    unguarded = TracerProvider(shutdown_on_exit=False)
    unguarded.add_span_processor(Queue())
    guard_tracer_provider(provider, Pipeline(Shield(), accounts, internal_errors))

    # The minimum of some rounds: other load of the machine only adds time.
    guarded = min(microseconds_a_call(provider) for _ in range(8))
    without = min(microseconds_a_call(unguarded) for _ in range(8))

    accounts.flush(30)
    assert guarded - without < 50


def microseconds_a_call(provider: TracerProvider) -> float:
    tracer = provider.get_tracer("opentelemetry.instrumentation.genai.openai")
    began = time.thread_time_ns()
    for _ in range(SPANS):
        tracer.start_span("chat gpt-4o", attributes=CALL).end()
    return (time.thread_time_ns() - began) / SPANS / 1000
