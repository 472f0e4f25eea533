"""Statements on the shared books, each to be run in a transaction: states, charges, holds, leases.

Of every book the file has what was spent and what is reserved; the latter is the sum of the holds
and leases on it. `spent + reserved` never passes the limit, so nobody can spend beyond it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_budget.book import Crossing, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_budget.book import Book, Claim
    from otel_budget.store import Transaction

_OF_WINDOW = "budget = ? AND scope = ? AND start_ns >= ? AND start_ns <= ?"


class UnopenedError(Exception):
    """A book has no entry in the file yet, and what it opens with has not been asked."""

    def __init__(self, book: Book) -> None:
        super().__init__(book.budget)
        self.book = book


def book_id(db: Transaction, book: Book, opened: Mapping[Book, int]) -> int:
    """Return the entry of *book*, made if *opened* says what it opens with; or UnopenedError."""
    row = db.execute(
        "SELECT id FROM books WHERE budget = ? AND scope = ? AND start_ns = ?",
        (book.budget, book.scope, book.start_ns),
    ).fetchone()
    if row is not None:
        return int(row[0])
    if book not in opened:
        raise UnopenedError(book)
    made = db.execute(
        "INSERT INTO books (budget, scope, start_ns, spent, reserved, told)"
        " VALUES (?, ?, ?, ?, 0, 0) RETURNING id",
        (book.budget, book.scope, book.start_ns, opened[book]),
    ).fetchone()
    return int(made[0])


def state(db: Transaction, book: Book) -> State:
    """Return what *book* says now."""
    spent, reserved = db.execute(
        f"SELECT coalesce(sum(spent), 0), coalesce(sum(reserved), 0) FROM books WHERE {_OF_WINDOW}",
        _window(book),
    ).fetchone()
    return State(int(spent), int(reserved))


def scopes(db: Transaction, budget: str, since_ns: int) -> list[str]:
    """Return the scope values that the budget has books for since *since_ns*."""
    found = db.execute(
        "SELECT DISTINCT scope FROM books WHERE budget = ? AND start_ns >= ? ORDER BY scope",
        (budget, since_ns),
    ).fetchall()
    return [scope for (scope,) in found]


def clear(db: Transaction, book: Book) -> None:
    """Have nothing spent of *book*, and nothing told."""
    db.execute(
        f"UPDATE books SET spent = 0, told = 0 WHERE {_OF_WINDOW}",
        _window(book),
    )


def _window(book: Book) -> tuple[str, str, int, int]:
    return book.budget, book.scope, book.since_ns, book.until_ns


def change(db: Transaction, entry: int, *, spent: int = 0, reserved: int = 0) -> None:
    """Add to what is spent and reserved of a book's *entry*."""
    db.execute(
        "UPDATE books SET reserved = reserved + ?,"
        " spent = CASE WHEN spent + ? < 0 THEN 0 ELSE spent + ? END WHERE id = ?",
        (reserved, spent, spent, entry),
    )


def crossings(db: Transaction, book: Book, entry: int) -> list[Crossing]:
    """Return the thresholds that *book* has passed and nobody was told of; they count as told."""
    if book.limit <= 0:
        return []
    spent = state(db, book).spent
    passed = [percent for percent in book.thresholds if spent * 100 >= percent * book.limit]
    if not passed:
        return []
    (told,) = db.execute(
        f"SELECT coalesce(max(told), 0) FROM books WHERE {_OF_WINDOW}",
        _window(book),
    ).fetchone()
    new = [percent for percent in passed if percent > told]
    if new:
        db.execute("UPDATE books SET told = ? WHERE id = ?", (max(new), entry))
    return [Crossing(book, percent, spent) for percent in new]


def charge(
    db: Transaction, entries: Sequence[tuple[Book, int]], opened: Mapping[Book, int]
) -> list[Crossing]:
    """Add what was spent to each book; a negative amount takes some back."""
    found: list[Crossing] = []
    for book, cost in entries:
        entry = book_id(db, book, opened)
        change(db, entry, spent=cost)
        if cost > 0:
            found += crossings(db, book, entry)
    return found


def belongs(part: Book, book: Book) -> bool:
    """Return whether what is spent of *part* counts in *book*."""
    return (
        part.budget == book.budget
        and part.scope == book.scope
        and book.since_ns <= part.start_ns <= book.until_ns
    )


def grant(claim: Claim, now: State) -> int | None:
    """Return how much is held for *claim*, or None if it is not let through now."""
    free = claim.book.limit - now.spent - now.reserved
    if claim.amount <= free:
        return claim.amount
    # Nothing else is on its way, so this call may have all that is left.
    if now.reserved == 0 and claim.least <= free:
        return free
    return None


def may_change(claim: Claim, now: State) -> bool:
    """Return whether *claim* could be granted once others have given back what they hold."""
    return now.reserved > 0 and claim.least <= claim.book.limit - now.spent


def leaseholders(db: Transaction, entry: int, but: str) -> int:
    """Return how many other owners have leases on a book's *entry*."""
    (count,) = db.execute(
        "SELECT count(*) FROM leases WHERE book_id = ? AND owner <> ?", (entry, but)
    ).fetchone()
    return int(count)
