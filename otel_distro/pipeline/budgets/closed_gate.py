"""A gate that refuses every model call, for budgets that refuse and cannot be set up."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn, cast

from otel_budget.accounts.schema import BudgetFileError
from otel_budget.cost_budget import Action, CostBudget
from otel_budget.gate import Gate, Listener
from otel_distro.api.budget import note_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_budget.budget_accounts import BudgetAccounts
    from otel_pricing import PriceBook


class _NoAccounts:
    """Accounts that cannot be used: the gate then refuses by its failure policy."""

    on_crossed: Callable[[Any], None]
    on_fault: Callable[[BaseException], None]

    def reserve_here(self, *_arguments: object) -> NoReturn:
        """Raise BudgetFileError."""
        raise BudgetFileError("budgets could not be set up")

    reserve = reserve_here


def closed_gate() -> Gate:
    """Return a gate that refuses every model call."""
    return Gate(
        [CostBudget.per_day(Decimal(1), Action.REFUSE)],
        cast("BudgetAccounts", _NoAccounts()),
        _no_prices,
        refuse_on_fault=True,
        listener=Listener(refused=note_refusal),
    )


def install() -> None:
    """Install a closed gate in the HTTP clients, each hooked when it is imported."""
    from otel_distro.base.internal_errors import InternalErrors
    from otel_distro.pipeline.wire.client_hooks import hook_clients
    from otel_wire.observer import observer

    observer.admission = closed_gate()
    hook_clients(InternalErrors())


def _no_prices() -> PriceBook:
    raise BudgetFileError("budgets could not be set up")
