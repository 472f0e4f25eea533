"""Observed calls: time, outcome, span, each once."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import requests
import urllib3
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from otel_wire import clients
from otel_wire.observer import Observer, observer
from otel_wire.record import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_wire.record import WireRecord
    from support.budgets import SlowProvider

BODY: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 300,
}


@pytest.fixture
def records() -> Iterator[list[WireRecord]]:
    for module in (httpx2, urllib3, http.client):
        clients.install(module)
    found: list[WireRecord] = []
    stop = observer.observe(found.append)
    yield found
    stop()
    observer.configure()


def test_a_record_has_the_facts_of_a_call(
    records: list[WireRecord], provider: SlowProvider
) -> None:
    """And the span that was current when it was sent."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("app")
    with tracer.start_as_current_span("work") as span:
        requests.post(f"{provider.url}/v1/chat/completions", json=BODY, timeout=20)
    observer.drain()

    (record,) = records
    assert (record.client, record.status, record.ending) == ("urllib3", 200, Ending.COMPLETE)
    assert (record.request.model, record.answer.usage is not None) == ("gpt-4o", True)
    assert record.span_id == span.get_span_context().span_id
    assert record.first_byte_ns is not None
    assert record.start_ns <= record.first_byte_ns <= record.end_ns
    assert not record.admitted


def test_a_stream_left_early_is_abandoned(records: list[WireRecord]) -> None:
    """The part that was read is known."""

    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            yield b'data: {"choices": [{"delta": {"content": "Hello"}}]}\n\n'

    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=chunks()))
    with (
        httpx2.Client(transport=transport) as client,
        client.stream("POST", "https://proxy.example/v1/chat/completions", json=BODY) as response,
    ):
        next(response.iter_raw())
    observer.drain()

    (record,) = records
    assert record.ending is Ending.ABANDONED
    assert record.answer.output_characters == len("Hello")


def test_an_unreachable_provider_received_nothing(records: list[WireRecord]) -> None:
    """For every client."""
    with httpx2.Client() as client, pytest.raises(httpx2.ConnectError):
        client.post("http://127.0.0.1:1/v1/chat/completions", json=BODY)
    with pytest.raises(requests.ConnectionError):
        requests.post("http://127.0.0.1:1/v1/chat/completions", json=BODY, timeout=5)
    connection = http.client.HTTPConnection("127.0.0.1", 1, timeout=5)
    with pytest.raises(OSError, match="refused"):
        connection.request("POST", "/v1/chat/completions", json.dumps(BODY))
    observer.drain()

    assert [record.ending for record in records] == [Ending.NOT_SENT] * 3


def test_each_try_of_the_library_is_a_request(
    records: list[WireRecord], provider: SlowProvider
) -> None:
    """Refused by the provider twice, then abandoned."""
    busy = {**BODY, "messages": [{"role": "user", "content": "Too many requests"}]}
    retries = urllib3.Retry(2, status_forcelist=[429], allowed_methods=None, backoff_factor=0)
    with urllib3.PoolManager(retries=retries) as pool, pytest.raises(urllib3.exceptions.HTTPError):
        pool.request("POST", f"{provider.url}/v1/chat/completions", json=busy)
    observer.drain()

    assert [(record.status, record.attempt) for record in records[:2]] == [(429, 1), (429, 2)]
    assert len(records) == len(provider.requests) == 3


def test_hosts_can_be_left_out_and_endpoints_added(
    records: list[WireRecord], provider: SlowProvider
) -> None:
    """A gateway with custom paths is observed when configured."""
    observer.configure(denied=["127.0.0.1"])
    with httpx2.Client() as client:
        client.post(f"{provider.url}/v1/chat/completions", json=BODY)
        observer.configure(endpoints=["127.0.0.1/ask"])
        client.post(f"{provider.url}/ask/me", json=BODY)
        client.post(f"{provider.url}/other", json=BODY)
    observer.drain()

    assert [record.request.model for record in records] == ["gpt-4o"]


def test_a_raising_sink_does_not_affect_others(
    records: list[WireRecord], provider: SlowProvider
) -> None:
    """Neither app nor other sinks see it."""
    errors: list[BaseException] = []
    before, observer.on_fault = observer.on_fault, errors.append

    def broken(_record: WireRecord) -> None:
        raise RuntimeError("not today")

    stop = observer.observe(broken)
    try:
        with httpx2.Client() as client:
            client.post(f"{provider.url}/v1/chat/completions", json=BODY)
        observer.drain()
    finally:
        stop()
        observer.on_fault = before

    assert len(records) == 1
    assert [type(error) for error in errors] == [RuntimeError]
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_nothing_is_inspected_without_a_sink_or_admission() -> None:
    """Neither a sink nor an admission."""
    assert not Observer().concerns("POST", "api.openai.com", "/v1/chat/completions")
