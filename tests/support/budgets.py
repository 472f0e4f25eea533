"""Budget accounts and a provider for tests of budgets."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from otel_budget.accounts.account import BudgetAccount, Claim
from otel_budget.budget_accounts import BudgetAccounts
from otel_distro.demo.provider import FakeProvider
from otel_pricing import CostStatus, ModelCall, PricedCall, Usage

CALL_NS = 1_763_812_800_000_000_000
"""Start time of `a_call`: 2025-11-22 12:00 UTC."""
NOON_NS = 1_763_000_000_000_000_000
MakeAccounts = Callable[..., BudgetAccounts]
Locked = Callable[[], AbstractContextManager[None]]


class Clock:
    """Nanoseconds since the epoch, set by the test."""

    def __init__(self) -> None:
        self.ns = NOON_NS

    def __call__(self) -> int:
        return self.ns


class SlowProvider(FakeProvider):
    """Waits *delay* seconds before every response."""

    delay = 0.0

    def next_id(self, prefix: str) -> str:
        time.sleep(self.delay)
        return super().next_id(prefix)


def account(
    limit: int = 100, *, scope: str = "", start_ns: int = 0, name: str = "day"
) -> BudgetAccount:
    return BudgetAccount(name, scope, start_ns, start_ns, limit)


def claim(amount: int, of: BudgetAccount | None = None, *, least: int | None = None) -> Claim:
    return Claim(of or account(), amount, amount if least is None else least, amount)


def a_call(number: int = 1, **more: Any) -> PricedCall:
    """Return a call of ten tokens that cost 100 nano-dollars; *more* are fields of ModelCall."""
    call = ModelCall(
        trace_id=number,
        span_id=number,
        start_ns=CALL_NS,
        end_ns=CALL_NS + 1,
        scope="s",
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        usage=Usage(input_tokens=7, output_tokens=3),
        **more,
    )
    return PricedCall(call=call, status=CostStatus.PRICED, cost_nano_usd=100)


def kill(accounts: BudgetAccounts) -> None:
    """Leave *accounts* as `kill -9` would: no further writes, and the lock is released."""
    accounts._flusher.stop()
    allocator, accounts._allocator = accounts._allocator, None
    if allocator is not None:
        allocator.owner.abandon()
    accounts.store.close()
