"""Opens the shared accounts with the location and opening balances from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_budget.budget_accounts import BudgetAccounts
from otel_distro.base import messages
from otel_distro.pipeline.budgets.spending_in_ledger import spent_by_ledger

if TYPE_CHECKING:
    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Store
    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.settings import Settings


def open_accounts(
    settings: Settings, internal_errors: InternalErrors | None = None
) -> BudgetAccounts:
    """Return the shared accounts, opened with the spending in the ledger."""
    budgets = {budget.name: budget for budget in settings.cost_budgets}

    def opening(account: BudgetAccount) -> int:
        try:
            return spent_by_ledger(settings, budgets[account.budget], account)
        except Exception as error:  # a broken ledger must not stop the budget
            if internal_errors is not None:
                internal_errors.record("budget", error)
            return 0

    return BudgetAccounts(
        settings.state_dir, store=_store(settings), opening=opening, report=messages.warn
    )


def _store(settings: Settings) -> Store | None:
    url = settings.budget_store
    if url is None:
        return None
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    from otel_budget.accounts.postgres import PostgresDatabase

    return PostgresDatabase(url.parameters, str(url), quietly=suppress_instrumentation)
