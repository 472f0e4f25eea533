"""Spending seen by this process, the minimum for a new file."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_budget.accounts.account_rows import AccountRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Transaction
    from otel_budget.reservations.leases import Lease

_MOST = 10_000


class KnownSpending:
    """The spending last seen of each account; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[BudgetAccount, int] = {}

    def saw(self, account: BudgetAccount, spent: int) -> None:
        """Record that *spent* was read from *account*."""
        with self._lock:
            if len(self._spent) >= _MOST and account not in self._spent:
                del self._spent[next(iter(self._spent))]
            self._spent[account] = spent

    def added(self, costs: Iterable[tuple[BudgetAccount, int]]) -> None:
        """Record that *costs* were charged."""
        with self._lock:
            for account, cost in costs:
                self._spent[account] = max(0, self._spent.get(account, 0) + cost)

    def least(self, leases: Mapping[BudgetAccount, Lease]) -> dict[BudgetAccount, int]:
        """Return the minimum spending, including the unwritten spending of *leases*."""
        with self._lock:
            found = dict(self._spent)
        for account, lease in list(leases.items()):
            if lease.published >= 0:
                found[account] = found.get(account, 0) + lease.total - lease.published
        return found

    def raise_to(self, db: Transaction, least: Mapping[BudgetAccount, int]) -> None:
        """Raise the accounts of a new file to the minimum spending."""
        rows = AccountRows(db, least)
        for account, spent in least.items():
            entry = rows.entry(account, {account: spent})
            missing = spent - rows.state(account).spent
            if missing > 0:
                rows.change(account, entry, spent=missing)
