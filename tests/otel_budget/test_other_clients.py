"""The gate in urllib3, and so in requests; a call passes it once, also in stacked clients."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3

from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate
from otel_pricing import PriceBook
from otel_wire import clients
from otel_wire.observer import observer, sending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.budgets import SlowProvider

PRICES = PriceBook()
BODY: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 300,
}
CALL_NANO_USD = 6_000_000


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[[str], Gate]]:
    opened: list[BudgetAccounts] = []

    def make(usd: str) -> Gate:
        opened.append(BudgetAccounts(tmp_path / "state"))
        budget = CostBudget.per_day(Decimal(usd), Action.REFUSE)
        made = Gate([budget], opened[-1], lambda: PRICES)
        clients.install(urllib3)
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


def test_requests_is_reserved_settled_and_refused(
    gate: Callable[[str], Gate], provider: SlowProvider
) -> None:
    """Its own error for 402."""
    day = gate("0.012")
    url = f"{provider.url}/v1/chat/completions"
    answers = [requests.post(url, json=BODY, timeout=5) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 402]
    assert answers[0].json()["usage"]["prompt_tokens"] == 1200
    assert answers[2].json()["error"]["budget"] == "day"
    with pytest.raises(requests.HTTPError, match="402"):
        answers[2].raise_for_status()
    assert len(provider.requests) == 2
    assert spent(day) == (2 * CALL_NANO_USD, 0)


def test_a_stream_through_requests_is_settled_when_it_ends(
    gate: Callable[[str], Gate], provider: SlowProvider
) -> None:
    """Line by line."""
    day = gate("1")
    with requests.post(
        f"{provider.url}/v1/chat/completions",
        json={**BODY, "stream": True},
        stream=True,
        timeout=5,
    ) as answer:
        lines = list(answer.iter_lines())

    assert lines[-2] == b"data: [DONE]"
    assert spent(day) == (CALL_NANO_USD, 0)


def test_urllib3_itself_is_settled(gate: Callable[[str], Gate], provider: SlowProvider) -> None:
    """Read at once, as it does by default."""
    day = gate("1")
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", f"{provider.url}/v1/chat/completions", json=BODY)

    assert answer.status == 200
    assert spent(day) == (CALL_NANO_USD, 0)


def test_a_dropped_unread_response_keeps_no_reservation(
    gate: Callable[[str], Gate], provider: SlowProvider
) -> None:
    """It is settled when it is collected, if not before."""
    day = gate("1")
    answer = requests.post(f"{provider.url}/v1/chat/completions", json=BODY, stream=True, timeout=5)
    answer.close()
    del answer

    total, reserved = spent(day)
    assert total > 0
    assert reserved == 0


def test_a_call_that_passed_the_gate_is_not_reserved_again(
    gate: Callable[[str], Gate], provider: SlowProvider
) -> None:
    """As when one client is the transport of another."""
    day = gate("0")
    with sending():
        answer = requests.post(f"{provider.url}/v1/chat/completions", json=BODY, timeout=5)

    assert answer.status_code == 200
    assert spent(day) == (0, 0)
