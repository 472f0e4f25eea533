"""Holds that are entries of their own in the shared books: of calls near a limit."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING

from otel_budget import shared_books
from otel_budget.store import BudgetFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_budget.book import Book, Claim, Crossing
    from otel_budget.leases import Hold
    from otel_budget.store import Transaction
    from otel_budget.turns import Opened, Turns

EXPIRY_NS = 3_600_000_000_000
"""A hold this old belongs to a call that nobody ended; no call lasts so long."""


class Entries:
    """The entries of this process."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._numbers = itertools.count(1)
        self._unsettled: deque[tuple[Hold, Sequence[tuple[Book, int]]]] = deque()
        self.open = 0
        """Holds with entries that have not been settled."""

    def enter(self, db: Transaction, hold: Hold, claim: Claim, entry: int, amount: int) -> None:
        """Hold *amount* for *claim* in the book whose entry is *entry*."""
        if hold.number is None:
            hold.number = hold.owner.number << 24 | next(self._numbers)
        owed = min(claim.most, amount)
        hold.entries += ((claim.book, owed),)
        expires_ns = self._turns.time(db) + EXPIRY_NS
        shared_books.change(db, entry, reserved=amount)
        db.execute(
            "INSERT INTO holds (id, book_id, amount, likely, owner, expires_ns)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (hold.number, entry, amount, owed, hold.owner.name, expires_ns),
        )

    def settle(
        self,
        hold: Hold,
        actual: Sequence[tuple[Book, int]],
        also: Callable[[Transaction], None],
    ) -> list[Crossing]:
        """Replace the entries of *hold* by what the call cost; *also* is done in the same turn.

        Raises BudgetFileError when that cannot be written now; `retry` tries it again.
        """
        leased = {lease.book for lease, _, _ in hold.parts}

        def attempt(db: Transaction, _opened: Opened) -> list[Crossing]:
            rows = db.execute(
                "SELECT book_id, amount FROM holds WHERE id = ?", (hold.number,)
            ).fetchall()
            db.execute("DELETE FROM holds WHERE id = ?", (hold.number,))
            for entry, amount in rows:
                shared_books.change(db, entry, reserved=-amount)
            also(db)
            # Cleared means charged: somebody took this process for dead, or the call for lost.
            entries = [(book, cost) for book, cost in actual if rows and book not in leased]
            return shared_books.charge(db, entries, {book: 0 for book, _ in entries})

        def ended(_told: object) -> None:
            self.open -= 1

        try:
            return self._turns.run(attempt, ended)
        except BudgetFileError:
            self._unsettled.append((hold, actual))
            raise

    def retry(self, also: Callable[[Transaction], None]) -> list[Crossing]:
        """Settle what could not be settled before; raises BudgetFileError if it still cannot."""
        told: list[Crossing] = []
        while self._unsettled:
            told += self.settle(*self._unsettled.popleft(), also)
        return told
