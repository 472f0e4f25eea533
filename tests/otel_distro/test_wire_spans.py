"""Only a request without an instrumentation's span gets one of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind, StatusCode

from otel_pricing.model.instrumentations import WIRE_SCOPE
from support.charging_provider import ChargingProvider
from support.wired_sdk import OPENAI_SCOPE, WiredSdk, response_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def provider() -> Iterator[ChargingProvider]:
    with ChargingProvider() as running:
        yield running


@pytest.fixture
def wired(provider: ChargingProvider) -> Iterator[WiredSdk]:
    sdk = WiredSdk(provider)
    yield sdk
    sdk.close()


def test_it_follows_the_conventions(wired: WiredSdk) -> None:
    """Name, kind, request, response, usage and cost."""
    answer: dict[str, Any] = wired.ask(max_tokens=300).json()

    (span,) = wired.spans()
    assert (span.name, span.kind) == ("chat gpt-4o", SpanKind.CLIENT)
    attributes = span.attributes or {}
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.max_tokens": 300,
        "gen_ai.response.model": answer["model"],
        "gen_ai.response.id": answer["id"],
        "gen_ai.usage.input_tokens": answer["usage"]["prompt_tokens"],
        "gen_ai.usage.output_tokens": answer["usage"]["completion_tokens"],
        "server.address": "127.0.0.1",
    }
    assert {key: attributes.get(key) for key in expected} == expected
    assert attributes["gen_ai.usage.cost.amount"] == pytest.approx(wired.served()[1] / 1e9)


def test_it_has_no_message_text(wired: WiredSdk) -> None:
    """No text of the user or the model, not even redacted."""
    wired.ask()

    (span,) = wired.spans()
    shown = str(dict(span.attributes or {}))
    assert "ada" not in shown
    assert "sunny" not in shown


def test_it_is_a_child_of_the_current_span(wired: WiredSdk) -> None:
    """In the same trace."""
    with wired.tracer_provider.get_tracer("app").start_as_current_span("work") as work:
        wired.ask()

    (span,) = wired.spans(WIRE_SCOPE)
    assert span.parent == work.get_span_context()


def test_a_rejected_request_is_an_error(wired: WiredSdk) -> None:
    """With its status."""
    wired.ask(messages=[{"role": "user", "content": "REFUSE"}])

    (span,) = wired.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["http.response.status_code"] == 429


def test_a_described_request_has_only_the_span_that_describes_it(wired: WiredSdk) -> None:
    """The trace shows one call."""
    with wired.describe(OPENAI_SCOPE) as described:
        described.set_attributes(response_attributes(wired.ask().json()))

    assert [span.name for span in wired.spans()] == ["chat gpt-4o"]
    assert wired.spans(WIRE_SCOPE) == []


@pytest.mark.parametrize(("sampler", "spans"), [(ALWAYS_OFF, 0), (ALWAYS_ON, 1)])
def test_the_sampler_decides_on_the_span_and_not_on_the_cost(
    provider: ChargingProvider, sampler: Any, spans: int
) -> None:
    """Costs do not depend on sampling."""
    wired = WiredSdk(provider, sampler=sampler)
    wired.ask()

    assert len(wired.spans()) == spans
    assert wired.account() == wired.served()
    wired.close()


def test_without_consent_there_is_no_span(provider: ChargingProvider) -> None:
    """The consent gate applies to our spans too."""

    class Closed:
        def is_open(self) -> bool:
            return False

        def admits(self, began_ns: int | None) -> bool:
            return False

    wired = WiredSdk(provider, gate=Closed())
    wired.ask()

    assert wired.spans() == []
    wired.close()


def test_a_model_name_with_a_secret_in_it_is_redacted(wired: WiredSdk) -> None:
    """A span of ours passes the guard like any other."""
    wired.ask(model="ada@lovelace.example")

    (span,) = wired.spans()
    assert "ada@lovelace" not in span.name + str(dict(span.attributes or {}))
