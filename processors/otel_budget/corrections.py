"""What people see of books and change in them by hand, on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_budget import shared_books
from otel_budget.book import Change

if TYPE_CHECKING:
    from otel_budget.book import Book, State
    from otel_budget.books import Books
    from otel_budget.store import Transaction
    from otel_budget.turns import Opened


def set_spent(books: Books, book: Book, spent: int, *, by: str, why: str = "") -> State:
    """Say how much was spent of *book* in its window, on record; return how it was before."""
    before = books.state(book)
    detail = f"by {by}: spent {before.spent} -> {spent}" + (f" ({why})" if why else "")

    def attempt(db: Transaction, opened: Opened) -> None:
        shared_books.clear(db, book)
        shared_books.charge(db, [(book, spent)], opened)
        db.execute(
            "INSERT INTO changes (at_ns, action, budget, scope, detail) VALUES (?, 'set', ?, ?, ?)",
            (books.now_ns(), book.budget, book.scope, detail),
        )

    books.turns.run(attempt)
    return before


def changes(books: Books, limit: int = 20) -> list[Change]:
    """Return what people changed by hand, the latest first."""

    def attempt(db: Transaction, _opened: Opened) -> list[Change]:
        found = db.execute(
            "SELECT at_ns, budget, scope, detail FROM changes ORDER BY id DESC LIMIT ?", (limit,)
        ).fetchall()
        return [Change(*row) for row in found]

    return books.turns.run(attempt)
