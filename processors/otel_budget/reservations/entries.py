"""Reservations that are entries of their own in the shared accounts: of calls near a limit."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING

from otel_budget.accounts import statements
from otel_budget.accounts.schema import BudgetFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_budget.accounts.account import BudgetAccount, Claim, Crossing
    from otel_budget.accounts.schema import Transaction
    from otel_budget.accounts.transactions import Opened, TransactionRunner
    from otel_budget.reservations.leases import Reservation

EXPIRY_NS = 3_600_000_000_000
"""A reservation this old belongs to a call that nobody ended; no call lasts so long."""


class Entries:
    """The entries of this process."""

    def __init__(self, transactions: TransactionRunner) -> None:
        self._transactions = transactions
        self._numbers = itertools.count(1)
        self._unsettled: deque[tuple[Reservation, Sequence[tuple[BudgetAccount, int]]]] = deque()
        self.open = 0
        """Holds with entries that have not been settled."""

    def enter(
        self, db: Transaction, reservation: Reservation, claim: Claim, entry: int, amount: int
    ) -> None:
        """Hold *amount* for *claim* in the account whose entry is *entry*."""
        if reservation.number is None:
            reservation.number = reservation.owner.number << 24 | next(self._numbers)
        owed = min(claim.most, amount)
        reservation.entries += ((claim.account, owed),)
        expires_ns = self._transactions.time(db) + EXPIRY_NS
        statements.change(db, entry, reserved=amount)
        db.execute(
            "INSERT INTO holds (id, book_id, amount, cost_if_lost, owner, expires_ns)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (reservation.number, entry, amount, owed, reservation.owner.name, expires_ns),
        )

    def settle(
        self,
        reservation: Reservation,
        actual: Sequence[tuple[BudgetAccount, int]],
        also: Callable[[Transaction], None],
    ) -> list[Crossing]:
        """Replace the entries of *reservation* by the cost; *also* runs in the same transaction.

        Raises BudgetFileError when that cannot be written now; `retry` tries it again.
        """
        leased = {lease.account for lease, _, _ in reservation.parts}

        def attempt(db: Transaction, _opened: Opened) -> list[Crossing]:
            rows = db.execute(
                "SELECT book_id, amount FROM holds WHERE id = ?", (reservation.number,)
            ).fetchall()
            db.execute("DELETE FROM holds WHERE id = ?", (reservation.number,))
            for entry, amount in rows:
                statements.change(db, entry, reserved=-amount)
            also(db)
            # Cleared means charged: somebody took this process for dead, or the call for lost.
            entries = [
                (account, cost) for account, cost in actual if rows and account not in leased
            ]
            return statements.charge(db, entries, {account: 0 for account, _ in entries})

        def ended(_told: object) -> None:
            self.open -= 1

        try:
            return self._transactions.run(attempt, ended)
        except BudgetFileError:
            self._unsettled.append((reservation, actual))
            raise

    def retry(self, also: Callable[[Transaction], None]) -> list[Crossing]:
        """Settle what could not be settled before; raises BudgetFileError if it still cannot."""
        told: list[Crossing] = []
        while self._unsettled:
            told += self.settle(*self._unsettled.popleft(), also)
        return told
