"""What this process knows to be spent: the least that a new file of budgets begins with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_budget import shared_books

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_budget.book import Book
    from otel_budget.leases import Lease
    from otel_budget.store import Transaction

_MOST = 10_000


class KnownSpending:
    """The spending last seen of each account; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[Book, int] = {}

    def saw(self, book: Book, spent: int) -> None:
        """Note that *spent* was read of *book*."""
        with self._lock:
            if len(self._spent) >= _MOST and book not in self._spent:
                del self._spent[next(iter(self._spent))]
            self._spent[book] = spent

    def added(self, costs: Iterable[tuple[Book, int]]) -> None:
        """Note that *costs* were charged."""
        with self._lock:
            for book, cost in costs:
                self._spent[book] = max(0, self._spent.get(book, 0) + cost)

    def least(self, leases: Mapping[Book, Lease]) -> dict[Book, int]:
        """Return what was spent at least, with what *leases* have not written down yet."""
        with self._lock:
            found = dict(self._spent)
        for book, lease in list(leases.items()):
            if lease.published >= 0:
                found[book] = found.get(book, 0) + lease.total - lease.published
        return found

    def raise_to(self, db: Transaction, least: Mapping[Book, int]) -> None:
        """Have the accounts of a new file say what was spent at least."""
        for book, spent in least.items():
            entry = shared_books.book_id(db, book, {book: spent})
            missing = spent - shared_books.state(db, book).spent
            if missing > 0:
                shared_books.change(db, entry, spent=missing)
