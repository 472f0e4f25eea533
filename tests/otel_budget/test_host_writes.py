"""Writes to a shared database: one process of a host for all, and no transaction too many."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from otel_budget.accounts.account import Denied, State
from otel_budget.accounts.postgres import PostgresDatabase
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.reservations import refusals
from otel_budget.reservations.host_writes import FILE_NAME, HostWrites
from otel_budget.reservations.leases import Reservation
from otel_budget.reservations.refusals import Refusals
from otel_cost_ledger.model.location import PostgresUrl
from otel_host.file_locks import try_lock
from support.budgets import account, claim, kill

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Transaction

PLENTY = account(10**6)
AMPLE, SCARCE = State(0, 100), State(990_000, 1_000)


class Counted(PostgresDatabase):
    """Counts transactions."""

    count = 0

    @contextmanager
    def transaction(
        self, accounts: Collection[BudgetAccount] | None = None, /
    ) -> Iterator[Transaction]:
        self.count += 1
        with super().transaction(accounts) as db:
            yield db


@pytest.fixture
def process(postgres_server: str, tmp_path: Path) -> Iterator[Callable[..., BudgetAccounts]]:
    """Make a process of a host without its background thread."""
    url, made = PostgresUrl.parse(postgres_server), []

    def make(host: str = "host") -> BudgetAccounts:
        accounts = BudgetAccounts(tmp_path / host, store=Counted(url.parameters, "the database"))
        accounts._flusher.stop()
        made.append(accounts)
        return accounts

    yield make
    for accounts in made:
        accounts.close()


def spend(accounts: BudgetAccounts, amount: int, of: BudgetAccount = PLENTY) -> None:
    result = accounts.reserve("m", ["input"], lambda _: [claim(amount, of)])
    assert isinstance(result, Reservation)
    accounts.settle(result, [(of, amount)])


def transactions(accounts: BudgetAccounts) -> int:
    store: Any = accounts.store
    return int(store.count)


def booked(accounts: BudgetAccounts, of: BudgetAccount = PLENTY) -> int:
    with accounts.store.transaction() as db:
        (spent,) = db.execute("SELECT spent FROM books WHERE scope = ?", (of.scope,)).fetchone()
    return int(spent)


@pytest.mark.postgres
def test_one_process_writes_down_what_all_of_its_host_spent(
    process: Callable[..., BudgetAccounts],
) -> None:
    """The others make no transaction for it, and count nothing twice when they end."""
    writing, others = process(), [process() for _ in range(3)]
    for each in (writing, *others):
        spend(each, 5)
    before = [transactions(each) for each in others]

    writing.tick()
    for each in others:
        each.tick()

    assert booked(writing) == 20
    assert [transactions(each) for each in others] == before
    for each in others:
        spend(each, 2)
        each.close()
    assert writing.state(PLENTY) == State(26, 0)


@pytest.mark.postgres
def test_what_a_killed_process_spent_is_charged_once_whoever_wrote_it(
    process: Callable[..., BudgetAccounts],
) -> None:
    """A part was written by another of its host, the rest is in its file."""
    writing, victim = process(), process()
    spend(writing, 1)
    spend(victim, 5)
    writing.tick()
    spend(victim, 7)
    on_its_way = victim.reserve("m", ["input"], lambda _: [claim(4, PLENTY)])
    assert isinstance(on_its_way, Reservation)
    kill(victim)

    assert writing.reap()

    assert writing.state(PLENTY) == State(1 + 5 + 7 + 4, 0)


@pytest.mark.postgres
def test_each_account_is_written_by_a_process_that_has_a_lease_on_it(
    process: Callable[..., BudgetAccounts],
) -> None:
    """Another process has just written for the host, but not this account."""
    acme = account(10**6, scope="acme")
    first, second = process(), process()
    spend(first, 5)
    spend(second, 7, acme)

    first.tick()
    second.tick()

    assert booked(first) == 5
    assert booked(first, acme) == 7


@pytest.mark.postgres
def test_a_lock_that_nobody_gives_back_keeps_no_spending_from_the_database(
    process: Callable[..., BudgetAccounts], tmp_path: Path
) -> None:
    """Its process may be stopped: the others write by themselves."""
    accounts = process()
    spend(accounts, 5)
    stopped = os.open(tmp_path / "host" / FILE_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        assert try_lock(stopped)
        accounts.tick()
        assert booked(accounts) == 5
    finally:
        os.close(stopped)


@pytest.mark.postgres
def test_a_write_that_failed_is_made_by_the_next_process(
    process: Callable[..., BudgetAccounts], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts for the host only once it is kept."""
    first, second = process(), process()
    spend(first, 5)
    spend(second, 7)

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(first.store, "transaction", broken)
        first.tick()
    second.tick()

    assert booked(second) == 12


@pytest.mark.postgres
def test_a_call_that_cost_more_than_its_lease_has_is_written_in_full(
    process: Callable[..., BudgetAccounts],
) -> None:
    """And nothing stays reserved."""
    writing, other = process(), process()
    spend(writing, 1)
    result = other.reserve("m", ["input"], lambda _: [claim(1, PLENTY)])
    assert isinstance(result, Reservation)
    other.settle(result, [(PLENTY, 5_000)])

    writing.tick()

    assert booked(writing) == 5_001
    other.close()
    writing.close()
    assert process().state(PLENTY) == State(5_001, 0)


def test_a_child_that_was_forked_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    """It has a copy of the descriptor for as long as it lives."""
    reading, writing = os.pipe()
    with HostWrites(tmp_path, 1.0).turn() as turn:
        assert turn.is_ours
        pid = os.fork()
        if not pid:  # pragma: no cover - in the child
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)

    with HostWrites(tmp_path, 1.0).turn() as again:
        assert again.is_ours
    os.close(writing)
    os.close(reading)
    os.waitpid(pid, 0)


def test_a_file_of_the_time_before_a_restart_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the machine began again."""
    with HostWrites(tmp_path, 1.0).turn() as turn:
        turn.wrote({PLENTY: State(0, 0)})
        assert not turn.is_due(PLENTY)
    now = time.monotonic_ns()
    monkeypatch.setattr(time, "monotonic_ns", lambda: now - 3600 * 10**9)

    with HostWrites(tmp_path, 1.0).turn() as turn:
        assert turn.is_due(PLENTY)


@pytest.mark.parametrize(("state", "due_after_s"), [(AMPLE, 5.0), (SCARCE, 1.0)])
def test_a_budget_is_written_more_often_when_little_of_it_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: State, due_after_s: float
) -> None:
    """A process that does not get the lock waits two seconds longer."""
    now = 10**15
    monkeypatch.setattr(time, "monotonic_ns", lambda: now)
    with HostWrites(tmp_path, 1.0).turn() as turn:
        turn.wrote({PLENTY: state})

    with HostWrites(tmp_path, 1.0).turn() as ours, HostWrites(tmp_path, 1.0).turn() as theirs:
        due = []
        for after_s in (due_after_s - 0.2, due_after_s, due_after_s + 2.0):
            now = 10**15 + int(after_s * 1e9)
            due.append((ours.is_due(PLENTY), theirs.is_due(PLENTY)))

    assert due == [(False, False), (True, False), (True, True)]


@pytest.mark.parametrize(("state", "scarce"), [(AMPLE, False), (SCARCE, True)])
def test_leases_are_kept_small_where_much_of_what_is_left_is_reserved(
    tmp_path: Path, state: State, *, scarce: bool
) -> None:
    """As the last one says who wrote."""
    with HostWrites(tmp_path, 1.0).turn() as turn:
        turn.wrote({PLENTY: state})

    with HostWrites(tmp_path, 1.0).turn() as turn:
        assert turn.is_scarce(PLENTY) is scarce


@pytest.mark.parametrize("data", [b"torn", bytes(24)])
def test_a_file_that_says_nothing_has_each_process_write(tmp_path: Path, data: bytes) -> None:
    """A torn record, or one of zeros."""
    (tmp_path / FILE_NAME).write_bytes(data)
    (tmp_path / FILE_NAME).chmod(0o600)

    with HostWrites(tmp_path, 1.0).turn() as turn:
        assert turn.is_due(PLENTY)


@pytest.mark.postgres
def test_a_spent_budget_is_asked_once_a_second(process: Callable[..., BudgetAccounts]) -> None:
    """Only a new window or a correction by hand could change the answer."""
    small = account(10)
    accounts = process()
    spend(accounts, 10, small)
    answers = [accounts.reserve("m", ["input"], lambda _: [claim(1, small)])]
    before = transactions(accounts)

    answers += [accounts.reserve("m", ["input"], lambda _: [claim(1, small)]) for _ in range(20)]

    assert all(isinstance(answer, Denied) for answer in answers)
    assert transactions(accounts) == before


def test_a_refusal_is_remembered_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the accounts are asked again; and not where what others hold may come back."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    small = account(10)
    known = Refusals(1.0)
    known.note(Denied(small, State(9, 1), may_change=True))
    assert known.find([claim(2, small)]) is None

    known.note(Denied(small, State(9, 0), may_change=False))

    assert known.find([claim(1, small)]) is None, "there is room for this one"
    assert known.find([claim(2, small)]) is not None
    now += 1.0
    assert known.find([claim(2, small)]) is None


def test_remembered_refusals_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are found again."""
    monkeypatch.setattr(refusals, "_MOST", 2)
    known = Refusals(60.0)
    for number in range(3):
        of = account(1, scope=str(number))
        known.note(Denied(of, State(1, 0), may_change=False))

    found = [known.find([claim(1, account(1, scope=str(n)))]) is not None for n in range(3)]

    assert found == [False, False, True]
