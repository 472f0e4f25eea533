"""Whatever happens in whatever order, a budget is never over: neither held nor spent."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from otel_budget.book import Book, Claim, State
from otel_budget.books import Books
from otel_budget.leases import Hold
from otel_budget.postgres_database import PostgresDatabase
from otel_cost_ledger.model.location import PostgresUrl
from support.budgets import book, kill


class Interleaving(RuleBasedStateMachine):
    """Two processes reserve, settle, tidy up and die in any order; actuals stay below ceilings."""

    url: str | None = None
    run_number = itertools.count(1)

    @initialize(limit=st.sampled_from([100, 3000]))
    def open(self, limit: int) -> None:
        self.limit = limit  # too little for leases with most claims, or plenty
        self.name = f"run {next(self.run_number)}"
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1_000_000
        self.books = [self._books() for _ in range(2)]
        self.observer = self._books()
        self.holds: list[tuple[int, Hold]] = []
        self.really_spent = 0
        """By the provider's reckoning, calls of the dead included."""
        self.spent = 0

    def _books(self) -> Books:
        store = None
        if self.url is not None:
            url = PostgresUrl.parse(self.url)
            store = PostgresDatabase(url.parameters, str(url))
        books = Books(Path(self.folder.name), store=store, now_ns=lambda: self.now)
        books._keeper.stop()  # rules tidy up, so that every run is the same
        return books

    @property
    def day(self) -> Book:
        return book(self.limit, name=self.name)

    @rule(
        who=st.integers(0, 1),
        most=st.integers(1, 40),
        least=st.integers(1, 40),
        caution=st.sampled_from([1, 1, 4]),
    )
    def reserve(self, who: int, most: int, least: int, caution: int) -> None:
        claim = Claim(self.day, most * caution, min(least, most), most)
        result = self.books[who].reserve("m", (), lambda _learned: [claim])
        if isinstance(result, Hold):
            self.holds.append((who, result))

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        who, hold = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        actual = data.draw(st.integers(0, _most(hold)))
        self.really_spent += actual
        self.books[who].settle(hold, [(self.day, actual)])

    @rule(who=st.integers(0, 1))
    def tidy(self, who: int) -> None:
        self.books[who].tick()

    @rule(who=st.integers(0, 1))
    def ask(self, who: int) -> None:
        self.books[who].state(self.day)

    @rule(who=st.integers(0, 1), data=st.data(), at_once=st.booleans())
    def die(self, who: int, data: st.DataObject, at_once: bool) -> None:
        for _, hold in [hold for hold in self.holds if hold[0] == who]:
            self.really_spent += data.draw(st.integers(0, _most(hold)))
        self.holds = [hold for hold in self.holds if hold[0] != who]
        if at_once:
            kill(self.books[who])
        else:
            self.books[who].close()
        self.books[who] = self._books()

    @rule(who=st.integers(0, 1))
    def clear(self, who: int) -> None:
        self.books[who]._next_reap = 0
        self.books[who].reap()

    @invariant()
    def never_over(self) -> None:
        if not hasattr(self, "books"):
            return
        state = self.observer.state(self.day)
        assert state.spent >= self.spent, "spending is never forgotten"
        assert state.spent + state.reserved <= self.limit
        assert state.spent + state.reserved >= self.really_spent, "nothing is spent unseen"
        self.spent = state.spent

    def teardown(self) -> None:
        if not hasattr(self, "books"):
            return
        for books in self.books:
            kill(books)
        self.observer.reap()
        state = self.observer.state(self.day)
        assert state == State(state.spent, 0), "the dead hold nothing"
        assert self.really_spent <= state.spent
        assert state.spent <= self.limit
        self.observer.close()
        self.folder.cleanup()


def _most(hold: Hold) -> int:
    return sum(amount for _, amount in hold.lost())


def test_a_budget_is_never_over(shared_in: str | None) -> None:
    """In a file and in a database."""

    class Machine(Interleaving):
        url = shared_in

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40 if shared_in is None else 10,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
