"""Cost of pricing, beside the price list's own calculation in the same run.

python benchmarks/pricing.py [seconds a measurement]

Recognising a span happens on the application's thread, everything else on the accounting thread.
"""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import genai_prices
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_pricing import (
    BillingWindow,
    PriceBook,
    PricedCall,
    decide,
    from_readable_span,
    is_model_call,
    price_call,
    read_call,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECONDS = 0.5
"""Seconds per measurement, unless given on the command line."""
MS = 1_000_000

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1024,
    "openai.response.service_tier": "default",
}
WEB = {f"http.attribute.{number}": number for number in range(10)}


def finished(attributes: Mapping[str, object], scope: str) -> ReadableSpan:
    """Return a span the SDK has ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer(scope).start_span("span", attributes=attributes).end()  # type: ignore[arg-type]
    return exporter.get_finished_spans()[0]


def microseconds(work: Callable[[], object]) -> float:
    """Return the best of five averages of one *work*, in microseconds."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    work()
    best = float("inf")
    for _ in range(5):
        rounds, spent = 0, 0.0
        gc.collect()
        while spent < seconds / 5:
            start = time.perf_counter()
            for _ in range(200):
                work()
            spent += time.perf_counter() - start
            rounds += 200
        best = min(best, spent / rounds * 1e6)
    return best


def many(count: int, *, stacked: bool) -> list[PricedCall]:
    """Return priced calls one after another, each seen twice when *stacked*."""
    book = PriceBook()
    call = read_call(from_readable_span(finished(CHAT, "client")))
    assert call is not None
    priced = price_call(call, book)
    calls = []
    for number in range(1, count + 1):
        for scope, slack in (("client", 1), ("langchain", 0))[: 2 if stacked else 1]:
            start = call.start_ns + number * 50 * MS + slack * MS
            own = replace(
                call,
                trace_id=number * 2 + slack,
                span_id=number * 2 + slack,
                response_id=None,
                scope=scope,
                start_ns=start,
                end_ns=start + (100 - 2 * slack) * MS,
            )
            calls.append(replace(priced, call=own))
    return calls


def live(calls: list[PricedCall]) -> float:
    """Return the microseconds a call of live decisions."""
    window = BillingWindow()
    start = time.perf_counter()
    for call in calls:
        window.offer(call)
    return (time.perf_counter() - start) / len(calls) * 1e6


def batch(calls: list[PricedCall]) -> float:
    """Return the microseconds a call of deciding on all at once."""
    start = time.perf_counter()
    decide(calls)
    return (time.perf_counter() - start) / len(calls) * 1e6


def main() -> None:
    """Print one line per measurement: microseconds, and the ratio if there is a baseline."""
    chat, web, own = (
        finished(CHAT, "opentelemetry.instrumentation.genai.openai"),
        finished(WEB, "opentelemetry.instrumentation.flask"),
        finished(WEB, "my.app"),
    )
    record = from_readable_span(chat)
    call = read_call(record)
    assert call is not None
    book = PriceBook()
    usage = genai_prices.Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024)
    when = datetime.fromtimestamp(call.start_ns / 1e9, UTC)

    def listed() -> object:
        return genai_prices.calc_price(
            usage, "gpt-4o", provider_id="openai", genai_request_timestamp=when
        )

    baseline = microseconds(listed)
    rows = [
        ("recognise a web span (app thread)", recognising(web), 0.5),
        ("recognise a span of an unknown scope", recognising(own), 0.5),
        ("recognise a model call", recognising(chat), 0.5),
        ("span -> record", microseconds(lambda: from_readable_span(chat)), None),
        ("record -> call", microseconds(lambda: read_call(record)), None),
        ("price a call, warm", microseconds(lambda: price_call(call, book)), 10.0),
        ("decide live, one instrumentation", live(many(5000, stacked=False)), None),
        ("decide live, stacked", live(many(2500, stacked=True)), None),
        ("decide in a batch, stacked", batch(many(5000, stacked=True)), None),
    ]
    print(f"{'':42}{'us':>9}{'goal':>7}{'of calc_price':>15}")
    print(f"{'genai_prices.calc_price, warm':42}{baseline:9.2f}{'':7}{1:15.3f}")
    for name, took, goal in rows:
        goal_text = "" if goal is None else f"{goal:g}"
        print(f"{name:42}{took:9.2f}{goal_text:>7}{took / baseline:15.3f}")


def recognising(span: ReadableSpan) -> float:
    """Return the cost of the check that the guard runs on every span."""
    attributes = span.attributes or {}
    scope = span.instrumentation_scope
    name = scope.name if scope else ""
    return microseconds(lambda: is_model_call(attributes, name))


if __name__ == "__main__":
    main()
