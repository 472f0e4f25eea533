"""The gate in aiohttp, used directly."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from otel_budget.accounts.account import State
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate
from otel_pricing import PriceBook
from otel_wire import clients
from otel_wire.observer import observer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from support.budgets import SlowProvider

GPT_4O = 6_000_000
PRICES = PriceBook()
CALL: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 300,
}
PATH = "/v1/chat/completions"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[[str], Gate]]:
    opened: list[BudgetAccounts] = []

    def make(usd: str) -> Gate:
        accounts = BudgetAccounts(tmp_path / "state")
        opened.append(accounts)
        budget = CostBudget.per_day(Decimal(usd), Action.REFUSE)
        made = Gate([budget], accounts, lambda: PRICES, patience_s=2.0)
        clients.install(aiohttp)
        observer.admission = made
        return made

    yield make
    observer.admission = None
    for accounts in opened:
        accounts.close()


def state(gate: Gate) -> State:
    account = gate.budgets["day"].account({}, gate.now_ns())
    assert account is not None
    return gate.accounts.state(account)


def run(provider: SlowProvider, use: Callable[[aiohttp.ClientSession], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with aiohttp.ClientSession(base_url=provider.url) as session:
            return await use(session)

    return asyncio.run(main())


async def _json(session: aiohttp.ClientSession) -> Any:
    async with session.post(PATH, json=CALL) as response:
        return response.status, await response.json()


async def _bytes(session: aiohttp.ClientSession) -> Any:
    async with session.request("POST", PATH, data=json.dumps(CALL)) as response:
        return response.status, json.loads(await response.read())


async def _lines(session: aiohttp.ClientSession) -> Any:
    async with session.post(PATH, json=CALL) as response:
        return response.status, json.loads(b"".join([line async for line in response.content]))


async def _chunks(session: aiohttp.ClientSession) -> Any:
    async with session.post(PATH, json=CALL) as response:
        parts = [part async for part, _ in response.content.iter_chunks()]
        return response.status, json.loads(b"".join(parts))


@pytest.mark.parametrize("use", [_json, _bytes, _lines, _chunks])
def test_a_call_is_reserved_settled_and_refused(
    gate: Callable[[str], Gate], provider: SlowProvider, use: Any
) -> None:
    """For every way of reading the response."""
    day = gate("0.012")
    answers = [run(provider, use) for _ in range(3)]

    assert [status for status, _ in answers] == [200, 200, 402]
    assert answers[2][1]["error"]["budget"] == "day"
    assert len(provider.requests) == 2
    assert state(day) == State(2 * GPT_4O, 0)


def test_a_stream_is_settled_when_it_ends(
    gate: Callable[[str], Gate], provider: SlowProvider
) -> None:
    """By the usage in its last chunk."""
    day = gate("1")

    async def stream(session: aiohttp.ClientSession) -> int:
        more = {"stream": True, "stream_options": {"include_usage": True}}
        async with session.post(PATH, json={**CALL, **more}) as response:
            return len([line async for line in response.content])

    assert run(provider, stream) > 3
    assert state(day) == State(GPT_4O, 0)


def test_an_unread_response_keeps_no_reservation(
    gate: Callable[[str], Gate], provider: SlowProvider
) -> None:
    """It is charged its highest possible cost."""
    day = gate("1")

    async def drop(session: aiohttp.ClientSession) -> None:
        (await session.post(PATH, json=CALL)).close()

    run(provider, drop)

    assert state(day).spent > 0
    assert state(day).reserved == 0


def test_a_refusal_raises_where_a_session_raises_for_errors(
    gate: Callable[[str], Gate], provider: SlowProvider
) -> None:
    """The client's own error, with the status and the model endpoint."""
    gate("0")

    async def call(session: aiohttp.ClientSession) -> None:
        await session.post(PATH, json=CALL, raise_for_status=True)

    with pytest.raises(aiohttp.ClientResponseError) as refused:
        run(provider, call)

    assert refused.value.status == 402
    assert provider.requests == []


def test_a_provider_that_cannot_be_reached_releases(gate: Callable[[str], Gate]) -> None:
    """Nothing was sent."""
    day = gate("1")

    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            await session.post("http://127.0.0.1:9" + PATH, json=CALL)

    with pytest.raises(aiohttp.ClientConnectorError):
        asyncio.run(main())

    assert state(day) == State(0, 0)


def test_other_requests_pass_untouched(gate: Callable[[str], Gate], provider: SlowProvider) -> None:
    """Even with nothing left."""
    gate("0")

    async def other(session: aiohttp.ClientSession) -> int:
        async with session.post("/v1/other", json={"x": 1}) as response:
            return response.status

    assert run(provider, other) != 402
