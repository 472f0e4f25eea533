"""A request is billed once, by its traffic, with or without spans that describe it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest
import requests
from opentelemetry import context as otel_context
from opentelemetry import trace

from otel_distro.api import budget
from otel_distro.api import context as contexts
from otel_pricing import CostStatus
from otel_pricing.model.billing_reasons import CACHED
from otel_pricing.model.instrumentations import WIRE_SCOPE
from otel_wire.observer import observer
from support.charging_provider import ChargingProvider
from support.wired_sdk import FRAMEWORK_SCOPE, OPENAI_SCOPE, QUESTION, WiredSdk, response_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wired() -> Iterator[WiredSdk]:
    with ChargingProvider() as provider:
        sdk = WiredSdk(provider)
        yield sdk
        sdk.close()


def client_of(sdk: WiredSdk, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=sdk.provider.url + "/v1", api_key="none", **{"max_retries": 0, **more}
    )


@pytest.mark.parametrize("library", ["httpx2", "requests", "openai"])
def test_a_request_without_instrumentation_is_one_exact_call(wired: WiredSdk, library: str) -> None:
    """The ledger agrees with the provider to the nano-dollar."""
    url = wired.provider.url + "/v1/chat/completions"
    if library == "httpx2":
        httpx2.post(url, json=QUESTION, timeout=30)
    elif library == "requests":
        requests.post(url, json=QUESTION, timeout=30)
    else:
        client_of(wired).chat.completions.create(**QUESTION)

    assert wired.account() == wired.served()
    (priced,) = wired.billed()
    assert (priced.call.scope, priced.call.provider) == (WIRE_SCOPE, "openai")
    assert (priced.call.request_model, priced.status) == ("gpt-4o", CostStatus.PRICED)
    assert priced.call.service == "shop"


def test_a_described_request_is_billed_once(wired: WiredSdk) -> None:
    """The span of the client's instrumentation and the request are one call."""
    with wired.describe(OPENAI_SCOPE) as span:
        span.set_attributes(response_attributes(wired.ask().json()))

    assert wired.account() == wired.served()


def test_a_request_counts_against_any_claim_of_its_span(wired: WiredSdk) -> None:
    """An instrumentation that reports other usage than the provider changes nothing."""
    with wired.describe(OPENAI_SCOPE) as span:
        answer = wired.ask().json()
        answer["usage"]["prompt_tokens"] *= 7
        span.set_attributes(response_attributes(answer))

    assert wired.account() == wired.served()


def test_an_exported_span_carries_the_cost_of_its_request(wired: WiredSdk) -> None:
    """Even if the instrumentation reports no usage."""
    with wired.describe(OPENAI_SCOPE):
        wired.ask()

    (span,) = wired.spans()
    _, nano_usd = wired.served()
    assert span.attributes is not None
    assert span.attributes["gen_ai.usage.cost.amount"] == pytest.approx(nano_usd / 1e9)


def test_a_framework_around_a_client_around_a_request_is_one_call(wired: WiredSdk) -> None:
    """Three layers, one bill."""
    with wired.describe(FRAMEWORK_SCOPE) as outer:
        with wired.describe(OPENAI_SCOPE) as inner:
            answer = wired.ask().json()
            inner.set_attributes(response_attributes(answer))
        outer.set_attributes(response_attributes(answer))

    assert wired.account() == wired.served()


def test_a_span_that_was_not_current_describes_its_request(wired: WiredSdk) -> None:
    """The response id links them."""
    tracer = wired.tracer_provider.get_tracer(OPENAI_SCOPE)
    span = tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"})
    span.set_attribute("gen_ai.provider.name", "openai")
    span.set_attribute("gen_ai.request.model", "gpt-4o")
    span.set_attributes(response_attributes(wired.ask().json()))
    span.end()

    assert wired.account() == wired.served()
    assert wired.spans(WIRE_SCOPE) == []


def test_each_request_inside_one_span_is_billed(wired: WiredSdk) -> None:
    """A span that repeats the last response, as for automatic function calls, hides none."""
    with wired.describe(OPENAI_SCOPE) as span:
        for _ in range(3):
            answer = wired.ask().json()
        span.set_attributes(response_attributes(answer))  # pyright: ignore[reportPossiblyUnboundVariable]

    assert wired.account() == wired.served()
    assert wired.served()[0] == 3
    assert len(wired.spans(WIRE_SCOPE)) == 3


@pytest.mark.parametrize("status", ["REFUSE", "BREAK"])
def test_a_request_that_the_provider_rejects_is_a_call_without_a_cost(
    wired: WiredSdk, status: str
) -> None:
    """It reached the provider; no usage is invented."""
    wired.ask(messages=[{"role": "user", "content": status}])

    (priced,) = wired.billed()
    assert priced.call.failed
    assert not priced.cost_nano_usd


def test_every_try_of_a_client_is_a_request(wired: WiredSdk) -> None:
    """The provider saw three."""
    client = client_of(wired, max_retries=2)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "BREAK"}]
        )

    assert (len(wired.billed()), wired.served()[0]) == (3, 3)


@pytest.mark.parametrize(
    ("more", "most_output"),
    [({"max_tokens": 50}, 50), ({"max_tokens": 50, "n": 3}, 150), ({}, 16_384), ({"n": 2}, 32_768)],
)
def test_a_failed_request_is_bounded_by_its_content(
    wired: WiredSdk, more: dict[str, Any], most_output: int
) -> None:
    """Its bytes and its limit or that of the model, not the whole context window."""
    messages = [{"role": "user", "content": "BREAK"}]

    wired.ask(messages=messages, **more)

    (priced,) = wired.billed()
    bound = priced.exposure_nano_usd
    assert (priced.status, priced.cost_nano_usd) == (CostStatus.UNPRICED, None)
    assert bound is not None
    # At 2.50 and 10 US dollars a million; 2,048 tokens may be added by the provider.
    assert 2_500 * 2_048 < bound - most_output * 10_000 < 2_500 * (2_048 + 500)


def test_a_failed_request_whose_input_is_stored_elsewhere_has_a_wide_bound(
    wired: WiredSdk,
) -> None:
    """The request size does not bound it; the context window does."""
    body = {"model": "gpt-4o", "input": "BREAK", "previous_response_id": "resp_1"}
    httpx2.post(wired.provider.url + "/v1/responses", json=body, timeout=30)

    (priced,) = wired.billed()
    assert priced.exposure_nano_usd == 128_000 * 2_500 + 128_000 * 10_000


def test_a_failed_connection_is_not_a_call(wired: WiredSdk) -> None:
    """Nothing was sent, so there is no cost."""
    with pytest.raises(httpx2.ConnectError):
        httpx2.post("http://127.0.0.1:9/v1/chat/completions", json=QUESTION, timeout=5)

    assert wired.billed() == []


def test_a_failure_before_a_request_is_not_a_call(wired: WiredSdk) -> None:
    """An SDK that rejects its arguments, then the same call with valid ones."""
    with pytest.raises(ValueError, match="streaming"), wired.describe(OPENAI_SCOPE):
        raise ValueError("streaming is required")
    with wired.describe(OPENAI_SCOPE) as span:
        span.set_attributes(response_attributes(wired.ask().json()))

    assert wired.account() == wired.served()
    assert len(wired.billed()) == 1


def test_a_failure_of_a_provider_that_is_not_on_the_wire_is_a_call(wired: WiredSdk) -> None:
    """It may be reached over a transport that is not observed."""
    with pytest.raises(TimeoutError), wired.describe(OPENAI_SCOPE):
        raise TimeoutError

    (priced,) = wired.billed()
    assert priced.status is CostStatus.UNPRICED


def test_a_call_refused_by_a_budget_is_not_counted(wired: WiredSdk) -> None:
    """Also before any request to its provider, and next to a sent one."""

    def refuse() -> None:
        with pytest.raises(PermissionError), wired.describe(OPENAI_SCOPE) as refused:
            refused.set_attribute("otel_distro.budget.refused", True)
            raise PermissionError

    refuse()
    with wired.describe(OPENAI_SCOPE) as span:
        span.set_attributes(response_attributes(wired.ask().json()))
    refuse()

    assert wired.account() == wired.served()
    assert len(wired.billed()) == 1


def test_an_answer_from_a_framework_cache_is_not_billed(wired: WiredSdk) -> None:
    """A framework's span without a request, from a provider that is reached over the wire."""
    with wired.describe(FRAMEWORK_SCOPE) as span:
        answer = wired.ask().json()
        span.set_attributes(response_attributes(answer))
    wired.accounts.flush(60)
    with wired.describe(FRAMEWORK_SCOPE, answer):
        pass

    assert wired.account() == wired.served()
    cached = [priced for priced in wired.calls.values() if priced.billing_reason == CACHED]
    assert len(cached) == 1


def test_an_answer_from_a_cache_beside_requests_is_not_billed(wired: WiredSdk) -> None:
    """Concurrent requests of other calls are not matched to it."""
    ready, go_on = threading.Event(), threading.Event()
    with wired.describe(FRAMEWORK_SCOPE) as span:
        first = wired.ask().json()
        span.set_attributes(response_attributes(first))

    def other() -> None:
        with wired.describe(FRAMEWORK_SCOPE) as span:
            answer = wired.ask().json()
            ready.set()
            go_on.wait(30)
            span.set_attributes(response_attributes(answer))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(other)
        ready.wait(30)
        with wired.describe(FRAMEWORK_SCOPE, first | {"id": "chatcmpl-kept"}):
            pass
        go_on.set()
        running.result(30)

    assert wired.account() == wired.served()


def test_a_stream_with_usage_is_exact(wired: WiredSdk) -> None:
    """Through the provider's own client."""
    stream = client_of(wired).chat.completions.create(
        **QUESTION, stream=True, stream_options={"include_usage": True}
    )
    for _ in stream:
        pass

    assert wired.account() == wired.served()
    (priced,) = wired.billed()
    assert priced.call.streamed


def test_a_stream_without_usage_is_estimated(wired: WiredSdk) -> None:
    """With its status and its highest possible cost."""
    for _ in client_of(wired).chat.completions.create(**QUESTION, stream=True):
        pass

    (priced,) = wired.billed()
    assert priced.status is CostStatus.ESTIMATED
    assert priced.cost_nano_usd
    assert "no usage" in priced.call.usage_estimate


def test_a_stream_left_early_is_estimated_and_keeps_its_exposure(wired: WiredSdk) -> None:
    """The provider may charge for more than was read."""
    stream = client_of(wired).chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "SLOW"}],
        max_tokens=500,
        stream=True,
        stream_options={"include_usage": True},
    )
    next(iter(stream))
    stream.close()

    (priced,) = wired.billed()
    assert priced.status is CostStatus.ESTIMATED
    assert "broken off" in priced.call.usage_estimate
    assert priced.exposure_nano_usd is not None
    assert priced.exposure_nano_usd >= 500 * 10_000


@pytest.mark.parametrize("word", ["hi", "日本語" * 2_000], ids=["short", "dense"])
def test_a_broken_stream_is_never_charged_more_than_its_bound(wired: WiredSdk, word: str) -> None:
    """Neither its input nor its output: the provider charges for all of both."""
    stream = client_of(wired).chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": f"SLOW {word}"}],
        max_tokens=500,
        stream=True,
    )
    next(iter(stream))
    stream.close()

    (priced,) = wired.billed()
    assert priced.exposure_nano_usd is not None
    most_input = len(word.encode())  # no tokenizer makes more tokens than bytes
    assert priced.exposure_nano_usd >= most_input * 2_500 + 500 * 10_000


def test_a_response_that_is_never_read_to_its_end_counts_when_the_process_ends(
    wired: WiredSdk,
) -> None:
    """The exit closes open responses."""
    stream = client_of(wired).chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "SLOW"}], stream=True
    )
    next(iter(stream))
    observer.end_all()

    assert len(wired.billed()) == 1
    stream.close()


def test_a_call_has_the_scope_of_the_app(wired: WiredSdk) -> None:
    """From the app's context, and from the spans around the request."""
    with contexts.session("s-1"), contexts.tenant("acme"), budget.scope(user="u-1"):
        wired.ask()

    (priced,) = wired.billed()
    call = priced.call
    assert (call.session, call.tenant, call.user) == ("s-1", "acme", "u-1")


def test_a_call_has_the_scope_of_the_spans_around_it(wired: WiredSdk) -> None:
    """Not only the nearest one: agents name themselves further up."""
    tracer = wired.tracer_provider.get_tracer("agents")
    about = {"session.id": "s-3", "enduser.id": "u-3", "agent.name": "writer"}
    with (
        tracer.start_as_current_span("invoke_agent", attributes=about),
        tracer.start_as_current_span("step"),
    ):
        wired.ask()

    (priced,) = wired.billed()
    call = priced.call
    assert (call.session, call.user, call.agent) == ("s-3", "u-3", "writer")


def test_a_call_takes_over_the_scope_of_its_span(wired: WiredSdk) -> None:
    """Agent and session of the span that describes it."""
    more: dict[str, Any] = {"gen_ai.agent.name": "writer", "session.id": "s-2"}
    with wired.describe(OPENAI_SCOPE, **more) as span:
        span.set_attributes(response_attributes(wired.ask().json()))

    (priced,) = wired.billed()
    assert (priced.call.agent, priced.call.session) == ("writer", "s-2")


def test_requests_of_many_threads_are_as_many_calls(wired: WiredSdk) -> None:
    """With and without a span around them."""

    def work(number: int) -> None:
        if number % 2:
            wired.ask()
            return
        with wired.describe(OPENAI_SCOPE) as span:
            span.set_attributes(response_attributes(wired.ask().json()))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))

    assert wired.account() == wired.served()
    assert len(wired.spans(WIRE_SCOPE)) == 20
    assert len(wired.spans(OPENAI_SCOPE)) == 20


def test_a_request_under_a_span_of_another_kind_is_its_child(wired: WiredSdk) -> None:
    """The row names the span that was current."""
    tracer = wired.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("work") as span:
        wired.ask()

    (priced,) = wired.billed()
    assert priced.call.trace_id == span.get_span_context().trace_id
    assert priced.call.parent_span_id == span.get_span_context().span_id


def test_a_remote_parent_is_the_parent(wired: WiredSdk) -> None:
    """A request in a context that came from another process belongs to its trace."""
    remote = trace.SpanContext(7, 9, is_remote=True, trace_flags=trace.TraceFlags(1))
    token = otel_context.attach(trace.set_span_in_context(trace.NonRecordingSpan(remote)))
    try:
        wired.ask()
    finally:
        otel_context.detach(token)

    (span,) = wired.spans(WIRE_SCOPE)
    assert span.parent == remote
    assert span.context is not None
    assert span.context.trace_id == 7


def test_a_generic_tracer_span_is_not_a_call_without_a_request(
    wired: WiredSdk,
) -> None:
    """LangSmith's spans of functions of type `llm`, and those of similar libraries."""
    with wired.describe("langsmith") as span:
        span.set_attributes(response_attributes(wired.ask().json()))
    wired.billed()
    with wired.describe("langsmith"):
        pass

    assert wired.account() == wired.served()
    assert len(wired.billed()) == 1
