"""The shipped files with defaults: for a first user, and with many programs at once."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from stack.running import Stack, eventually, post_json

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.process]

SENDERS = 8
REQUESTS = 400
SPANS_A_REQUEST = 5
NANO_USD = 1_234_567


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.prepare()
    yield stack
    stack.stop()


def _call(**attributes: dict[str, Any]) -> dict[str, Any]:
    now = time.time_ns()
    pairs = {"gen_ai.request.model": {"stringValue": "m"}, **attributes}
    return {
        "traceId": secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": "chat m",
        "kind": 3,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 5_000_000),
        "attributes": [{"key": key, "value": value} for key, value in pairs.items()],
    }


def _request(spans: list[dict[str, Any]]) -> dict[str, Any]:
    name = {"key": "service.name", "value": {"stringValue": "shop"}}
    return {
        "resourceSpans": [{"resource": {"attributes": [name]}, "scopeSpans": [{"spans": spans}]}]
    }


@pytest.mark.slow
def test_the_first_traces_are_all_kept(stack: Stack) -> None:
    """Sampling is on, but a first trial of the stack keeps every trace."""
    stack.prometheus().start()
    stack.jaeger().start()
    stack.collector().start()

    status = post_json(f"{stack.otlp}/v1/traces", _request([_call() for _ in range(10)]))

    assert status == 200
    assert eventually(lambda: len(stack.traces("shop")) == 10, timeout=30)


@pytest.mark.slow
def test_sums_over_spans_are_exact_with_many_senders_at_once(stack: Stack) -> None:
    """8 senders, 400 requests of 5 calls at 1,234,567 nano-dollars: 2,469,134,000 in all."""
    stack.prometheus().start()
    stack.collector(OTELCOL_STORE_PROCESSORS="[]").start()
    cost = {"otel_distro.cost.nano_usd": {"intValue": str(NANO_USD)}}

    def send(_number: int) -> int:
        spans = [_call(**cost) for _ in range(SPANS_A_REQUEST)]
        return post_json(f"{stack.otlp}/v1/traces", _request(spans))

    with ThreadPoolExecutor(SENDERS) as pool:
        statuses = list(pool.map(send, range(REQUESTS)))

    def counted() -> float:
        return stack.value("sum(otel_distro_span_cost_total)")

    assert set(statuses) == {200}
    expected = REQUESTS * SPANS_A_REQUEST * NANO_USD
    assert eventually(lambda: counted() == expected, timeout=20), (counted(), expected)
    calls = "sum(traces_span_metrics_calls_total)"
    assert eventually(lambda: stack.value(calls) == REQUESTS * SPANS_A_REQUEST, timeout=20)


def test_costs_of_other_programs_are_completed_to_nano_dollars(stack: Stack) -> None:
    """0.1 and 0.000000001 dollars as doubles are 100,000,001 nano-dollars."""
    stack.prometheus().start()
    stack.collector().start()
    spans = [_call(**{"gen_ai.usage.cost.amount": {"doubleValue": usd}}) for usd in (0.1, 1e-9)]

    post_json(f"{stack.otlp}/v1/traces", _request(spans))

    assert eventually(
        lambda: stack.value("sum(otel_distro_span_cost_total)") == 100_000_001, timeout=20
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "input_tokens"),
    [
        pytest.param("llm.model_name", "llm.token_count.prompt", id="OpenInference"),
        pytest.param("gen_ai.request.model", "gen_ai.usage.prompt_tokens", id="OpenLLMetry"),
    ],
)
def test_tokens_in_other_dialects_are_counted(stack: Stack, model: str, input_tokens: str) -> None:
    """Programs in other languages and with other instrumentors are on the same dashboards."""
    stack.prometheus().start()
    stack.collector().start()
    span = _call(**{input_tokens: {"intValue": "42"}})
    span["attributes"] = [a for a in span["attributes"] if a["key"] != "gen_ai.request.model"]
    span["attributes"].append({"key": model, "value": {"stringValue": "other-model"}})

    post_json(f"{stack.otlp}/v1/traces", _request([span]))

    query = 'sum(otel_distro_span_input_tokens_total{gen_ai_request_model="other-model"})'
    assert eventually(lambda: stack.value(query) == 42, timeout=20)
