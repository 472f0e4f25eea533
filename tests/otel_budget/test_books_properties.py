"""Whatever happens in whatever order, a budget is never over: neither held nor spent."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otel_budget.book import Book
from otel_budget.books import Books, Claim, Held
from support.budgets import book

LIMIT = 100


class Interleaving(RuleBasedStateMachine):
    """Two processes reserve, settle, release and die in any order; actuals stay below ceilings."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1_000_000
        self.books = [self._books() for _ in range(2)]
        self.holds: list[tuple[int, int, int]] = []
        self.spent = 0

    def _books(self) -> Books:
        return Books(Path(self.folder.name), now_ns=lambda: self.now)

    @property
    def day(self) -> Book:
        return book(LIMIT)

    @rule(who=st.integers(0, 1), ceiling=st.integers(1, 130), least=st.integers(1, 130))
    def reserve(self, who: int, ceiling: int, least: int) -> None:
        claim = Claim(self.day, ceiling, min(least, ceiling), min(least, ceiling))
        before = self.books[who].state(self.day)
        result = self.books[who].reserve("m", (), lambda _learned: [claim])
        if isinstance(result, Held):
            granted = self.books[who].state(self.day).reserved - before.reserved
            self.holds.append((who, result.hold, granted))

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        who, hold, granted = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        actual = data.draw(st.integers(0, granted))
        self.books[who].settle(hold, [(self.day, actual)])

    @rule(who=st.integers(0, 1))
    def die(self, who: int) -> None:
        self.books[who].close()
        self.books[who] = self._books()
        self.holds = [hold for hold in self.holds if hold[0] != who]
        self.books[who]._next_reap = 0
        self.books[who].reap()

    @rule()
    def expire(self) -> None:
        self.now += 3_600_000_000_001
        self.books[0]._next_reap = 0
        self.books[0].reap()
        self.holds = []

    @invariant()
    def never_over(self) -> None:
        if not hasattr(self, "books"):
            return
        state = self.books[0].state(self.day)
        assert state.spent >= self.spent, "spending is never forgotten"
        assert state.spent + state.reserved <= LIMIT
        assert state.reserved == sum(granted for _, _, granted in self.holds)
        self.spent = state.spent

    def teardown(self) -> None:
        for books in getattr(self, "books", ()):
            books.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestInterleaving = Interleaving.TestCase
TestInterleaving.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
