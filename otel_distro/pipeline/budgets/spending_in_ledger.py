"""Past spending of a budget in the ledger, from which its accounts are rebuilt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_budget.cost_budget import Unit

if TYPE_CHECKING:
    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.cost_budget import CostBudget
    from otel_distro.settings import Settings


def spent_by_ledger(settings: Settings, budget: CostBudget, account: BudgetAccount) -> int:
    """Return the spending of *account* in the ledger, in the budget's unit.

    The ledger has no API keys, so budgets over them begin at zero. So do all budgets with a ledger
    in ClickHouse: it has the calls of every host, and no program waits for it.
    """
    if settings.ledger is None or budget.scope == "api_key":
        return 0
    if isinstance(settings.ledger, Path) and not settings.ledger.exists():
        return 0
    from otel_cost_ledger.model.location import ClickHouseUrl

    if isinstance(settings.ledger, ClickHouseUrl):
        return 0
    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.query.costs import costs
    from otel_cost_ledger.query.ledger import open_ledger

    filters = Filters()
    if budget.scope != "total":
        scope: dict[str, Any] = {budget.scope: account.scope}
        filters = Filters(**scope)
    since = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=account.since_ns // 1000)
    with open_ledger(settings.ledger, missing_ok=True) as ledger:
        total = costs(ledger, since, by=(), filters=filters).total
    if budget.unit is Unit.USD:
        return total.cost_nano_usd
    return total.input_tokens + total.output_tokens if budget.unit is Unit.TOKENS else total.calls
