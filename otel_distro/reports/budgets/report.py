"""State of budgets: spent, reserved, remaining, burn rate and forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_budget.windows import HOUR_NS, WindowKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otel_budget.accounts.account import State
    from otel_budget.budget_accounts import BudgetAccounts
    from otel_budget.cost_budget import CostBudget
    from otel_budget.windows import Window


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One budget for one scope value; amounts are in the budget's unit."""

    budget: CostBudget
    scope: str
    spent: int
    reserved: int
    since_ns: int
    until_ns: int
    now_ns: int

    @property
    def left(self) -> int:
        """The remaining amount; never negative."""
        return max(0, self.budget.limit - self.spent - self.reserved)

    @property
    def per_hour(self) -> int:
        """Spending per hour so far in this window."""
        elapsed = max(self.now_ns - self.since_ns, 60_000_000_000)
        return self.spent * HOUR_NS // elapsed

    @property
    def runs_out_ns(self) -> int | None:
        """Time of exhaustion at the current rate; None if the window ends before."""
        if self.left == 0:
            return self.now_ns
        if not self.per_hour:
            return None
        at = self.now_ns + self.left * HOUR_NS // self.per_hour
        rolls = self.budget.calendar.kind is WindowKind.ROLLING
        return at if rolls or at < self.until_ns else None


def lines(
    budgets: Sequence[CostBudget], accounts: BudgetAccounts, now_ns: int
) -> Iterator[BudgetLine]:
    """Yield the state of each budget for each scope value in the current window."""
    for budget in budgets:
        window = budget.calendar.window(now_ns)
        scopes = accounts.scopes(budget.name, window.since_ns)
        if budget.scope == "total" and not scopes:
            scopes = [""]
        for scope in scopes:
            yield _line(budget, scope, accounts, window, now_ns)


def _line(
    budget: CostBudget, scope: str, accounts: BudgetAccounts, window: Window, now_ns: int
) -> BudgetLine:
    account = budget.account_of(scope, now_ns)
    state: State = accounts.state(account)
    return BudgetLine(
        budget, scope, state.spent, state.reserved, window.since_ns, window.until_ns, now_ns
    )
