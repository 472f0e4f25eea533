"""Frameworks on top of the clients: their calls are refused without endless retries."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate
from otel_pricing import PriceBook
from otel_wire import clients
from otel_wire.observer import observer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.budgets import SlowProvider

pytestmark = pytest.mark.filterwarnings("ignore")  # they are not ours


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """Activate the gate of a budget of zero, on every thread of a framework."""
    accounts = BudgetAccounts(tmp_path / "state")
    gate = Gate([CostBudget.per_day(Decimal(0), Action.REFUSE)], accounts, PriceBook)
    for name in clients.HOOKS:
        try:
            clients.install(import_module(name))
        except ImportError:
            continue
    observer.admission = gate
    yield
    observer.admission = None
    accounts.close()


def refused(call: Any) -> Any:
    """Return the error of *call*, which is raised at once."""
    began = time.monotonic()
    with pytest.raises(Exception, match=r"402|budget") as caught:
        call()
    assert time.monotonic() - began < 10
    return caught.value


def test_langchain_with_openai(provider: SlowProvider) -> None:
    """Called, streamed and asynchronously."""
    openai = pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
    model = openai.ChatOpenAI(
        model="gpt-4o", base_url=f"{provider.url}/v1", api_key="k", max_tokens=9, max_retries=5
    )
    for call in (
        lambda: model.invoke("hi"),
        lambda: list(model.stream("hi")),
        lambda: asyncio.run(model.ainvoke("hi")),
    ):
        assert refused(call).status_code == 402

    assert provider.requests == []


def test_langchain_with_anthropic(provider: SlowProvider) -> None:
    """Called, streamed and asynchronously."""
    anthropic = pytest.importorskip(
        "langchain_anthropic", reason="langchain-anthropic is not installed"
    )
    model = anthropic.ChatAnthropic(
        model="claude-sonnet-4-5", base_url=provider.url, api_key="k", max_tokens=9, max_retries=5
    )
    for call in (
        lambda: model.invoke("hi"),
        lambda: list(model.stream("hi")),
        lambda: asyncio.run(model.ainvoke("hi")),
    ):
        assert refused(call).status_code == 402

    assert provider.requests == []


@pytest.mark.parametrize(
    ("model", "path"), [("openai/gpt-4o", "/v1"), ("anthropic/claude-sonnet-4-5", "")]
)
def test_litellm(provider: SlowProvider, model: str, path: str) -> None:
    """Called with retries, streamed and asynchronously."""
    litellm = pytest.importorskip("litellm", reason="litellm is not installed")
    arguments: Any = {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 9,
        "api_base": provider.url + path,
        "api_key": "k",
    }
    for call in (
        lambda: litellm.completion(num_retries=3, **arguments),
        lambda: list(litellm.completion(stream=True, **arguments)),
        lambda: asyncio.run(litellm.acompletion(**arguments)),
    ):
        assert refused(call).status_code == 402

    assert provider.requests == []
