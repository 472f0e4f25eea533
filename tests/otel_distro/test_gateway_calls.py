"""A call that a client and its gateway both report is billed once, as the gateway's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from otel_cost_ledger.query.costs import costs
from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.write.writer import LedgerWriter
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.accounting.gateway_calls import (
    THROUGH_GATEWAY,
    GatewayCalls,
    number_for,
    process_number,
)
from otel_distro.pipeline.wire.gateways import _asgi, _wsgi
from otel_pricing import ModelCall, PriceBook, Usage, price_call
from otel_pricing.model.instrumentations import WIRE_SCOPE
from otel_wire.hosts import is_own_host
from otel_wire.observer import Observer

if TYPE_CHECKING:
    from pathlib import Path

    from otel_pricing import PricedCall
    from otel_wire.record import WireRecord

NOW_NS = 1_790_000_000_000_000_000
BOOK = PriceBook()
CLIENT, GATEWAY = 11, 22
CHAT = "/v1/chat/completions"
BODY = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}'


def call(number: int, process: int | None, start_ms: int, end_ms: int, **more: Any) -> PricedCall:
    about: dict[str, Any] = {
        "trace_id": number,
        "usage": Usage(input_tokens=1000, output_tokens=100),
        "response_id": "chatcmpl-7",
        **more,
    }
    return price_call(
        ModelCall(
            span_id=number,
            start_ns=NOW_NS + start_ms * 1_000_000,
            end_ns=NOW_NS + end_ms * 1_000_000,
            scope=WIRE_SCOPE,
            operation="chat",
            provider="openai",
            request_model="gpt-4o",
            own_host_process=process,
            **about,
        ),
        BOOK,
    )


def billed(folder: Path, *calls: PricedCall) -> int:
    """Store *calls* one after the other, as processes do; return the number billed."""
    path = folder / "ledger.db"
    writer = LedgerWriter(path)
    gateways = GatewayCalls(writer, folder)
    for call in calls:
        writer.write([call])
        if revised := gateways.revised([call]):
            assert {priced.billing_reason for priced in revised} == {THROUGH_GATEWAY}
            writer.revise(revised)
    writer.shutdown()
    with open_ledger(path) as ledger:
        return costs(ledger).total.calls


@pytest.mark.parametrize("gateway", [GATEWAY, None], ids=["local seller", "seller"])
@pytest.mark.parametrize("order", [1, -1], ids=["client first", "gateway first"])
@pytest.mark.parametrize("same", ["id", "trace"])
def test_the_call_of_a_client_is_that_of_its_gateway(
    tmp_path: Path, gateway: int | None, order: int, same: str
) -> None:
    """In either order of storage; by the response's id, or by trace and tokens."""
    how: dict[str, Any] = {"response_id": "msg_other"}
    if same == "id":
        how = {} if gateway else {"trace_id": 2}
    client, served = call(1, CLIENT, 0, 100), call(2, gateway, 5, 95, **{"trace_id": 1, **how})

    assert billed(tmp_path, *(client, served)[::order]) == 1


@pytest.mark.parametrize(
    "other",
    [
        call(2, CLIENT, 5, 95),
        call(2, GATEWAY, 5, 95),
        call(2, None, 200, 300),
        call(2, None, 5, 500),
        call(2, GATEWAY, 5, 95, response_id="chatcmpl-8"),
        call(2, None, 5, 95, trace_id=1, response_id=None, usage=Usage(input_tokens=7)),
    ],
    ids=[
        "same process",
        "another client of one server",
        "later",
        "longer",
        "other answer",
        "other tokens",
    ],
)
def test_other_calls_stay_two(tmp_path: Path, other: PricedCall) -> None:
    """One process that gets an id twice, calls one after the other, other answers."""
    assert billed(tmp_path, call(1, CLIENT, 0, 100), other) == 2


def test_a_call_to_a_local_model_is_billed(tmp_path: Path) -> None:
    """There is no gateway behind it."""
    assert billed(tmp_path, call(1, CLIENT, 0, 100)) == 1


def test_only_calls_to_own_hosts_carry_the_process() -> None:
    """A call to a seller is never that of a gateway's client."""
    assert number_for("127.0.0.1") == process_number()
    assert number_for("api.openai.com") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "api.openai.com"])
def test_a_gateway_receives_the_trace_header(host: str) -> None:
    """A seller does not."""
    observer = Observer()
    seen: list[WireRecord] = []
    observer.observe(seen.append)
    exchange = observer.begin("httpx", host, CHAT, {}, BODY)
    assert exchange is not None
    parent = exchange.traceparent()
    exchange.whole(200, {}, b"{}")
    observer.drain()

    assert (parent is not None) is is_own_host(host)
    if parent is not None:
        assert parent.split("-")[1] == f"{seen[0].trace_id:032x}"
        assert seen[0].span_id == 0


def test_a_header_of_the_app_is_left_alone() -> None:
    """It may belong to another tracing system."""
    exchange = Observer().begin("httpx", "127.0.0.1", CHAT, {"traceparent": "x"}, BODY)

    assert exchange is None or exchange.traceparent() is None


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class App:
    """A Starlette application that records the trace of its call."""

    trace_id = 0

    async def called(self, _scope: Any, _receive: Any, _send: Any) -> None:
        span = trace.get_current_span().get_span_context()
        self.trace_id = span.trace_id if span.is_remote else 0


def trace_in(app: App, **more: Any) -> int:
    scope = {"type": "http", "method": "POST", "path": CHAT, **more}
    scope.setdefault("headers", [(b"traceparent", PARENT.encode())])
    asyncio.run(_asgi(App.called, InternalErrors())(app, scope, None, None))
    assert not trace.get_current_span().get_span_context().is_valid
    return app.trace_id


def test_a_gateway_continues_the_trace_of_a_model_call() -> None:
    """So that its request to the seller is matched with the client's."""
    assert trace_in(App()) == 0x0AF7651916CD43DD8448EB211C80319C


@pytest.mark.parametrize(
    "more",
    [
        {"path": "/orders"},
        {"method": "GET"},
        {"type": "websocket"},
        {"headers": []},
        {"headers": [(b"traceparent", b"\xff")]},
        {"headers": [(b"traceparent", PARENT.encode())] * 2},
    ],
)
def test_other_requests_are_ignored(more: dict[str, Any]) -> None:
    """Also broken headers."""
    assert trace_in(App(), **more) == 0


def test_an_instrumented_application_reads_the_header() -> None:
    """So that its span has the kind server, not internal."""
    app = App()
    app._is_instrumented_by_opentelemetry = True  # type: ignore[attr-defined]

    assert trace_in(app) == 0


class WsgiApp:
    """A WSGI application that records the traces of its call and of its reads."""

    def __init__(self) -> None:
        self.traces: list[int] = []

    def called(self, _environ: Any, _start_response: Any) -> Any:
        self._note()
        return self._pieces()

    def _pieces(self) -> Any:
        self._note()
        yield b"piece"

    def _note(self) -> None:
        self.traces.append(trace.get_current_span().get_span_context().trace_id)


class InstrumentedWsgiApp(WsgiApp):
    """As OpenTelemetry marks one."""

    _is_instrumented_by_opentelemetry = True


def traces_in(app: WsgiApp, **more: str) -> list[int]:
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": CHAT, "HTTP_TRACEPARENT": PARENT, **more}
    response = _wsgi(WsgiApp.called, InternalErrors())(app, environ, None)
    assert list(response) == [b"piece"]
    assert not trace.get_current_span().get_span_context().is_valid
    return app.traces


def test_a_wsgi_gateway_continues_the_trace_and_so_does_its_stream() -> None:
    """The server reads the chunks after the application has returned."""
    assert traces_in(WsgiApp()) == [0x0AF7651916CD43DD8448EB211C80319C] * 2


def test_an_instrumented_wsgi_gateway_continues_it_in_its_stream_only() -> None:
    """The instrumentation has ended its span by then."""
    assert traces_in(InstrumentedWsgiApp()) == [0, 0x0AF7651916CD43DD8448EB211C80319C]


@pytest.mark.parametrize(
    "more",
    [{"PATH_INFO": "/orders"}, {"REQUEST_METHOD": "GET"}, {"HTTP_TRACEPARENT": ""}],
)
def test_other_wsgi_requests_are_ignored(more: dict[str, str]) -> None:
    """The response is unchanged."""
    assert traces_in(WsgiApp(), **more) == [0, 0]
