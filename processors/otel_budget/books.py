"""The books of all budgets: what was spent, what is held for calls on their way, by whom.

A call is let through by putting a hold on every budget it falls under, all of them or none, in one
transaction; when it ends the hold is replaced by what the call really cost. A hold is a row with
an owner and an expiry, so what a killed process left behind is found and cleared.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from otel_budget.book import Book
from otel_budget.database import Database
from otel_budget.owners import Owner, is_alive

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

FILE_NAME = "budget.db"
_EXPIRY_NS = 3_600_000_000_000
"""A hold this old belongs to a call that nobody ended; no call lasts so long."""
_REAP_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Claim:
    """What one call asks of one book."""

    book: Book
    amount: int
    """What should be held: more than the call can cost, as far as anybody knows."""
    least: int
    """What must be left for the call to be let through while nothing else is on its way."""
    likely: int
    """What is charged if the caller disappears without saying what the call cost."""


@dataclass(frozen=True, slots=True)
class State:
    """What a book says."""

    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Held:
    """The claims were granted."""

    hold: int


@dataclass(frozen=True, slots=True)
class Denied:
    """A claim was not granted."""

    book: Book
    state: State
    may_change: bool
    """Whether it could be once calls on their way have ended, for less than is held for them."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change that somebody made by hand."""

    at_ns: int
    budget: str
    scope: str
    detail: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that the spending of a book has just passed; each is told once a window."""

    book: Book
    percent: int
    spent: int


Result = TypeVar("Result")
Opened = Mapping[Book, int]
"""What books that are not in the file yet open with."""
Ask = Callable[[Sequence["Lesson | None"]], Sequence[Claim]]


class Books:
    """Reads and writes the shared file; thread-safe, and usable after a fork."""

    def __init__(
        self,
        folder: Path,
        *,
        opening: Callable[[Book], int] = lambda _book: 0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.database = Database(folder / FILE_NAME)
        self._owners = folder / "budget.owners"
        self._opening = opening
        self._now_ns = now_ns
        self._owner: Owner | None = None
        self._owner_lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._next_reap = 0.0

    def reserve(self, model: str, kinds: Sequence[str], ask: Ask) -> Held | Denied:
        """Hold what *ask* claims, all or nothing; raises BudgetFileError if the file is unusable.

        *ask* is given what was learned of *model*, one answer for each of *kinds*, and returns a
        claim for each book the call falls under.
        """
        owner = self._own()
        denied = self._try(model, kinds, ask, owner)
        if isinstance(denied, Held) or not denied.state.reserved:
            return denied
        # What is in the way may be held for a process that is gone.
        return self._try(model, kinds, ask, owner) if self.reap() else denied

    def _try(self, model: str, kinds: Sequence[str], ask: Ask, owner: Owner) -> Held | Denied:
        def attempt(db: sqlite3.Connection, opened: Opened) -> Held | Denied:
            granted: list[tuple[int, int, int]] = []
            for claim in ask([Lesson.read(db, model, kind) for kind in kinds]):
                book_id = _book_id(db, claim.book, opened)
                state = _state(db, claim.book)
                amount = _grant(claim, state)
                if amount is None:
                    return Denied(claim.book, state, _may_change(claim, state))
                granted.append((book_id, amount, claim.likely))
            hold = owner.number << 24 | next(self._numbers)
            expires = self._now_ns() + _EXPIRY_NS
            for book_id, amount, likely in granted:
                db.execute(
                    "UPDATE books SET reserved = reserved + ? WHERE id = ?", (amount, book_id)
                )
                db.execute(
                    "INSERT INTO holds VALUES (?, ?, ?, ?, ?, ?)",
                    (hold, book_id, amount, min(likely, amount), owner.name, expires),
                )
            return Held(hold)

        return self._opening_books(attempt)

    def _opening_books(self, attempt: Callable[[sqlite3.Connection, Opened], Result]) -> Result:
        """Run *attempt* in a transaction, again whenever it meets a book that is not open yet.

        What the book opens with is asked outside the transaction: the ledger may take its time.
        """
        opened: dict[Book, int] = {}
        while True:
            try:
                with self.database.transaction() as db:
                    return attempt(db, opened)
            except _UnopenedError as unopened:
                opened[unopened.book] = self._opening(unopened.book)

    def settle(
        self, hold: int, actual: Sequence[tuple[Book, int]], learned: Iterable[Lesson] = ()
    ) -> list[Crossing]:
        """Replace *hold* by what the call cost in each book; a hold already cleared stays so."""
        with self.database.transaction() as db:
            rows = db.execute("SELECT book_id, amount FROM holds WHERE id = ?", (hold,)).fetchall()
            db.execute("DELETE FROM holds WHERE id = ?", (hold,))
            for book_id, amount in rows:
                db.execute(
                    "UPDATE books SET reserved = reserved - ? WHERE id = ?", (amount, book_id)
                )
            for lesson in learned:
                lesson.write(db)
            # Cleared means charged: somebody took this process for dead, or the call for lost.
            return [c for book, cost in actual for c in _charge(db, book, cost)] if rows else []

    def charge(self, entries: Sequence[tuple[Book, int]]) -> list[Crossing]:
        """Book spending that nothing was held for; a negative amount takes some back."""

        def attempt(db: sqlite3.Connection, opened: Opened) -> list[Crossing]:
            found: list[Crossing] = []
            for book, cost in entries:
                _book_id(db, book, opened)
                found += _charge(db, book, cost)
            return found

        return self._opening_books(attempt)

    def state(self, book: Book) -> State:
        """Return what *book* says now."""

        def attempt(db: sqlite3.Connection, opened: Opened) -> State:
            _book_id(db, book, opened)
            return _state(db, book)

        return self._opening_books(attempt)

    def scopes(self, budget: str, since_ns: int) -> list[str]:
        """Return the scope values that the budget has books for since *since_ns*."""
        with self.database.transaction() as db:
            found = db.execute(
                "SELECT DISTINCT scope FROM books"
                " WHERE budget = ? AND start_ns >= ? ORDER BY scope",
                (budget, since_ns),
            ).fetchall()
        return [scope for (scope,) in found]

    def set_spent(self, book: Book, spent: int, *, by: str, why: str = "") -> State:
        """Say how much was spent of *book* in its window, on record; return how it was before."""
        before = self.state(book)
        with self.database.transaction() as db:
            db.execute(
                "UPDATE books SET spent = 0, told = 0"
                " WHERE budget = ? AND scope = ? AND start_ns >= ?",
                (book.budget, book.scope, book.since_ns),
            )
            _charge(db, book, spent)
            detail = f"by {by}: spent {before.spent} -> {spent}" + (f" ({why})" if why else "")
            db.execute(
                "INSERT INTO changes (at_ns, action, budget, scope, detail)"
                " VALUES (?, 'set', ?, ?, ?)",
                (self._now_ns(), book.budget, book.scope, detail),
            )
        return before

    def changes(self, limit: int = 20) -> list[Change]:
        """Return what people changed by hand, the latest first."""
        with self.database.transaction() as db:
            found = db.execute(
                "SELECT at_ns, budget, scope, detail FROM changes ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [Change(*row) for row in found]

    def reap(self) -> bool:
        """Charge what dead owners hold at what their calls likely cost; return if there was any."""
        if time.monotonic() < self._next_reap:
            return False
        self._next_reap = time.monotonic() + _REAP_EVERY_S
        with self.database.transaction() as db:
            owners = [name for (name,) in db.execute("SELECT DISTINCT owner FROM holds")]
        ours = self._own().name
        dead = [name for name in owners if name != ours and not is_alive(self._owners, name)]
        now = self._now_ns()
        with self.database.transaction() as db:
            marks = ",".join("?" * len(dead))
            found = db.execute(
                f"SELECT id, book_id, amount, likely FROM holds"  # noqa: S608
                f" WHERE owner IN ({marks}) OR expires_ns < ?",
                (*dead, now),
            ).fetchall()
            for hold, book_id, amount, likely in found:
                db.execute("DELETE FROM holds WHERE id = ? AND book_id = ?", (hold, book_id))
                db.execute(
                    "UPDATE books SET reserved = reserved - ?, spent = spent + ? WHERE id = ?",
                    (amount, likely, book_id),
                )
        return bool(found)

    def close(self) -> None:
        """Close the file and be known as ended."""
        with self._owner_lock:
            owner, self._owner = self._owner, None
            if owner is not None:
                owner.close()
        self.database.close()

    def _own(self) -> Owner:
        with self._owner_lock:
            if self._owner is None:
                self._owner = Owner(self._owners)
            return self._owner

    def at_fork(self) -> None:
        """In a forked child: own nothing of what the parent holds."""
        self._owner_lock = threading.Lock()
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.abandon()


class _UnopenedError(Exception):
    """A book has no entry in the file yet, and what it opens with has not been asked."""

    def __init__(self, book: Book) -> None:
        super().__init__(book.budget)
        self.book = book


def _book_id(db: sqlite3.Connection, book: Book, opened: Opened) -> int:
    row = db.execute(
        "SELECT id FROM books WHERE budget = ? AND scope = ? AND start_ns = ?",
        (book.budget, book.scope, book.start_ns),
    ).fetchone()
    if row is not None:
        return int(row[0])
    if book not in opened:
        raise _UnopenedError(book)
    cursor = db.execute(
        "INSERT INTO books (budget, scope, start_ns, spent, reserved, told)"
        " VALUES (?, ?, ?, ?, 0, 0)",
        (book.budget, book.scope, book.start_ns, opened[book]),
    )
    return int(cursor.lastrowid or 0)


def _state(db: sqlite3.Connection, book: Book) -> State:
    spent, reserved = db.execute(
        "SELECT ifnull(sum(spent), 0), ifnull(sum(reserved), 0) FROM books"
        " WHERE budget = ? AND scope = ? AND start_ns >= ?",
        (book.budget, book.scope, book.since_ns),
    ).fetchone()
    return State(spent, reserved)


def _grant(claim: Claim, state: State) -> int | None:
    """Return how much is held for *claim*, or None if it is not let through now."""
    free = claim.book.limit - state.spent - state.reserved
    if claim.amount <= free:
        return claim.amount
    # Nothing else is on its way, so this call may have all that is left.
    if state.reserved == 0 and claim.least <= free:
        return free
    return None


def _may_change(claim: Claim, state: State) -> bool:
    return state.reserved > 0 and claim.least <= claim.book.limit - state.spent


def _charge(db: sqlite3.Connection, book: Book, cost: int) -> list[Crossing]:
    db.execute(
        "UPDATE books SET spent = max(0, spent + ?)"
        " WHERE budget = ? AND scope = ? AND start_ns = ?",
        (cost, book.budget, book.scope, book.start_ns),
    )
    if cost <= 0 or book.limit <= 0:
        return []
    spent = _state(db, book).spent
    passed = [percent for percent in book.thresholds if spent * 100 >= percent * book.limit]
    if not passed:
        return []
    (told,) = db.execute(
        "SELECT ifnull(max(told), 0) FROM books WHERE budget = ? AND scope = ? AND start_ns >= ?",
        (book.budget, book.scope, book.since_ns),
    ).fetchone()
    new = [percent for percent in passed if percent > told]
    if new:
        db.execute(
            "UPDATE books SET told = ? WHERE budget = ? AND scope = ? AND start_ns = ?",
            (max(new), book.budget, book.scope, book.start_ns),
        )
    return [Crossing(book, percent, spent) for percent in new]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was seen of a model: the most and the least of something, over so many calls."""

    model: str
    kind: str
    calls: int
    most: int
    least: int
    size: int
    """Size of the largest request seen, in bytes."""

    @classmethod
    def of(cls, model: str, kind: str, tokens: int, size: int) -> Lesson:
        """Return what one call taught."""
        return cls(model, kind, 1, tokens, tokens, size)

    @classmethod
    def read(cls, db: sqlite3.Connection, model: str, kind: str) -> Lesson | None:
        """Return what all processes have learned so far."""
        row = db.execute(
            "SELECT calls, most, least, size FROM ceilings WHERE model = ? AND kind = ?",
            (model, kind),
        ).fetchone()
        return None if row is None else cls(model, kind, *row)

    def write(self, db: sqlite3.Connection) -> None:
        """Add this to what all processes have learned."""
        db.execute(
            "INSERT INTO ceilings VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " calls = calls + excluded.calls, most = max(most, excluded.most),"
            " least = min(least, excluded.least), size = max(size, excluded.size)",
            (self.model, self.kind, self.calls, self.most, self.least, self.size),
        )
