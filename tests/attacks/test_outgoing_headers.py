"""Baggage and trace state in request headers, by destination."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_distro.pipeline import context_propagation
from otel_distro.pipeline.context_propagation import AllowedPropagator
from otel_redaction import Redactor

INCOMING = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "ot=th:8;rv:0af7651916cd43,vendor=ada@lovelace.example,plain=abc",
    "baggage": "user_email=ada@lovelace.example,customer_card=4111111111111111,"
    "user_name=Ada,region=eu,tenant.id=acme",
}
PERSONAL = ("ada", "4111", "Ada", "acme")
W3C = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])

MODEL_URLS = (
    "https://api.openai.com/v1/chat/completions",
    "https://api.openai.com/v1/files",
    "https://api.anthropic.com/v1/messages",
    "https://gateway.shop.example/v1/chat/completions",
    "http://127.0.0.1:4000/v1/responses",
    "http://litellm:4000/v1/embeddings/",
    "https://eu-west-1.bedrock-runtime.example/model/anthropic.claude/invoke",
    "https://bedrock-runtime.eu-west-1.amazonaws.com/model/x/converse",
    "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5:generateContent",
)
OWN_URLS = (
    "http://127.0.0.1:8000/orders",
    "http://[::1]:8000/orders",
    "http://10.1.2.3/orders",
    "http://orders/1",
    "http://orders.default.svc.cluster.local:80/1",
    "https://orders.internal/1",
    "https://api.shop.example/orders",
    "https://eu.shops.example/orders",
)
OTHER_URLS = (
    "https://api.stripe.com/v1/charges",
    "https://8.8.8.8/x",
    "https://shop.example.org/x",
)


def attributes_of_a_request(url: str, convention: str) -> dict[str, Any]:
    """Attributes of the client span of a POST, as instrumentations of each generation set them."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    name = host if host.startswith("[") and host.endswith("]") else host.rpartition(":")[0] or host
    return {
        "stable": {"http.request.method": "POST", "url.full": url, "server.address": name},
        "old": {"http.method": "POST", "http.url": url},
        "parts": {
            "http.request.method": "POST",
            "server.address": name,
            "url.path": slash + path,
            "url.scheme": scheme,
        },
        "old parts": {"http.method": "POST", "http.host": host, "http.target": slash + path},
    }[convention]


CONVENTIONS = ("stable", "old", "parts", "old parts")
PROVIDER = TracerProvider(shutdown_on_exit=False)


def propagator(*, allowed: tuple[str, ...] = ()) -> AllowedPropagator:
    return AllowedPropagator(
        W3C,
        allowed,
        lambda: True,
        own_hosts=("api.shop.example", ".shops.example"),
        clean=Redactor().text,
    )


def sent(
    attributes: dict[str, Any] | None,
    headers: dict[str, str] | None = None,
    *,
    allowed: tuple[str, ...] = (),
    provider: TracerProvider = PROVIDER,
) -> dict[str, str]:
    """Return the headers of a request made by a service that received `INCOMING`."""
    rules = propagator(allowed=allowed)
    context = rules.extract(INCOMING, Context())
    if attributes is not None:
        tracer = provider.get_tracer("http")
        span = tracer.start_span("POST", context, SpanKind.CLIENT, attributes)
        context = trace.set_span_in_context(span, context)
    carrier = dict(headers or {})
    rules.inject(carrier, context)
    return {
        name: carrier[name] for name in ("traceparent", "tracestate", "baggage") if name in carrier
    }


@pytest.mark.parametrize(("url", "convention"), list(product(MODEL_URLS, CONVENTIONS)))
def test_a_model_endpoint_gets_the_trace_and_nothing_else(url: str, convention: str) -> None:
    """By its path or its host, on loopback too; allowed keys are not sent either."""
    headers = sent(attributes_of_a_request(url, convention), allowed=("tenant.id",))

    assert list(headers) == ["traceparent"]


@pytest.mark.parametrize(("url", "convention"), list(product(OWN_URLS, CONVENTIONS)))
def test_a_host_of_the_app_gets_the_received_headers(url: str, convention: str) -> None:
    """Listed, in a private network, or on this machine; our keys only if allowed."""
    headers = sent(attributes_of_a_request(url, convention))

    assert "user_name=Ada" in headers["baggage"]
    assert "tenant.id" not in headers["baggage"]
    assert "vendor=ada@lovelace.example" in headers["tracestate"]


@pytest.mark.parametrize(("url", "convention"), list(product(OTHER_URLS, CONVENTIONS)))
def test_any_other_host_gets_no_baggage(url: str, convention: str) -> None:
    """Of the trace state only what sampling needs."""
    headers = sent(attributes_of_a_request(url, convention))

    assert headers.keys() == {"traceparent", "tracestate"}
    assert headers["tracestate"] == "ot=th:8;rv:0af7651916cd43"
    assert sent(attributes_of_a_request(url, convention), allowed=("tenant.id",))["baggage"] == (
        "tenant.id=acme"
    )


def test_without_a_known_host_only_entries_without_findings_are_sent() -> None:
    """A message queue, for example."""
    headers = sent({"messaging.system": "kafka"})

    assert headers["baggage"] == "user_name=Ada,region=eu"
    assert headers["tracestate"] == "ot=th:8;rv:0af7651916cd43,plain=abc"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "api.openai.com"},
        {"Host": "api.openai.com:443"},
        {"x-stainless-lang": "python"},
        {"anthropic-version": "2023-06-01"},
        {"X-Goog-Api-Key": "k"},
    ],
)
@pytest.mark.parametrize("sampled", [True, False])
def test_headers_of_a_model_client_identify_an_endpoint(
    headers: dict[str, str], sampled: bool
) -> None:
    """If the span has no URL or is not recorded."""
    provider = PROVIDER if sampled else TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)

    assert list(sent({}, headers, provider=provider)) == ["traceparent"]


def test_a_span_of_a_model_call_is_a_model_endpoint() -> None:
    """A client without an instrumented HTTP library, such as one over gRPC."""
    assert list(sent({"gen_ai.operation.name": "chat"})) == ["traceparent"]


def test_after_a_failure_neither_baggage_nor_trace_state_is_sent(monkeypatch: Any) -> None:
    """The request is still sent."""

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(context_propagation, "destination_of", broken)

    assert list(sent(attributes_of_a_request(OWN_URLS[0], "stable"))) == ["traceparent"]


def test_a_propagator_that_the_app_sets_later_is_filtered_too(monkeypatch: Any) -> None:
    """It replaces the global propagator, not the rules."""
    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", W3C)
    monkeypatch.setattr(propagate, "set_global_textmap", propagate.set_global_textmap)
    context_propagation.install((), lambda: True)
    propagate.set_global_textmap(W3CBaggagePropagator())
    carrier: dict[str, str] = {"host": "api.openai.com"}
    propagate.inject(carrier, baggage.set_baggage("user_name", "Ada"))

    assert "baggage" not in carrier


@pytest.mark.parametrize("url", ["http://[", "https://", "::", "x" * 10_000, "http://h\x00st/"])
def test_an_invalid_url_sends_no_personal_data(url: str) -> None:
    """With any attribute of an instrumentation."""
    headers = sent({"url.full": url, "http.request.method": "POST"})

    assert not any(word in "".join(headers.values()) for word in ("ada@", "4111", "acme"))
