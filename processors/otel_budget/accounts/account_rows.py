"""The accounts of one transaction, read with few round trips.

A remote database executes several queries in one round trip if no result is needed in between. So a
transaction queries all its rows first, then decides, then writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_budget.accounts.account import Crossing, State
from otel_budget.accounts.statements import (
    OF_WINDOW,
    UnopenedError,
    belongs,
    change,
    window_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Found, Transaction

_READ = (
    "SELECT max(CASE WHEN start_ns = ? THEN id END),"
    " coalesce(sum(CASE WHEN start_ns = ? THEN spent END), 0),"
    " coalesce(sum(spent), 0), coalesce(sum(reserved), 0), coalesce(max(notified_percent), 0)"
    f" FROM books WHERE {OF_WINDOW}"
)


class _AccountRow:
    """Entry of an account, and the sums of its window."""

    __slots__ = ("entry", "notified", "reserved", "spent", "spent_of_entry")

    def __init__(self, found: Found) -> None:
        entry, *sums = found.fetchone()
        self.entry: int | None = entry
        self.spent_of_entry, self.spent, self.reserved, self.notified = map(int, sums)


class AccountRows:
    """Rows of accounts, updated with the changes of this transaction.

    The constructor queues the queries; the first method called fetches all rows.
    """

    def __init__(self, db: Transaction, accounts: Iterable[BudgetAccount]) -> None:
        self._db = db
        self._asked = {
            account: db.execute(_READ, (account.start_ns, account.start_ns, *window_of(account)))
            for account in dict.fromkeys(accounts)
        }
        self._rows: dict[BudgetAccount, _AccountRow] = {}

    def _row(self, account: BudgetAccount) -> _AccountRow:
        if not self._rows:  # all of them, before the first change
            self._rows = {each: _AccountRow(found) for each, found in self._asked.items()}
        return self._rows[account]

    def entry(self, account: BudgetAccount, opened: Mapping[BudgetAccount, int]) -> int:
        """Return the id of the entry of *account*, created with its amount in *opened*.

        Raises UnopenedError if it is missing in both.
        """
        row = self._row(account)
        if row.entry is not None:
            return row.entry
        if account not in opened:
            raise UnopenedError(account)
        made = self._db.execute(
            "INSERT INTO books (budget, scope, start_ns, spent, reserved, notified_percent)"
            " VALUES (?, ?, ?, ?, 0, 0) RETURNING id",
            (account.budget, account.scope, account.start_ns, opened[account]),
        ).fetchone()
        entry = int(made[0])
        for other, theirs in self._rows.items():
            if belongs(account, other):
                theirs.spent += opened[account]
            if _same_entry(account, other):
                theirs.entry, theirs.spent_of_entry = entry, opened[account]
        return entry

    def state(self, account: BudgetAccount) -> State:
        """Return the current state of *account*."""
        row = self._row(account)
        return State(row.spent, row.reserved)

    def change(
        self, account: BudgetAccount, entry: int, *, spent: int = 0, reserved: int = 0
    ) -> None:
        """Add to the spent and reserved amounts of *account*, whose entry id is *entry*."""
        before = self._row(account).spent_of_entry
        change(self._db, entry, spent=spent, reserved=reserved)
        added = max(0, before + spent) - before
        for other, theirs in self._rows.items():
            if belongs(account, other):
                theirs.spent += added
                theirs.reserved += reserved
            if _same_entry(account, other):
                theirs.spent_of_entry += added

    def crossings(self, account: BudgetAccount, entry: int) -> list[Crossing]:
        """Return the thresholds of *account* to report, and mark them as reported."""
        if account.limit <= 0:
            return []
        row = self._row(account)
        new = [
            percent
            for percent in account.thresholds
            if row.spent * 100 >= percent * account.limit and percent > row.notified
        ]
        if new:
            row.notified = max(new)
            self._db.execute(
                "UPDATE books SET notified_percent = ? WHERE id = ?", (row.notified, entry)
            )
        return [Crossing(account, percent, row.spent) for percent in new]

    def charge(
        self, costs: Sequence[tuple[BudgetAccount, int]], opened: Mapping[BudgetAccount, int]
    ) -> list[Crossing]:
        """Add spending to each account; a negative amount is a refund."""
        found: list[Crossing] = []
        for account, cost in costs:
            entry = self.entry(account, opened)
            self.change(account, entry, spent=cost)
            if cost > 0:
                found += self.crossings(account, entry)
        return found


def _same_entry(one: BudgetAccount, other: BudgetAccount) -> bool:
    return (one.budget, one.scope, one.start_ns) == (other.budget, other.scope, other.start_ns)
