"""Transactions on the shared accounts, one at a time in a process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, TypeVar

from otel_budget.accounts.statements import UnopenedError
from otel_host import greenlets

if TYPE_CHECKING:
    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Store, Transaction

Result = TypeVar("Result")
Opened = Mapping["BudgetAccount", int]
"""Opening amounts of accounts that are not in the store yet."""


class TransactionRunner:
    """Runs transactions, each with its follow-up before the next one starts."""

    def __init__(
        self, store: Store, opening: Callable[[BudgetAccount], int], now_ns: Callable[[], int]
    ) -> None:
        self._store = store
        self._opening = opening
        self._now_ns = now_ns
        self._lock = greenlets.Lock()

    def run(
        self,
        attempt: Callable[[Transaction, Opened], Result],
        then: Callable[[Result], object] = lambda _result: None,
        accounts: Collection[BudgetAccount] | None = None,
    ) -> Result:
        """Run *attempt* in a transaction; retry it after opening an account that it lacks.

        Only *accounts* are locked; all with None.
        *then* is called with the result after the commit. Opening amounts are queried outside the
        transaction, because the ledger may be slow. Raises BudgetFileError.
        """
        opened: dict[BudgetAccount, int] = {}
        while True:
            try:
                with self._lock:
                    with self._store.transaction(accounts) as db:
                        result = attempt(db, opened)
                    then(result)
                    return result
            except UnopenedError as unopened:
                opened[unopened.account] = self._opening(unopened.account)

    def time(self, db: Transaction) -> int:
        """Return the time in nanoseconds since the epoch, by the clock that all users share."""
        shared = self._store.now_ns(db)
        return self._now_ns() if shared is None else shared

    def at_fork(self) -> None:
        """Reset after fork: the thread that held the lock does not exist in the child."""
        self._lock = greenlets.Lock()
