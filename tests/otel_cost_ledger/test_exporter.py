"""`SqliteCostExporter` with a plain SDK, without spans of its own SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.exporter import SqliteCostExporter
from otel_cost_ledger.query.queries import calls, costs
from otel_cost_ledger.write.kept_here import keep
from otel_pricing.model.call import PricedCall

MakeWriter = Callable[..., LedgerWriter]
MakeCall = Callable[..., PricedCall]
CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


@pytest.fixture
def provider(path: Path) -> Iterator[TracerProvider]:
    """An SDK with only our exporter."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(SqliteCostExporter(path)))
    yield provider
    provider.shutdown()


def test_model_calls_are_priced_and_stored(provider: TracerProvider, path: Path) -> None:
    """1000 x 2.50 + 100 x 10.00 USD a million = 0.0035 USD; other spans are left alone."""
    tracer = provider.get_tracer("opentelemetry.instrumentation.genai.openai")
    with tracer.start_as_current_span("GET /"), tracer.start_as_current_span("chat gpt-4o") as span:
        span.set_attributes(CHAT)
    provider.shutdown()

    with open_ledger(path) as ledger:
        total = costs(ledger).total

    assert (total.calls, total.cost_usd) == (1, "0.0035")


def test_two_instrumentations_of_one_call_bill_it_once(
    provider: TracerProvider, path: Path
) -> None:
    """The outer span ends after the inner one was stored; its decision revises the first."""
    outer = provider.get_tracer("opentelemetry.instrumentation.langchain")
    inner = provider.get_tracer("opentelemetry.instrumentation.genai.openai")
    with outer.start_as_current_span("chat") as above:
        above.set_attributes({**CHAT, "gen_ai.response.id": "chatcmpl-1"})
        with inner.start_as_current_span("chat gpt-4o") as below:
            below.set_attributes({**CHAT, "gen_ai.response.id": "chatcmpl-1"})
    provider.shutdown()

    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 1
        assert [stored.priced.billed for stored in calls(ledger)].count(False) == 1


def test_a_failed_call_is_a_call(provider: TracerProvider, path: Path) -> None:
    """With its error, and without an invented cost."""
    tracer = provider.get_tracer("opentelemetry.instrumentation.genai.openai")
    with tracer.start_as_current_span("chat gpt-4o") as span:
        span.set_attributes({**CHAT, "error.type": "RateLimitError"})
        span.set_status(StatusCode.ERROR)
    provider.shutdown()

    with open_ledger(path) as ledger:
        assert costs(ledger).total.failed_calls == 1


def test_a_ledger_written_by_the_distribution_is_left_to_it(
    provider: TracerProvider, path: Path
) -> None:
    """It bills the same calls from more evidence than their spans."""
    keep(path)
    with provider.get_tracer("openai").start_as_current_span("chat gpt-4o") as span:
        span.set_attributes(CHAT)
    provider.shutdown()

    with open_ledger(path, missing_ok=True) as ledger:
        assert costs(ledger).total.calls == 0


def test_the_default_path_comes_from_the_environment(tmp_path: Path) -> None:
    """As the entry point `sqlite` makes it: without arguments."""
    exporter = SqliteCostExporter(environ={"XDG_STATE_HOME": str(tmp_path)})
    exporter.export([])
    exporter.shutdown()

    assert exporter.force_flush()
    assert (tmp_path / "otel-distro" / "ledger.db").exists()
    exporter.shutdown()


def test_a_span_that_breaks_pricing_does_not_raise_into_the_sdk(path: Path) -> None:
    """The batch is reported as failed."""
    exporter = SqliteCostExporter(path)

    result = exporter.export([object()])  # type: ignore[list-item]

    assert result is SpanExportResult.FAILURE
    exporter.shutdown()


def test_our_own_sql_makes_no_spans(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """Even where the app traces sqlite3, the ledger is not part of the app."""
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    SQLite3Instrumentor().instrument(tracer_provider=provider)
    try:
        writer = make_writer()
        writer.write([make_call()])
        with open_ledger(path) as ledger:
            costs(ledger)
        writer.shutdown()
    finally:
        SQLite3Instrumentor().uninstrument()

    assert memory.get_finished_spans() == ()
