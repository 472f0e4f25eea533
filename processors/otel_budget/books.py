"""The books of all budgets: what was spent, what is held for calls on their way, by whom.

A call is let through by putting a hold on every budget it falls under, all of them or none; when it
ends the hold is replaced by what the call really cost. Where there is plenty a process takes a
lease, a slice of what is left, and holds inside it without asking anybody; near the limit every
hold is an entry in the shared books. Both have an owner, so what a killed process left behind is
found, charged and cleared.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from otel_budget import shared_books
from otel_budget.book import Book, Claim, Crossing, Denied, State
from otel_budget.database import Database
from otel_budget.entries import Entries
from otel_budget.keeper import Keeper
from otel_budget.known import KnownSpending
from otel_budget.leases import Hold
from otel_budget.lending import Lending, Loan
from otel_budget.lessons import Lesson, Lessons
from otel_budget.owners import Owner
from otel_budget.reaping import Liveness, reap
from otel_budget.store import BudgetFileError
from otel_budget.turns import Opened, Result, Turns
from otel_budget.unused import unused
from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from otel_budget.leases import Lease
    from otel_budget.store import Store, Transaction

FILE_NAME = "budget.db"
OWNERS_NAME = "budget.owners"
_REAP_EVERY_S = 0.05

Ask = Callable[[Sequence["Lesson | None"]], Sequence[Claim]]


class Books:
    """Reads and writes the shared books; thread-safe, and usable after a fork."""

    def __init__(
        self,
        folder: Path,
        *,
        store: Store | None = None,
        opening: Callable[[Book], int] = lambda _book: 0,
        now_ns: Callable[[], int] = time.time_ns,
        report: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.store = store or Database(folder / FILE_NAME, report)
        self._known = KnownSpending()
        self._renewals = 0
        self.turns = Turns(self.store, opening, now_ns)
        self.now_ns = now_ns
        self.on_crossed: Callable[[Sequence[Crossing]], None] = lambda _crossings: None
        """Told of thresholds that calls settled inside leases have passed."""
        self.on_fault: Callable[[BaseException], None] = lambda _error: None
        self._folder = folder / OWNERS_NAME
        self._lessons = Lessons()
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._lending: Lending | None = None
        self._owner_lock = threading.Lock()
        self._liveness = Liveness(self._folder)
        self._entries = Entries(self.turns)
        self._late: deque[Callable[[], None]] = deque()
        self._late_lock = threading.RLock()
        self._next_reap = 0.0
        self._keeper = Keeper(self.tick)

    def reserve(self, model: str, kinds: Sequence[str], ask: Ask) -> Hold | Denied:
        """Hold what *ask* claims, all or nothing; raises BudgetFileError if the file is unusable.

        *ask* is given what was learned of *model*, one answer for each of *kinds*, and returns a
        claim for each book the call falls under.
        """
        hold = self.reserve_here(model, kinds, ask)
        if hold is not None:
            return hold
        if self._late:
            self.finish_late()
            hold = self.reserve_here(model, kinds, ask)
            if hold is not None:
                return hold
        result = self._try(model, kinds, ask)
        if isinstance(result, Hold) or not result.state.reserved:
            return result
        # What is in the way may be held for a process that is gone.
        return self._try(model, kinds, ask) if self.reap() else result

    def reserve_here(self, model: str, kinds: Sequence[str], ask: Ask) -> Hold | None:
        """Hold what *ask* claims without waiting for anything; None where that cannot be."""
        if self._lending is None:
            return None
        known = self._lessons.get
        return self.hold(ask([known(model, kind) for kind in kinds]))

    def hold(self, claims: Sequence[Claim]) -> Hold | None:
        """Hold *claims* inside leases; None where there is no lease with room for one of them."""
        lending = self._lending
        return None if lending is None else lending.leases.hold(claims)

    def _try(self, model: str, kinds: Sequence[str], ask: Ask) -> Hold | Denied:
        lending = self._lend()
        told: list[Crossing] = []

        def attempt(db: Transaction, opened: Opened) -> Loan | Denied:
            told.clear()
            self._lessons.share(db)
            loan = Loan(Hold(lending.owner))
            granted: list[tuple[Claim, int, int, State]] = []
            for claim in ask([self._lessons.look_up(db, model, kind) for kind in kinds]):
                entry = shared_books.book_id(db, claim.book, opened)
                lease = lending.leases.by_book.get(claim.book)
                if lease is not None:
                    told.extend(lending.publish(db, lease, give_back=True))
                now = shared_books.state(db, claim.book)
                self._known.saw(claim.book, now.spent)
                amount = shared_books.grant(claim, now)
                if amount is None:
                    return Denied(claim.book, now, shared_books.may_change(claim, now))
                granted.append((claim, entry, amount, now))
            self._liveness.renew(db, lending.owner, self.turns.time)
            for claim, entry, amount, now in granted:
                if not lending.lend(db, loan, claim, entry, amount, now):
                    self._entries.enter(db, loan.hold, claim, entry, amount)
            return loan

        def take(result: Loan | Denied) -> None:
            if isinstance(result, Loan):
                lending.take(result)
                self._entries.open += result.hold.number is not None
                self._keeper.note()

        result = self._run(attempt, take)
        self._tell(told)
        return result.hold if isinstance(result, Loan) else result

    def settle(
        self, hold: Hold, actual: Sequence[tuple[Book, int]], learned: Iterable[Lesson] = ()
    ) -> None:
        """Replace *hold* by what the call cost in each book; a hold already cleared stays so.

        Raises BudgetFileError when the shared books cannot be written; it is tried again then.
        """
        lending = self._lending
        if lending is None or hold.owner is not lending.owner:
            return  # it is of the parent of this process, or the books were closed meanwhile
        for lesson in learned:
            self._lessons.add(lesson)
        if hold.parts:
            lending.leases.settle(hold, dict(actual))
        if hold.number is not None:
            self._settle_entries(hold, actual)

    def _settle_entries(self, hold: Hold, actual: Sequence[tuple[Book, int]]) -> None:
        try:
            told = self._entries.settle(hold, actual, self._lessons.share)
            leased = {lease.book for lease, _, _ in hold.parts}
            self._known.added((book, cost) for book, cost in actual if book not in leased)
        except BudgetFileError:
            self._keeper.note()
            raise
        self._tell(told)

    def charge(self, entries: Sequence[tuple[Book, int]]) -> list[Crossing]:
        """Book spending that nothing was held for; a negative amount takes some back."""

        def attempt(db: Transaction, opened: Opened) -> list[Crossing]:
            found = shared_books.charge(db, entries, opened)
            for book, _ in entries:
                self._known.saw(book, shared_books.state(db, book).spent)
            return found

        return self._run(attempt)

    def state(self, book: Book) -> State:
        """Return what *book* says now; what is leased and not used does not count as reserved."""
        self.finish_late()
        told: list[Crossing] = []

        def attempt(db: Transaction, opened: Opened) -> State:
            told.clear()
            shared_books.book_id(db, book, opened)
            for lease in self._leases_of(book):
                told.extend(self._lend().publish(db, lease, give_back=False))
            found = shared_books.state(db, book)
            self._known.saw(book, found.spent)
            return State(found.spent, found.reserved - unused(db, self._folder, book))

        found = self._run(attempt)
        self._tell(told)
        return found

    def _leases_of(self, book: Book) -> list[Lease]:
        leases = self._lending.leases.by_book.values() if self._lending is not None else ()
        return [lease for lease in list(leases) if shared_books.belongs(lease.book, book)]

    def scopes(self, budget: str, since_ns: int) -> list[str]:
        """Return the scope values that the budget has books for since *since_ns*."""
        return self._run(lambda db, _opened: shared_books.scopes(db, budget, since_ns))

    def reap(self) -> bool:
        """Charge what dead owners left on their way, clear the rest; return if there was any."""
        if time.monotonic() < self._next_reap:
            return False
        self._next_reap = time.monotonic() + _REAP_EVERY_S
        ours = self._lending.owner.name if self._lending is not None else ""
        return reap(self.turns, self._folder, ours)

    def later(self, action: Callable[[], None], *, soon: bool) -> None:
        """Have *action*, which settles a call, done by another thread; *soon* if others wait."""
        self._late.append(action)
        if soon:
            self._keeper.wake()
        else:
            self._keeper.note()

    def finish_late(self) -> None:
        """Settle the calls that wait for it, here and now."""
        with self._late_lock:
            while self._late:
                self._late.popleft()()

    def tick(self) -> bool:
        """Write down what leases spent and give back those not used since the last time.

        Returns whether there is more to come. Never raises.
        """
        try:
            self.finish_late()
            self._tell(self._entries.retry(self._lessons.share))
            self._tidy()
        except Exception as error:  # noqa: BLE001 - nobody is there to hear it; tried again
            self.on_fault(error)
        lending = self._lending
        leases = lending.leases.by_book if lending is not None else None
        return bool(leases or self._late or self._entries.open > 0)

    def _tidy(self, *, at_end: bool = False) -> None:
        lending = self._lending
        if lending is None:
            return
        due = lending.due()
        if at_end:
            due = list(lending.leases.by_book.values())
            for lease in due:
                lease.idle = True
        if not (due or self._lessons.are_new or self._liveness.is_due()):
            return

        def attempt(db: Transaction, _opened: Opened) -> list[Crossing]:
            self._lessons.share(db)
            self._liveness.renew(db, lending.owner, self.turns.time)
            told = lending.tidy(db, due)
            for lease in due:
                self._known.saw(lease.book, shared_books.state(db, lease.book).spent)
            return told

        self._tell(self._run(attempt, lambda _told: lending.forget(due)))

    def close(self) -> None:
        """Give back what is free, close the file and be known as ended."""
        try:
            self.finish_late()
            self._tidy(at_end=True)
        except Exception as error:  # noqa: BLE001 - others find out what is owed
            self.on_fault(error)
        self._keeper.stop()
        lending, entries = self._lending, self._entries.open
        self._begin()
        if lending is not None:
            # What is still on its way is found by others, in the file that stays behind.
            lending.owner.close(remove=not lending.leases.by_book and entries <= 0)
        self.store.close()

    def _run(
        self,
        attempt: Callable[[Transaction, Opened], Result],
        then: Callable[[Result], object] = lambda _result: None,
    ) -> Result:
        def with_known(db: Transaction, opened: Opened) -> Result:
            renewals = getattr(self.store, "renewals", 0)
            if renewals != self._renewals:
                # A new file does not know what was spent, and the ledger may not know all of it.
                leases = self._lending.leases.by_book if self._lending is not None else {}
                self._known.raise_to(db, self._known.least(leases))
            result = attempt(db, opened)
            self._renewals = renewals
            return result

        try:
            return self.turns.run(with_known, then)
        except BaseException:
            if self._lending is not None:
                self._lending.distrust()
            raise

    def _lend(self) -> Lending:
        with self._owner_lock:
            if self._lending is None:
                try:
                    self._lending = Lending(Owner(self._folder))
                except OSError as error:
                    raise BudgetFileError(f"cannot write in {self._folder}: {error}") from error
            return self._lending

    def _tell(self, crossings: Sequence[Crossing]) -> None:
        if crossings:
            self.on_crossed(crossings)

    def at_fork(self) -> None:
        """In a forked child: own nothing of what the parent holds."""
        lending = self._lending
        self.turns.at_fork()
        self._begin()
        if lending is not None:
            lending.owner.abandon()


_all: weakref.WeakSet[Books] = weakref.WeakSet()


def _at_fork() -> None:
    for books in list(_all):
        books.at_fork()


fork_hooks.register(Stage.ACCOUNTS, after_in_child=_at_fork)
