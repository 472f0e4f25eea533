"""Accounts: calls are priced off the app's thread, billed once, passed to every sink."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from otel_budget import LatencyBudgets, LatencyRecord
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_pricing import PriceBook, PricedCall
from otel_pricing.model.tool_call import ToolCall

CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
}


class Sink:
    """Stores its calls."""

    def __init__(self) -> None:
        self.new: list[PricedCall] = []
        self.revised: list[PricedCall] = []
        self.verdicts: list[LatencyRecord] = []
        self.threads: set[str] = set()
        self.flushed = 0
        self.tools: list[ToolCall] = []

    def executed(self, tools: Sequence[ToolCall]) -> None:
        self.tools += tools

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        self.new += new
        self.revised += revised
        self.threads.add(threading.current_thread().name)

    def judged(self, records: Sequence[LatencyRecord]) -> None:
        self.verdicts += records

    def flush(self) -> None:
        self.flushed += 1


class Broken(Sink):
    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        raise OSError("disk full")


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def internal_errors() -> InternalErrors:
    return InternalErrors()


@pytest.fixture
def accounts(sink: Sink, internal_errors: InternalErrors) -> Accounts:
    return Accounts(
        load_prices=PriceBook,
        latency=LatencyBudgets(),
        internal_errors=internal_errors,
        call_sinks=[Broken(), sink],
        verdict_sinks=[sink],
    )


def span(
    name: str = "chat", scope: str = "openai", parent: Any = None, **more: Any
) -> ReadableSpan:
    """A span as the SDK hands it to the guard."""
    ended: list[ReadableSpan] = []
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import set_span_in_context

    class Keep(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            ended.append(span)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Keep())
    context = set_span_in_context(parent) if parent is not None else None
    provider.get_tracer(scope).start_span(
        name, context=context, start_time=1_700_000_000_000_000_000, attributes=more
    ).end(1_700_000_000_500_000_000)
    return ended[0]


def test_a_model_call_reaches_every_sink(
    accounts: Accounts, sink: Sink, internal_errors: InternalErrors
) -> None:
    """Also when another sink is broken; that one is counted."""
    accounts.take(span(**CALL))

    assert accounts.flush(10)
    assert [call.cost_nano_usd for call in sink.new] == [6_000_000]
    assert sink.flushed == 1
    assert internal_errors.counts() == {"account": 1}


def test_a_tool_reaches_the_sinks_that_store_tools(accounts: Accounts, sink: Sink) -> None:
    """It is not a model call, and its span gets no cost attributes."""
    names = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"}

    assert accounts.take(span("execute_tool get_weather", **names)) is None

    assert accounts.flush(10)
    assert [(tool.tool, tool.duration_ns) for tool in sink.tools] == [("get_weather", 500_000_000)]
    assert sink.new == []


def test_other_spans_are_ignored(accounts: Accounts, sink: Sink) -> None:
    """No thread is started for them."""
    assert accounts.take(span("GET /", **{"http.route": "/"})) is None
    assert accounts.flush(10)
    assert sink.new == []


def test_pricing_runs_on_a_background_thread(accounts: Accounts, sink: Sink) -> None:
    """Not on the app's thread."""
    accounts.take(span(**CALL))
    accounts.flush(10)

    assert sink.threads == {"otel_distro-accounts"}


def test_the_first_reader_of_facts_gets_the_final_decision(accounts: Accounts) -> None:
    """An exporter that is quicker than the accounting thread does not see a provisional bill."""
    inner = span(scope="com.anthropic.sdk.python", **CALL)
    outer = span(scope="opentelemetry.instrumentation.genai.openai", **CALL)
    first, second = accounts.take(inner), accounts.take(outer)

    assert first is not None
    assert second is not None
    billed = [facts()["otel_distro.billed"] for facts in (second, first)]
    assert sorted(billed) == [False, True]


def test_a_verdict_on_latency_reaches_its_sink(accounts: Accounts, sink: Sink) -> None:
    """500 ms of the 10 ms that query_normalization may take."""
    facts = accounts.take(span("query_normalization"))
    accounts.flush(10)

    assert facts is not None
    assert facts()["otel_distro.budget.exceeded"] is True
    (record,) = sink.verdicts
    assert record.verdict.overage_ms == 490


def test_a_span_that_only_looks_like_a_call_has_no_facts(accounts: Accounts, sink: Sink) -> None:
    """An agent's span repeats the usage of its calls; it is not a call."""
    facts = accounts.take(span(**{**CALL, "gen_ai.operation.name": "invoke_agent"}))
    accounts.flush(10)

    assert facts is not None
    assert facts() == {}
    assert sink.new == []


def test_price_data_that_cannot_be_loaded_costs_the_price_only(
    sink: Sink, internal_errors: InternalErrors
) -> None:
    """The span is exported without a cost."""

    def broken() -> PriceBook:
        raise ImportError("genai_prices")

    accounts = Accounts(
        load_prices=broken,
        latency=LatencyBudgets(),
        internal_errors=internal_errors,
        call_sinks=[sink],
    )
    facts = accounts.take(span(**CALL))
    accounts.flush(10)

    assert facts is not None
    assert facts() == {}
    assert internal_errors.counts()["account"] == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_settles_its_own_calls_only(accounts: Accounts, sink: Sink) -> None:
    """The queue of the parent stays there; the child starts its own thread."""
    accounts.take(span(**CALL))
    accounts.flush(10)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        accounts.at_fork()
        sink.new.clear()
        accounts.take(span(**CALL))
        accounts.flush(10)
        os.write(write, str(len(sink.new)).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(read, 10) == b"1"


def test_a_reader_waits_for_the_price(internal_errors: InternalErrors) -> None:
    """Loading price data takes time at first; a span read meanwhile still has a cost."""
    loading, go_on = threading.Event(), threading.Event()

    def slow() -> PriceBook:
        loading.set()
        go_on.wait(10)
        return PriceBook()

    accounts = Accounts(load_prices=slow, latency=LatencyBudgets(), internal_errors=internal_errors)
    facts = accounts.take(span(**CALL))
    assert loading.wait(10)
    threading.Timer(0.2, go_on.set).start()

    assert facts is not None
    assert facts()["otel_distro.cost.nano_usd"] == 6_000_000


def test_a_fork_waits_until_a_sink_has_its_calls(
    internal_errors: InternalErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sink may be importing a module, which the child would wait for without end."""
    monkeypatch.setattr("otel_distro.pipeline.accounting.accounts._LONGEST_PAUSE_S", 60)
    entered, proceed = threading.Event(), threading.Event()

    class Importing(Sink):
        def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
            entered.set()
            proceed.wait(30)
            super().settle(new, revised)

    sink = Importing()
    accounts = Accounts(
        load_prices=PriceBook,
        latency=LatencyBudgets(),
        internal_errors=internal_errors,
        call_sinks=[sink],
    )
    accounts.take(span(**CALL))
    assert entered.wait(30)
    threading.Timer(0.2, proceed.set).start()

    accounts.before_fork()
    stored_before_fork = len(sink.new)
    accounts.after_fork_in_parent()

    assert stored_before_fork == 1
    accounts.take(span(**CALL | {"gen_ai.response.id": "chatcmpl-2"}))
    assert accounts.flush(30)
    assert len(sink.new) == 2


def test_calls_are_settled_where_no_thread_can_start(
    accounts: Accounts, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Python 3.12 on none can while the interpreter exits: then `flush` does the work."""

    def cannot_start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    ended = span(**CALL)
    monkeypatch.setattr(threading.Thread, "start", cannot_start)
    accounts.take(ended)

    assert accounts.flush(0)
    assert [priced.cost_nano_usd for priced in sink.new] == [6_000_000]
    assert sink.flushed == 1
    assert not accounts.pending()


def test_tools_are_stored_where_no_thread_can_start(
    accounts: Accounts, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if only tools are queued."""

    def cannot_start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    names = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather"}
    ended = span("execute_tool get_weather", **names)
    monkeypatch.setattr(threading.Thread, "start", cannot_start)
    accounts.take(ended)

    assert accounts.flush(0)
    assert [tool.tool for tool in sink.tools] == ["get_weather"]
    assert not accounts.pending()


def test_a_flush_waits_for_a_thread_that_is_just_being_started(
    accounts: Accounts, sink: Sink
) -> None:
    """A call just queued by another thread is not missed."""
    with accounts._start_lock:
        accounts.take(span(**CALL))

        assert not accounts.flush(0)
        assert not sink.new
    accounts._wake()

    assert accounts.flush(30)
    assert len(sink.new) == 1
