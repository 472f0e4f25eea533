"""SQL statements on the shared accounts: states, charges, reservations, leases.

Each account has a spent and a reserved amount; the latter is the sum of its reservations and
leases. `spent + reserved` never exceeds the limit, so no call can spend beyond it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_budget.accounts.account import BudgetAccount, Claim, State
    from otel_budget.accounts.schema import Found, Transaction

OF_WINDOW = "budget = ? AND scope = ? AND start_ns >= ? AND start_ns <= ?"
"""Condition for the entries in the window of an account."""


class UnopenedError(Exception):
    """An account has no entry in the file yet, and its opening amount was not queried."""

    def __init__(self, account: BudgetAccount) -> None:
        super().__init__(account.budget)
        self.account = account


def scopes(db: Transaction, budget: str, since_ns: int) -> list[str]:
    """Return the scope values that the budget has accounts for since *since_ns*."""
    found = db.execute(
        "SELECT DISTINCT scope FROM books WHERE budget = ? AND start_ns >= ? ORDER BY scope",
        (budget, since_ns),
    ).fetchall()
    return [scope for (scope,) in found]


def clear(db: Transaction, account: BudgetAccount) -> None:
    """Reset the spending and the notified threshold of *account*."""
    db.execute(
        f"UPDATE books SET spent = 0, notified_percent = 0 WHERE {OF_WINDOW}",
        window_of(account),
    )


def window_of(account: BudgetAccount) -> tuple[str, str, int, int]:
    """Return the parameters of `OF_WINDOW`."""
    return account.budget, account.scope, account.since_ns, account.until_ns


def change(db: Transaction, entry: int, *, spent: int = 0, reserved: int = 0) -> None:
    """Add to the spent and reserved amounts of an account's *entry*."""
    db.execute(
        "UPDATE books SET reserved = reserved + ?,"
        " spent = CASE WHEN spent + ? < 0 THEN 0 ELSE spent + ? END WHERE id = ?",
        (reserved, spent, spent, entry),
    )


def belongs(part: BudgetAccount, account: BudgetAccount) -> bool:
    """Return whether the spending of *part* counts in *account*."""
    return (
        part.budget == account.budget
        and part.scope == account.scope
        and account.since_ns <= part.start_ns <= account.until_ns
    )


def grant(claim: Claim, now: State) -> int | None:
    """Return the amount to reserve for *claim*; None if it is not admitted now."""
    free = claim.account.limit - now.spent - now.reserved
    if claim.amount <= free:
        return claim.amount
    # No other call is in flight, so this one may use all that is left.
    if now.reserved == 0 and claim.least <= free:
        return free
    return None


def may_change(claim: Claim, now: State) -> bool:
    """Return whether *claim* could be granted once other calls release their reservations."""
    return now.reserved > 0 and claim.least <= claim.account.limit - now.spent


def leaseholders(db: Transaction, account: BudgetAccount, but: str) -> Found:
    """Query the number of other owners with leases on the entry of *account*."""
    return db.execute(
        "SELECT count(*) FROM leases JOIN books ON id = book_id"
        " WHERE budget = ? AND scope = ? AND start_ns = ? AND owner <> ?",
        (account.budget, account.scope, account.start_ns, but),
    )
