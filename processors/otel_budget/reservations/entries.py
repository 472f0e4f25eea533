"""Reservations stored as entries in the shared accounts, for calls near a limit."""

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
"""Age at which a reservation counts as abandoned; no call lasts so long."""


class Entries:
    """The reservation entries of this process."""

    def __init__(self, transactions: TransactionRunner) -> None:
        self._transactions = transactions
        self._numbers = itertools.count(1)
        self._unsettled: deque[tuple[Reservation, Sequence[tuple[BudgetAccount, int]]]] = deque()
        self.open = 0
        """Reservations with entries that are not settled yet."""

    def enter(
        self, db: Transaction, reservation: Reservation, claim: Claim, entry: int, amount: int
    ) -> None:
        """Reserve *amount* for *claim* in the account with the entry *entry*."""
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

        Raises BudgetFileError if the write fails; `retry` repeats it.
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
            # A cleared entry was charged: this process was considered dead, or the call lost.
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
        """Repeat failed settlements; raises BudgetFileError if one fails again."""
        told: list[Crossing] = []
        while self._unsettled:
            told += self.settle(*self._unsettled.popleft(), also)
        return told
