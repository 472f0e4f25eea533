"""What is leased and not used: reserved for nobody else, and yet neither spent nor on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_budget.owners import owed

if TYPE_CHECKING:
    from pathlib import Path

    from otel_budget.book import Book
    from otel_budget.store import Transaction


def unused(db: Transaction, owners: Path, book: Book) -> int:
    """Return how much of what is reserved of *book* is leased and free.

    The files in *owners* say so of processes on this host; what others lease counts as used.
    """
    rows = db.execute(
        "SELECT owner, slot, amount, published FROM leases JOIN books ON id = book_id"
        " WHERE budget = ? AND scope = ? AND start_ns >= ? AND start_ns <= ?",
        (book.budget, book.scope, book.since_ns, book.until_ns),
    ).fetchall()
    free = 0
    for owner, slot, amount, published in rows:
        words = owed(owners, owner)
        if words is not None:
            free += max(0, amount - max(0, words[slot] - published))
    return free
