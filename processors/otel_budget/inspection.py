"""Read-only access to the shared accounts: no lock is taken and the file is never changed."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from otel_budget.accounts import statements
from otel_budget.accounts.account import Change, State
from otel_budget.accounts.account_rows import AccountRows
from otel_budget.budget_accounts import FILE_NAME, OWNERS_NAME
from otel_budget.reservations.reaping import unused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Transaction
    from otel_budget.accounts.transactions import Opened
    from otel_budget.budget_accounts import BudgetAccounts


class AccountsReader:
    """The accounts as other processes last wrote them."""

    def __init__(self, folder: Path, connection: sqlite3.Connection | None) -> None:
        self._folder = folder
        self._connection = connection

    def scopes(self, budget: str, since_ns: int) -> list[str]:
        """Return the scope values that the budget has accounts for since *since_ns*."""
        if self._connection is None:
            return []
        return statements.scopes(self._connection, budget, since_ns)

    def state(self, account: BudgetAccount) -> State | None:
        """Return the state of *account*; None if it was not opened in its window yet."""
        if self._connection is None:
            return None
        spent, reserved, accounts = self._connection.execute(
            "SELECT coalesce(sum(spent), 0), coalesce(sum(reserved), 0), count(*)"
            f" FROM books WHERE {statements.OF_WINDOW}",
            statements.window_of(account),
        ).fetchone()
        if not accounts:
            return None
        return State(int(spent), int(reserved) - self._unused(account))

    def _unused(self, account: BudgetAccount) -> int:
        if self._connection is None:
            return 0
        try:
            return unused(self._connection, self._folder / OWNERS_NAME, account)
        except sqlite3.OperationalError:  # made by a version without leases
            return 0


@contextmanager
def reading_accounts(folder: Path) -> Iterator[AccountsReader]:
    """Open the accounts in *folder*; a missing file reads as empty accounts.

    Raises `sqlite3.Error` for a file that cannot be read.
    """
    path = folder / FILE_NAME
    if not path.exists():
        yield AccountsReader(folder, None)
        return
    # Not sqlite3.connect, which an instrumentation may have wrapped.
    connection = sqlite3.Connection(
        f"file:{quote(str(path.absolute()))}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=0.5,
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        yield AccountsReader(folder, connection)
    finally:
        connection.close()


def set_spent(
    accounts: BudgetAccounts, account: BudgetAccount, spent: int, *, by: str, why: str = ""
) -> State:
    """Set the spending of *account* in its window, record that; return the previous state."""
    before = accounts.state(account)
    detail = f"by {by}: spent {before.spent} -> {spent}" + (f" ({why})" if why else "")

    def attempt(db: Transaction, opened: Opened) -> None:
        statements.clear(db, account)
        AccountRows(db, [account]).charge([(account, spent)], opened)
        db.execute(
            "INSERT INTO changes (at_ns, action, budget, scope, detail) VALUES (?, 'set', ?, ?, ?)",
            (accounts.now_ns(), account.budget, account.scope, detail),
        )

    accounts.transactions.run(attempt, accounts=[account])
    return before


def changes(accounts: BudgetAccounts, limit: int = 20) -> list[Change]:
    """Return the manual changes, the latest first, at most *limit* rows."""

    def attempt(db: Transaction, _opened: Opened) -> list[Change]:
        found = db.execute(
            "SELECT at_ns, budget, scope, detail FROM changes ORDER BY id DESC LIMIT ?", (limit,)
        ).fetchall()
        return [Change(*row) for row in found]

    return accounts.transactions.run(attempt, accounts=())
