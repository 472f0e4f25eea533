"""Reservations stored as entries in the shared accounts, for calls near a limit."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING

from otel_budget.accounts import statements
from otel_budget.accounts.account_rows import AccountRows
from otel_budget.accounts.schema import BudgetFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.accounts.account import BudgetAccount, Claim, Crossing
    from otel_budget.accounts.schema import Transaction
    from otel_budget.accounts.transactions import Opened, TransactionRunner
    from otel_budget.reservations.leases import Reservation
    from otel_budget.reservations.usage_ceilings import UsageCeilings

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
        self,
        db: Transaction,
        rows: AccountRows,
        reservation: Reservation,
        claim: Claim,
        entry: int,
        amount: int,
    ) -> None:
        """Reserve *amount* for *claim* in the account with the entry *entry*."""
        if reservation.number is None:
            reservation.number = reservation.owner.number << 24 | next(self._numbers)
        owed = min(claim.most, amount)
        reservation.entries += ((claim.account, owed),)
        expires_ns = self._transactions.time(db) + EXPIRY_NS
        rows.change(claim.account, entry, reserved=amount)
        db.execute(
            "INSERT INTO holds (id, book_id, amount, cost_if_lost, owner, expires_ns)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (reservation.number, entry, amount, owed, reservation.owner.name, expires_ns),
        )

    def settle(
        self,
        reservation: Reservation,
        actual: Sequence[tuple[BudgetAccount, int]],
        ceilings: UsageCeilings,
    ) -> list[Crossing]:
        """Replace the entries of *reservation* by the cost; share new *ceilings* as well.

        Raises BudgetFileError if the write fails; `retry` repeats it.
        """
        leased = {lease.account for lease, _, _ in reservation.parts}
        costs = [(account, cost) for account, cost in actual if account not in leased]
        accounts = [account for account, _ in (*costs, *reservation.entries)]

        def attempt(db: Transaction, _opened: Opened) -> list[Crossing]:
            found = db.execute(
                "SELECT book_id, amount FROM holds WHERE id = ?", (reservation.number,)
            )
            rows, learned = AccountRows(db, accounts), ceilings.read(db)
            held = found.fetchall()
            # A cleared entry was charged: this process was considered dead, or the call lost.
            told = rows.charge(costs if held else [], {account: 0 for account, _ in costs})
            ceilings.share(db, learned)
            for entry, amount in held:
                statements.change(db, entry, reserved=-amount)
            db.execute("DELETE FROM holds WHERE id = ?", (reservation.number,))
            return told

        def ended(_told: object) -> None:
            self.open -= 1
            ceilings.shared()

        try:
            return self._transactions.run(attempt, ended, accounts)
        except BudgetFileError:
            self._unsettled.append((reservation, actual))
            raise

    def retry(self, ceilings: UsageCeilings) -> list[Crossing]:
        """Repeat failed settlements; raises BudgetFileError if one fails again."""
        told: list[Crossing] = []
        while self._unsettled:
            told += self.settle(*self._unsettled.popleft(), ceilings)
        return told
