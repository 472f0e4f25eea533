"""No sequence of operations exceeds a budget, neither reserved nor spent."""

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

from otel_budget.accounts.account import BudgetAccount, Claim, State
from otel_budget.accounts.postgres import PostgresDatabase
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.reservations.leases import Reservation
from otel_cost_ledger.model.location import PostgresUrl
from support.budgets import account, kill


class Interleaving(RuleBasedStateMachine):
    """Two processes reserve, settle, clean up and die in any order; actuals stay below ceilings."""

    url: str | None = None
    run_number = itertools.count(1)

    @initialize(limit=st.sampled_from([100, 3000]))
    def open(self, limit: int) -> None:
        self.limit = limit  # too little for leases with most claims, or plenty
        self.name = f"run {next(self.run_number)}"
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1_000_000
        self.made: list[BudgetAccounts] = []
        self.accounts = [self._accounts() for _ in range(2)]
        self.observer = self._accounts()
        self.holds: list[tuple[int, Reservation]] = []
        self.really_spent = 0
        """The provider's charges, calls of dead processes included."""
        self.spent = 0

    def _accounts(self) -> BudgetAccounts:
        store = None
        if self.url is not None:
            url = PostgresUrl.parse(self.url)
            store = PostgresDatabase(url.parameters, str(url))
        accounts = BudgetAccounts(Path(self.folder.name), store=store, now_ns=lambda: self.now)
        self.made.append(accounts)
        accounts._flusher.stop()  # rules run the maintenance, so that every run is the same
        return accounts

    @property
    def day(self) -> BudgetAccount:
        return account(self.limit, name=self.name)

    @rule(
        who=st.integers(0, 1),
        most=st.integers(1, 40),
        least=st.integers(1, 40),
        caution=st.sampled_from([1, 1, 4]),
    )
    def reserve(self, who: int, most: int, least: int, caution: int) -> None:
        claim = Claim(self.day, most * caution, min(least, most), most)
        result = self.accounts[who].reserve("m", (), lambda _learned: [claim])
        if isinstance(result, Reservation):
            self.holds.append((who, result))

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        who, reservation = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        actual = data.draw(st.integers(0, _most(reservation)))
        self.really_spent += actual
        self.accounts[who].settle(reservation, [(self.day, actual)])

    @rule(who=st.integers(0, 1))
    def tidy(self, who: int) -> None:
        self.accounts[who].tick()

    @rule(who=st.integers(0, 1))
    def ask(self, who: int) -> None:
        self.accounts[who].state(self.day)

    @rule(who=st.integers(0, 1), data=st.data(), at_once=st.booleans())
    def die(self, who: int, data: st.DataObject, at_once: bool) -> None:
        for _, reservation in [reservation for reservation in self.holds if reservation[0] == who]:
            self.really_spent += data.draw(st.integers(0, _most(reservation)))
        self.holds = [reservation for reservation in self.holds if reservation[0] != who]
        if at_once:
            kill(self.accounts[who])
        else:
            self.accounts[who].close()
        self.accounts[who] = self._accounts()

    @rule(who=st.integers(0, 1))
    def clear(self, who: int) -> None:
        self.accounts[who]._next_reap = 0
        self.accounts[who].reap()

    @invariant()
    def never_over(self) -> None:
        if not hasattr(self, "accounts"):
            return
        state = self.observer.state(self.day)
        assert state.spent >= self.spent, "spending is never forgotten"
        assert state.spent + state.reserved <= self.limit
        assert state.spent + state.reserved >= self.really_spent, "nothing is spent unseen"
        self.spent = state.spent

    def teardown(self) -> None:
        if not hasattr(self, "accounts"):
            return
        for accounts in self.accounts:
            kill(accounts)
        self.observer.reap()
        state = self.observer.state(self.day)
        assert state == State(state.spent, 0), "the dead hold nothing"
        assert self.really_spent <= state.spent
        assert state.spent <= self.limit
        self.observer.close()
        for accounts in self.made:
            accounts.store.close()
        self.folder.cleanup()


def _most(reservation: Reservation) -> int:
    return sum(amount for _, amount in reservation.lost())


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
