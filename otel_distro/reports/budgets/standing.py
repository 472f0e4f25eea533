"""State of budgets, read without writing or locking."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from otel_budget.cost_budget import PERSONAL_SCOPES, CostBudget, Unit
from otel_budget.inspection import reading_accounts
from otel_distro.base import formatting as figures
from otel_distro.pipeline.budgets.spending_in_ledger import spent_by_ledger
from otel_distro.reports.budgets.report import BudgetLine

if TYPE_CHECKING:
    from otel_distro.settings import Settings

_MOST_SCOPES: Final = 500


def budget_lines(settings: Settings, now_ns: int) -> list[BudgetLine]:
    """Return the state of each budget and scope value, the least remaining first.

    Raises `sqlite3.Error` when the budget file cannot be read.
    """
    if not settings.cost_budgets:
        return []
    lines = []
    with reading_accounts(settings.state_dir) as accounts:
        for budget in settings.cost_budgets:
            window = budget.calendar.window(now_ns)
            scopes = accounts.scopes(budget.name, window.since_ns)[:_MOST_SCOPES]
            for scope in scopes or _sure_scopes(budget):
                account = budget.account_of(scope, now_ns)
                state = accounts.state(account)
                spent = spent_by_ledger(settings, budget, account) if state is None else state.spent
                reserved = 0 if state is None else state.reserved
                lines.append(
                    BudgetLine(
                        budget, scope, spent, reserved, window.since_ns, window.until_ns, now_ns
                    )
                )
    return sorted(lines, key=lambda line: (line.left / (line.budget.limit or 1), line.budget.name))


def _sure_scopes(budget: CostBudget) -> list[str]:
    """Return the scope values of a budget without any calls."""
    if budget.scope == "total":
        return [""]
    if budget.match is None or budget.scope in PERSONAL_SCOPES:
        return []
    return [budget.match]


def budget_name(line: BudgetLine) -> str:
    """Return the name of a budget and its scope value."""
    scope = f" / {line.scope}" if line.scope else ""
    return figures.printable(f"{line.budget.name}{scope}")


def budget_amount(budget: CostBudget, value: int) -> str:
    """Return *value* in the unit of *budget*."""
    return figures.usd_short(value) if budget.unit is Unit.USD else f"{value:,} {budget.unit}"


def budget_left(line: BudgetLine) -> str:
    """Return the remaining amount as text."""
    budget = line.budget
    return f"{budget_amount(budget, line.left)} of {budget_amount(budget, budget.limit)} left"


def outlook(line: BudgetLine) -> str:
    """Return the forecast as text."""
    ends = line.runs_out_ns
    if line.left == 0:
        return f"spent; resets {_when(line.until_ns)}"
    if ends is not None:
        return f"at this rate it runs out {_when(ends)}"
    if not line.spent:
        return f"nothing spent; resets {_when(line.until_ns)}"
    return f"lasts until it resets {_when(line.until_ns)}"


def _when(ns: int) -> str:
    at = datetime.fromtimestamp(ns / 1e9, UTC)
    return f"{at.day} {at:%b %H:%M} UTC"
