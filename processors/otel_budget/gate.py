"""Budget gate: reserves the maximum cost of a model call before it is sent, or refuses the call.

A client polls an `Admission` until the call is admitted or refused. While calls in flight reserve
the amount that this one needs, it waits a short time for them to end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from otel_budget.admission import Admission
from otel_budget.estimate import Tariff
from otel_pricing import Price, Rate
from otel_wire.requests import ModelRequest, read_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.accounts.account import BudgetAccount, Crossing
    from otel_budget.admitted_call import AdmittedCall
    from otel_budget.budget_accounts import BudgetAccounts
    from otel_budget.cost_budget import CostBudget, Hide
    from otel_budget.refusal import Refusal
    from otel_budget.windows import Window
    from otel_pricing import PriceBook

PATIENCE_S = 10.0
"""Seconds that a call waits for others in flight to end before it is refused."""
MINUTE_NS = 60_000_000_000
_MOST_TARIFFS = 1000

UNREADABLE = Price(
    input=Rate(Decimal(15)), output=Rate(Decimal(75)), source="assumed for unreadable requests"
)
"""Model whose price is assumed if the request is unreadable and names none: an expensive one."""

ScopeValues = Mapping[str, str | None]


UnknownModel = Callable[[str], Price | None]
"""Returns the price to assume for a model without one; None admits the call, Refused denies it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Callbacks for events at the gate; none of these may raise."""

    crossed: Callable[[Sequence[Crossing]], None] = lambda _crossings: None
    refused: Callable[[Refusal], None] = lambda _refusal: None
    failed: Callable[[BaseException], None] = lambda _error: None
    passed: Callable[[AdmittedCall], None] = lambda _admitted: None
    is_covered: Callable[[ModelRequest], bool] = lambda _request: False
    """Whether a caller on this host has a reservation for the call; it is then admitted without
    another.
    """


class Gate:
    """Admits model calls while every hard budget has room; thread-safe."""

    def __init__(
        self,
        budgets: Sequence[CostBudget],
        accounts: BudgetAccounts,
        load_prices: Callable[[], PriceBook],
        *,
        unknown_model: UnknownModel = lambda _model: None,
        scope_values: Callable[[ModelRequest, Mapping[str, str]], ScopeValues] | None = None,
        hide: Hide = lambda _scope, value: value,
        refuse_on_fault: bool = True,
        listener: Listener | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.budgets = {budget.name: budget for budget in budgets}
        self.accounts = accounts
        self.unknown_model = unknown_model
        self.refuse_on_fault = refuse_on_fault
        self._hide = hide
        self.listener = listener or Listener()
        self.now_ns = now_ns
        self.began_ns = now_ns()
        self.patience_s = patience_s
        self._scope_values = scope_values or _by_request
        self._load_prices = load_prices
        self._prices: PriceBook | None = None
        self._tariffs: dict[object, Tariff] = {}
        self._is_for_all = all(
            budget.scope == "total" and budget.match is None for budget in budgets
        )
        self._for_all: tuple[int, int, Mapping[BudgetAccount, CostBudget]] = (0, 0, {})
        accounts.on_crossed = self.listener.crossed
        accounts.on_fault = self.listener.failed

    @property
    def prices(self) -> PriceBook:
        """The prices, loaded by the first call."""
        if self._prices is None:
            self._prices = self._load_prices()
        return self._prices

    def admission_for(
        self, host: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Admission | None:
        """Return the admission of a POST request; None when it is no model call.

        *body* is None if it is not available; the call is then treated as one of an unknown model.
        """
        request = read_request(host, path, body, headers)
        if request is None or request.is_free:
            return None
        if self.listener.is_covered(request):
            return None
        return Admission(self, request, lambda: self._scope_values(request, headers), host)

    def at_fault(self, host: str, path: str) -> Admission | None:
        """Return the refusal of a model call that could not be inspected; None admits it."""
        if not self.refuse_on_fault:
            return None
        request = read_request(host, path, None)
        if request is None:
            return None
        admission = Admission(self, request, dict, host)
        admission.refuse_unchecked()
        return admission

    def accounts_of(
        self, scope_values: Callable[[], ScopeValues], now_ns: int
    ) -> Mapping[BudgetAccount, CostBudget]:
        """Return the accounts of a call, each with its budget."""
        since_ns, until_ns, accounts = self._for_all
        if since_ns <= now_ns < until_ns:
            return accounts
        windows = [budget.calendar.window(now_ns) for budget in self.budgets.values()]
        if self._is_for_all:
            # These are the same for every call until the first window ends.
            accounts = self._accounts_in(windows, {})
            since_ns = max((window.account_ns for window in windows), default=now_ns)
            until_ns = min((window.until_ns for window in windows), default=now_ns)
            self._for_all = since_ns, until_ns, accounts
            return accounts
        return self._accounts_in(windows, scope_values())

    def _accounts_in(
        self, windows: Sequence[Window], scope_values: ScopeValues
    ) -> Mapping[BudgetAccount, CostBudget]:
        return {
            account: budget
            for budget, window in zip(self.budgets.values(), windows, strict=True)
            if (account := budget.account_in(window, scope_values, self._hide)) is not None
        }

    def tariff(self, request: ModelRequest, now_ns: int) -> Tariff | None:
        """Return the tariff of *request*; None for an unknown price that the policy allows.

        Raises Refused if the policy does not allow it.
        """
        # Some prices depend on the minute; none changes within one.
        key = (
            request.provider,
            request.model,
            request.tier,
            request.writes_cache,
            request.has_audio,
            now_ns // MINUTE_NS,
        )
        return self._tariffs.get(key) or self._find_tariff(request, now_ns, key)

    def _find_tariff(self, request: ModelRequest, now_ns: int, key: object) -> Tariff | None:
        price = self.prices.find(request.provider, request.model, at_ns=now_ns, tier=request.tier)
        if price is not None and (price.has_token_rates or price.is_free or price.usd_per_request):
            if len(self._tariffs) >= _MOST_TARIFFS:
                self._tariffs.clear()
            tariff = self._tariffs[key] = Tariff.of(price, request)
            return tariff
        assumed = self.unknown_model(request.model or "(unreadable request)")
        if assumed is None and not request.readable:
            assumed = UNREADABLE
        return None if assumed is None else Tariff.of(assumed, request)


def _by_request(request: ModelRequest, _headers: Mapping[str, str]) -> ScopeValues:
    return {"model": request.model, "provider": request.provider}
