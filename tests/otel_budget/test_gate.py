"""The gate in real clients: reserve, settle, refuse without a request to the provider."""

from __future__ import annotations

import asyncio
import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import openai
import pytest

from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate, Listener
from otel_budget.refusal import Refusal, Refused
from otel_pricing import Price, PriceBook, Rate
from otel_wire import clients
from otel_wire import observer as observer_module
from otel_wire.observer import observer
from support.budgets import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.budgets import SlowProvider

PRICES = PriceBook()
HELLO: list[Any] = [{"role": "user", "content": "hi"}]
GPT_4O = 6_000_000
"""1200 x 2.50 + 300 x 10 micro-dollars, for any request to the fake provider."""

Make = Any


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[..., Gate]]:
    """Make the gate of a budget in US dollars, active until the test ends."""
    opened: list[BudgetAccounts] = []

    def make(usd: str, **options: Any) -> Gate:
        accounts = BudgetAccounts(tmp_path / "state")
        opened.append(accounts)
        budget = CostBudget.per_day(Decimal(usd), Action.REFUSE)
        options = {"patience_s": 2.0, **options}
        made = Gate([budget], accounts, lambda: PRICES, **options)
        clients.install(httpx2)
        observer.admission = made
        return made

    yield make
    observer.admission = None
    for accounts in opened:
        accounts.close()


def spent(gate: Gate) -> tuple[int, int]:
    account = gate.budgets["day"].account({}, gate.now_ns())
    assert account is not None
    state = gate.accounts.state(account)
    return state.spent, state.reserved


def client(provider: SlowProvider, **options: Any) -> openai.OpenAI:
    made = openai.OpenAI(base_url=f"{provider.url}/v1", api_key="sk-x", **options)
    _clients.append(made)
    return made


_clients: list[openai.OpenAI] = []


@pytest.fixture(autouse=True)
def _closed_clients() -> Iterator[None]:
    """The garbage collector would report an open one in the middle of another test."""
    yield
    while _clients:
        _clients.pop().close()


def test_a_call_is_settled_with_what_it_cost(gate: Make, provider: SlowProvider) -> None:
    """To the nano-dollar, at once."""
    day = gate("1")
    client(provider).chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=300)

    assert spent(day) == (GPT_4O, 0)


def test_an_embedding_is_settled_though_it_reports_no_output(
    gate: Make, provider: SlowProvider
) -> None:
    """42 tokens at 0.02: 840 nano-dollars each; eleven fit into 10,000."""
    day = gate("0.00001")
    embeddings = client(provider).embeddings
    with pytest.raises(openai.APIStatusError):
        while True:
            embeddings.create(model="text-embedding-3-small", input="hi")

    assert len(provider.requests) == 11
    assert spent(day) == (11 * 840, 0)


def test_the_last_affordable_call_goes_through_and_the_next_does_not(
    gate: Make, provider: SlowProvider
) -> None:
    """Ten calls at 0.006 fit into 0.06."""
    gate("0.06")
    chat = client(provider).chat.completions
    for _ in range(10):
        chat.create(model="gpt-4o", messages=HELLO, max_tokens=300)

    with pytest.raises(openai.APIStatusError) as refused:
        chat.create(model="gpt-4o", messages=HELLO, max_tokens=300)

    assert refused.value.status_code == 402
    assert len(provider.requests) == 10


def test_the_refusal_names_budget_amount_and_reset_time(gate: Make, provider: SlowProvider) -> None:
    """A person reads the message, a program the fields."""
    gate("0.000001")
    with pytest.raises(openai.APIStatusError) as refused:
        client(provider).chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=9)

    body: Any = refused.value.body
    assert body["budget"] == "day"
    assert body["limit"] == "0.000001"
    assert body["spent"] == "0"
    assert body["resets_at"].endswith("T00:00:00Z")
    assert "budget 'day' has no room for this call" in body["message"]


def _parse(c: openai.OpenAI) -> None:
    c.chat.completions.parse(model="gpt-4o", messages=HELLO, max_tokens=300)


OPENAI_SHAPES: dict[str, Callable[[openai.OpenAI], object]] = {
    "create": lambda c: c.chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=300),
    "parse": _parse,
    "stream": lambda c: c.chat.completions.create(
        model="gpt-4o", messages=HELLO, max_tokens=300, stream=True
    ),
    "stream helper": lambda c: c.chat.completions.stream(
        model="gpt-4o", messages=HELLO, max_tokens=300
    ).__enter__(),
    "raw": lambda c: c.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=HELLO, max_tokens=300
    ),
    "streaming response": lambda c: c.chat.completions.with_streaming_response.create(
        model="gpt-4o", messages=HELLO, max_tokens=300
    ).__enter__(),
    "responses": lambda c: c.responses.create(model="gpt-4o", input="hi", max_output_tokens=300),
    "embeddings": lambda c: c.embeddings.create(model="text-embedding-3-small", input="hi"),
}


@pytest.mark.parametrize("shape", OPENAI_SHAPES)
def test_every_shape_of_openai_is_refused(gate: Make, provider: SlowProvider, shape: str) -> None:
    """By the client's own error, without a retry (eight take 24 s), without a request."""
    gate("0")
    began = time.monotonic()
    with pytest.raises(openai.APIStatusError) as refused:
        OPENAI_SHAPES[shape](client(provider, max_retries=8))

    assert refused.value.status_code == 402
    assert provider.requests == []
    assert time.monotonic() - began < 20


ANTHROPIC_SHAPES: dict[str, Callable[[anthropic.Anthropic], object]] = {
    "create": lambda c: c.messages.create(
        model="claude-sonnet-4-5", messages=HELLO, max_tokens=300
    ),
    "stream": lambda c: c.messages.create(
        model="claude-sonnet-4-5", messages=HELLO, max_tokens=300, stream=True
    ),
    "stream helper": lambda c: c.messages.stream(
        model="claude-sonnet-4-5", messages=HELLO, max_tokens=300
    ).__enter__(),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("shape", ANTHROPIC_SHAPES)
def test_every_shape_of_anthropic_is_refused(
    gate: Make, provider: SlowProvider, shape: str
) -> None:
    """Which has an error class of its own for 402."""
    gate("0")
    with pytest.raises(anthropic.APIStatusError) as refused:
        ANTHROPIC_SHAPES[shape](
            anthropic.Anthropic(base_url=provider.url, api_key="k", max_retries=5)
        )

    assert refused.value.status_code == 402
    assert provider.requests == []


def test_asynchronous_clients_are_reserved_settled_and_refused(
    gate: Make, provider: SlowProvider
) -> None:
    """Twenty at once against room for five."""
    day = gate("0.03", patience_s=20)

    async def main() -> list[object]:
        async with openai.AsyncOpenAI(base_url=f"{provider.url}/v1", api_key="sk-x") as c:
            return await asyncio.gather(
                *(
                    c.chat.completions.create(model="gpt-4o", messages=HELLO, max_tokens=300)
                    for _ in range(20)
                ),
                return_exceptions=True,
            )

    results = asyncio.run(main())

    assert sum(isinstance(result, openai.APIStatusError) for result in results) == 15
    assert len(provider.requests) == 5
    assert spent(day) == (5 * GPT_4O, 0)


def test_a_stream_is_settled_by_its_last_chunk(gate: Make, provider: SlowProvider) -> None:
    """The usage of the whole call."""
    day = gate("1")
    stream = client(provider).chat.completions.create(
        model="gpt-4o", messages=HELLO, max_tokens=300, stream=True
    )
    assert spent(day)[1] > 0

    for _ in stream:
        pass

    assert spent(day) == (GPT_4O, 0)


def test_an_abandoned_stream_is_settled_at_what_was_received(gate: Make) -> None:
    """Its input and the two received chunks, although the whole would have cost 0.006."""
    day = gate("1")

    def chunks() -> Iterator[bytes]:
        yield from [b'data: {"choices": []}\n\n'] * 2
        yield b'data: {"usage": {"prompt_tokens": 1200, "completion_tokens": 300}}\n\n'

    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, content=chunks()))
    body = {"model": "gpt-4o", "messages": HELLO, "max_tokens": 300, "stream": True}
    with (
        httpx2.Client(transport=transport) as http,
        http.stream("POST", "https://proxy.example/v1/chat/completions", json=body) as response,
    ):
        received = response.iter_raw()
        next(received)
        next(received)
        assert spent(day)[1] > 0

    size = len(response.request.content)
    assert spent(day) == (size // 4 * 2_500 + 2 * 10_000, 0)


def test_an_error_of_the_provider_releases(gate: Make, provider: SlowProvider) -> None:
    """It costs nothing in any number of attempts."""
    day = gate("1")
    with pytest.raises(openai.RateLimitError):
        client(provider, max_retries=0).chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Too many requests"}]
        )

    assert spent(day) == (0, 0)


def test_a_provider_that_cannot_be_reached_releases(gate: Make) -> None:
    """Nothing was sent."""
    day = gate("1")
    with pytest.raises(openai.APIConnectionError):
        openai.OpenAI(
            base_url="http://127.0.0.1:1/v1", api_key="sk-x", max_retries=0
        ).chat.completions.create(model="gpt-4o", messages=HELLO)

    assert spent(day) == (0, 0)


def test_a_call_that_timed_out_counts_as_it_likely_cost(gate: Make, provider: SlowProvider) -> None:
    """The provider has received it, and may have processed it."""
    day = gate("1")
    provider.delay = 0.6
    with pytest.raises(openai.APITimeoutError):
        client(provider, max_retries=0, timeout=0.2).chat.completions.create(
            model="gpt-4o", messages=HELLO, max_tokens=300
        )

    total, reserved = spent(day)
    assert total >= 3_000_000  # 300 x 10
    assert reserved == 0


def test_waiting_for_a_call_on_its_way_beats_refusing(gate: Make, provider: SlowProvider) -> None:
    """Room for two; while the first, of unknown size, reserves all, the second waits."""
    day = gate("0.012", patience_s=10)
    provider.delay = 0.3
    chat = client(provider).chat.completions

    def call() -> None:
        chat.create(model="gpt-4o", messages=HELLO, max_tokens=300)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert spent(day) == (2 * GPT_4O, 0)


def test_a_request_without_a_limit_is_let_through_alone(gate: Make, provider: SlowProvider) -> None:
    """Its output is not bounded, so the first of its kind has the budget to itself."""
    day = gate("0.06")
    chat = client(provider).chat.completions
    for _ in range(10):
        chat.create(model="gpt-4o", messages=HELLO)
    with pytest.raises(openai.APIStatusError):
        chat.create(model="gpt-4o", messages=HELLO)

    assert spent(day) == (10 * GPT_4O, 0)


def test_a_new_day_begins_with_a_full_budget(gate: Make, provider: SlowProvider) -> None:
    """The window is part of the account, so that no reset is needed and no race is possible."""
    clock = Clock()
    gate("0.012", now_ns=clock)
    chat = client(provider).chat.completions
    for _ in range(2):
        chat.create(model="gpt-4o", messages=HELLO, max_tokens=300)
    with pytest.raises(openai.APIStatusError):
        chat.create(model="gpt-4o", messages=HELLO, max_tokens=300)

    clock.ns += 86_400_000_000_000
    chat.create(model="gpt-4o", messages=HELLO, max_tokens=300)

    assert len(provider.requests) == 3


def test_other_requests_pass_untouched(gate: Make, provider: SlowProvider) -> None:
    """A model's path with another method, and another path."""
    gate("0")
    with httpx2.Client() as http:
        statuses = [
            http.get(f"{provider.url}/v1/chat/completions").status_code,
            http.post(f"{provider.url}/orders", json={"model": "x", "messages": []}).status_code,
            http.post(f"{provider.url}/responses", json={"text": "hello"}).status_code,
        ]

    assert 402 not in statuses


def test_an_unreadable_model_call_is_reserved_as_an_unknown_one(
    gate: Make, provider: SlowProvider
) -> None:
    """Never admitted at zero."""
    gate("0")
    with httpx2.Client() as http:
        found = http.post(f"{provider.url}/v1/responses", content=b"not json")

    assert found.status_code == 402
    assert provider.requests == []


def test_a_response_that_is_never_closed_releases_its_reservation(
    gate: Make, provider: SlowProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while it is charged its highest possible cost; if read later, the actual one."""
    day = gate("1")
    monkeypatch.setattr(observer_module, "EXPIRY_S", 0)
    with httpx2.Client() as http:
        body = {"model": "gpt-4o", "messages": HELLO, "max_tokens": 300}
        request = http.build_request("POST", f"{provider.url}/v1/chat/completions", json=body)
        response = http.send(request, stream=True)
        assert spent(day)[1] > 0

        observer._expire()
        most, reserved = spent(day)
        assert most > 3_000_000
        assert reserved == 0

        response.read()
        assert spent(day) == (GPT_4O, 0)


def test_a_model_without_a_price_is_admitted_and_reported(
    gate: Make, provider: SlowProvider
) -> None:
    """By default; its cost is unknown."""
    asked: list[str] = []

    def unknown(model: str) -> None:
        asked.append(model)

    gate("0.06", unknown_model=unknown)
    client(provider).chat.completions.create(model="our-own", messages=HELLO)

    assert asked == ["our-own"]
    assert len(provider.requests) == 1


def test_a_model_without_a_price_can_be_denied(gate: Make, provider: SlowProvider) -> None:
    """If the settings say so."""

    def unknown(model: str) -> None:
        raise Refused(Refusal("no price", model))

    gate("0.06", unknown_model=unknown)
    with pytest.raises(openai.APIStatusError):
        client(provider).chat.completions.create(model="our-own", messages=HELLO)

    assert provider.requests == []


def test_a_price_can_be_assumed(gate: Make, provider: SlowProvider) -> None:
    """(1200 + 300) x 20 micro-dollars."""
    rate = Rate(Decimal(20))
    day = gate("1", unknown_model=lambda _model: Price(input=rate, output=rate))
    client(provider).chat.completions.create(model="our-own", messages=HELLO, max_tokens=300)

    assert spent(day) == (30_000_000, 0)


@pytest.mark.parametrize(("refuse", "reached"), [(True, 0), (False, 1)])
def test_with_unusable_accounts_the_policy_decides(
    gate: Make, provider: SlowProvider, tmp_path: Path, refuse: bool, reached: int
) -> None:
    """Refused or allowed, as configured; never an error of ours."""
    errors: list[BaseException] = []
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "budget.db").mkdir()
    gate("1", refuse_on_fault=refuse, listener=Listener(failed=errors.append))
    try:
        client(provider).chat.completions.create(model="gpt-4o", messages=HELLO)
    except openai.APIStatusError as error:
        assert error.status_code == 402  # noqa: PT017 - only where it is refused
        assert "OTEL_DISTRO_BUDGET_ON_FAULT" in str(error)  # noqa: PT017

    assert len(provider.requests) == reached
    assert errors


def test_a_client_with_a_custom_transport_is_gated_too(gate: Make) -> None:
    """The gate runs before the transport."""
    day = gate("0.06")
    answer = {"model": "gpt-4o", "usage": {"prompt_tokens": 1200, "completion_tokens": 300}}
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json=answer))
    with httpx2.Client(transport=transport) as http:
        body = {"model": "gpt-4o", "messages": HELLO, "max_tokens": 300}
        http.post("https://proxy.example/llm/chat/completions", json=body)

    assert spent(day) == (GPT_4O, 0)


def test_a_compressed_answer_is_read(gate: Make) -> None:
    """Streamed as well."""
    import gzip

    day = gate("0.06")
    chunk = b'data: {"usage": {"prompt_tokens": 1200, "completion_tokens": 300}}\n\n'
    headers = {"content-encoding": "gzip"}
    transport = httpx2.MockTransport(
        lambda _request: httpx2.Response(200, headers=headers, content=gzip.compress(chunk))
    )
    body = {"model": "gpt-4o", "messages": HELLO, "max_tokens": 300, "stream": True}
    with (
        httpx2.Client(transport=transport) as http,
        http.stream("POST", "https://proxy.example/v1/chat/completions", json=body) as response,
    ):
        assert b"usage" in response.read()

    assert spent(day) == (GPT_4O, 0)


@pytest.mark.parametrize("refuse", [True, False])
def test_an_error_of_ours_before_the_gate_is_decided_by_the_policy_for_faults(
    gate: Make, provider: SlowProvider, monkeypatch: pytest.MonkeyPatch, refuse: bool
) -> None:
    """Refused, or sent as if there were no budget; reported in both cases."""
    day = gate("1", refuse_on_fault=refuse)
    faults: list[BaseException] = []
    monkeypatch.setattr(observer, "on_fault", faults.append)

    def broken(*_arguments: Any) -> Any:
        raise RuntimeError("ours")

    monkeypatch.setattr(day, "admission_for", broken)
    response = httpx2.post(
        f"{provider.url}/v1/chat/completions",
        json={"model": "gpt-4o", "messages": HELLO, "max_tokens": 300},
    )
    other = httpx2.post(f"{provider.url}/v1/things", json={"messages": HELLO})

    assert (response.status_code == 402) is refuse
    assert other.status_code != 402
    assert [str(fault) for fault in faults] == ["ours"]
    assert spent(day) == (0, 0)
