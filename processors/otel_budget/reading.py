"""The shared books for those who only look: no lock is taken and the file is never changed."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from otel_budget.book import State
from otel_budget.books import FILE_NAME, OWNERS_NAME
from otel_budget.unused import unused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_budget.book import Book


class BooksReader:
    """The books as other processes last wrote them."""

    def __init__(self, folder: Path, connection: sqlite3.Connection | None) -> None:
        self._folder = folder
        self._connection = connection

    def scopes(self, budget: str, since_ns: int) -> list[str]:
        """Return the scope values that the budget has books for since *since_ns*."""
        if self._connection is None:
            return []
        found = self._connection.execute(
            "SELECT DISTINCT scope FROM books WHERE budget = ? AND start_ns >= ? ORDER BY scope",
            (budget, since_ns),
        )
        return [str(scope) for (scope,) in found]

    def state(self, book: Book) -> State | None:
        """Return what *book* says; None where nobody has opened it in its window yet."""
        if self._connection is None:
            return None
        spent, reserved, books = self._connection.execute(
            "SELECT coalesce(sum(spent), 0), coalesce(sum(reserved), 0), count(*)"
            " FROM books WHERE budget = ? AND scope = ? AND start_ns >= ? AND start_ns <= ?",
            (book.budget, book.scope, book.since_ns, book.until_ns),
        ).fetchone()
        if not books:
            return None
        return State(int(spent), int(reserved) - self._unused(book))

    def _unused(self, book: Book) -> int:
        if self._connection is None:
            return 0
        try:
            return unused(self._connection, self._folder / OWNERS_NAME, book)
        except sqlite3.OperationalError:  # made by a version that did not lease
            return 0


@contextmanager
def reading_books(folder: Path) -> Iterator[BooksReader]:
    """Open the books in *folder*; a file that is not there reads as empty books.

    Raises `sqlite3.Error` for a file that cannot be read.
    """
    path = folder / FILE_NAME
    if not path.exists():
        yield BooksReader(folder, None)
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
        yield BooksReader(folder, connection)
    finally:
        connection.close()
