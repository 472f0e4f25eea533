"""Leases: far from the limit a process reserves and settles without the shared accounts."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from otel_budget.accounts.account import (
    END_OF_TIME_NS,
    BudgetAccount,
    Claim,
    Crossing,
    Denied,
    State,
)
from otel_budget.accounts.postgres import PostgresDatabase
from otel_budget.accounts.schema import BudgetFileError
from otel_budget.accounts.sqlite import Database
from otel_budget.accounts.transactions import TransactionRunner
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.inspection import reading_accounts
from otel_budget.reservations.background_flusher import TICK_S, BackgroundFlusher
from otel_budget.reservations.leases import Reservation
from otel_budget.reservations.owners import SLOTS
from otel_budget.reservations.reaping import reap
from support.budgets import account, claim, kill

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from otel_budget.accounts.schema import Found, Store, Transaction
    from support.budgets import Locked, MakeAccounts

PLENTY = account(1000)


@pytest.fixture
def accounts(make_accounts: MakeAccounts) -> BudgetAccounts:
    """Accounts whose maintenance the test runs."""
    return make_accounts(by_hand=True)


@pytest.fixture
def other(make_accounts: MakeAccounts) -> BudgetAccounts:
    """The same accounts in another process."""
    return make_accounts(by_hand=True)


def say_nothing_for_long(accounts: BudgetAccounts) -> None:
    """Advance the clock by a minute without heartbeats."""
    with accounts.store.transaction() as db:
        db.execute("UPDATE owners SET expires_ns = 0")


def reserve_leased(
    accounts: BudgetAccounts, amount: int = 1, of: BudgetAccount = PLENTY
) -> Reservation:
    result = accounts.reserve("m", (), lambda _learned: [claim(amount, of)])
    assert isinstance(result, Reservation)
    return result


def test_a_lease_is_used_without_the_shared_accounts(
    accounts: BudgetAccounts, locked: Locked
) -> None:
    """The first call takes it; later calls are not affected by a locked file."""
    first = reserve_leased(accounts)
    with locked():
        second = reserve_leased(accounts)
        accounts.settle(second, [(PLENTY, 1)])
        accounts.settle(first, [(PLENTY, 1)])

    assert accounts.state(PLENTY) == State(2, 0)


def test_others_cannot_reserve_leased_amounts(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """A hundred calls like the first one, which itself is one more: 899 are left."""
    reserve_leased(accounts)

    denied = other.reserve("m", (), lambda _learned: [claim(900, PLENTY)])
    assert isinstance(denied, Denied)
    assert denied.state.reserved == 101


def test_unused_parts_of_leases_are_not_shown_as_reserved(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """Three are open and four are spent; the other 94 of the lease are left."""
    accounts.settle(reserve_leased(accounts, 5), [(PLENTY, 4)])
    reserve_leased(accounts, 3)

    assert other.state(PLENTY) == State(0, 7)
    assert accounts.state(PLENTY) == State(4, 3)


def test_all_leases_together_leave_most_of_the_budget(make_accounts: MakeAccounts) -> None:
    """Each process takes a hundred calls, or its share of a quarter of the rest."""
    processes = [make_accounts(by_hand=True) for _ in range(8)]
    for accounts in processes:
        reserve_leased(accounts)

    denied = processes[0].reserve("m", (), lambda _learned: [claim(1000, PLENTY)])
    assert isinstance(denied, Denied)
    assert denied.state.reserved < 400


def test_near_the_limit_calls_are_reserved_one_by_one(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """Of 20 left for calls of 1 a share would be five; only the call is reserved."""
    accounts.charge([(PLENTY, 980)])
    reserve_leased(accounts)

    assert other.state(PLENTY) == State(980, 1)


def test_an_idle_lease_is_returned(accounts: BudgetAccounts, other: BudgetAccounts) -> None:
    """At the second check without a reservation since the previous one."""
    accounts.settle(reserve_leased(accounts), [(PLENTY, 1)])
    assert accounts.tick(), "the lease goes on"

    accounts.tick()
    everything = other.reserve("m", (), lambda _learned: [claim(999, PLENTY)])
    assert isinstance(everything, Reservation)
    assert not accounts.tick(), "there is nothing left to do"


def test_an_open_call_keeps_its_part_of_an_idle_lease(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """The rest is returned."""
    on_its_way = reserve_leased(accounts, 5)
    accounts.tick()
    accounts.tick()
    assert other.state(PLENTY) == State(0, 5)

    accounts.settle(on_its_way, [(PLENTY, 3)])
    accounts.tick()
    assert other.state(PLENTY) == State(3, 0)


def test_spending_of_a_killed_process_inside_its_lease_is_charged(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """Two calls settled at 3 and one open call of up to 5: 11; the rest is returned."""
    for _ in range(2):
        accounts.settle(reserve_leased(accounts, 5), [(PLENTY, 3)])
    reserve_leased(accounts, 5)
    kill(accounts)

    assert other.reap()
    assert other.state(PLENTY) == State(11, 0)


def test_written_charges_are_not_charged_again(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """The shared accounts have the first call when the second is made."""
    accounts.settle(reserve_leased(accounts, 5), [(PLENTY, 3)])
    accounts.tick()
    accounts.settle(reserve_leased(accounts, 5), [(PLENTY, 4)])
    kill(accounts)

    assert other.reap()
    assert other.state(PLENTY) == State(7, 0)


def test_a_lease_of_a_process_without_a_file_is_charged_in_full(
    tmp_path: Path, accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """After a minute without a heartbeat: it may run on another host."""
    accounts.settle(reserve_leased(accounts), [(PLENTY, 1)])
    for path in (tmp_path / "state/budget.owners").iterdir():
        path.unlink()
    assert not other.reap()
    assert other.state(PLENTY) == State(0, 101)

    say_nothing_for_long(other)
    other._next_reap = 0

    assert other.reap()
    assert other.state(PLENTY) == State(101, 0)


def test_a_process_taken_for_dead_spends_nothing_more_of_its_lease(
    tmp_path: Path, accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """The whole lease was charged; its settlements are part of that."""
    first = reserve_leased(accounts)
    for path in (tmp_path / "state/budget.owners").iterdir():
        path.unlink()
    say_nothing_for_long(other)
    other.reap()

    accounts.settle(first, [(PLENTY, 1)])
    accounts.tick()

    assert other.state(PLENTY) == State(101, 0)
    reserve_leased(accounts)
    assert other.state(PLENTY).spent == 101


def test_readers_see_the_same_amounts(tmp_path: Path) -> None:
    """In the file, without a lock."""
    accounts = BudgetAccounts(tmp_path)
    accounts.settle(reserve_leased(accounts, 5), [(PLENTY, 4)])
    reserve_leased(accounts, 3)

    with reading_accounts(tmp_path) as reader:
        found = reader.state(PLENTY)
        assert found is not None
        assert found.spent + found.reserved == 7
    accounts.close()


def test_several_budgets_lease_or_reserve_independently(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """Much for the day, little for the tenant: both are reserved, and settled."""
    tenant = account(10, name="tenant", scope="acme")
    both = [claim(2, PLENTY), claim(2, tenant)]
    on_its_way = accounts.reserve("m", (), lambda _learned: both)
    assert isinstance(on_its_way, Reservation)
    assert other.state(tenant) == State(0, 2)

    accounts.settle(on_its_way, [(PLENTY, 1), (tenant, 1)])

    assert other.state(tenant) == State(1, 0)
    assert accounts.state(PLENTY) == State(1, 0)


def test_a_call_above_its_reservation_is_charged_in_full(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """Actual spending counts."""
    accounts.settle(reserve_leased(accounts), [(PLENTY, 500)])
    accounts.tick()

    assert other.state(PLENTY) == State(500, 0)


def test_thresholds_passed_inside_leases_are_reported_once(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """By the process that writes it first."""
    told: list[Crossing] = []
    for process in (accounts, other):
        process.on_crossed = told.extend
    small = account(1000)
    for _ in range(60):
        for process in (accounts, other):
            process.settle(reserve_leased(process, 10, small), [(small, 8)])
        accounts.tick()
        other.tick()

    assert [crossing.percent for crossing in told] == [50, 80, 95]


@pytest.mark.slow
def test_accounts_that_cannot_be_written_lose_no_settlement(
    accounts: BudgetAccounts, locked: Locked
) -> None:
    """It is written as soon as they can be."""
    faults: list[BaseException] = []
    accounts.on_fault = faults.append
    accounts.settle(reserve_leased(accounts), [(PLENTY, 1)])
    with locked():
        accounts.tick()
    assert isinstance(faults[0], BudgetFileError)

    accounts.tick()

    assert accounts.state(PLENTY) == State(1, 0)


@pytest.mark.slow
def test_an_entry_that_could_not_be_settled_is_settled_later(
    accounts: BudgetAccounts, other: BudgetAccounts, locked: Locked
) -> None:
    """Reserved near the limit, and the file is locked when the call ends."""
    tight = account(10)
    on_its_way = reserve_leased(accounts, 5, tight)
    with locked(), pytest.raises(BudgetFileError):
        accounts.settle(on_its_way, [(tight, 4)])
    assert other.state(tight) == State(0, 5)

    accounts.tick()

    assert other.state(tight) == State(4, 0)


@pytest.mark.slow
def test_while_the_file_is_locked_only_the_first_call_waits_long(
    accounts: BudgetAccounts, locked: Locked
) -> None:
    """Two seconds; calls within the next second only a moment."""
    accounts.state(PLENTY)
    waited = []
    with locked():
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(BudgetFileError):
                accounts.charge([(PLENTY, 1)])
            waited.append(time.monotonic() - began)

    assert waited[0] >= 1.9
    assert max(waited[1:]) < 1.5


def test_more_accounts_than_leases_are_reserved_per_call(accounts: BudgetAccounts) -> None:
    """A budget for each of very many users."""
    users = [account(1000, scope=f"user {n}") for n in range(SLOTS + 2)]
    holds = [reserve_leased(accounts, 1, user) for user in users]

    assert [bool(one.parts) for one in holds].count(False) == 2
    for user, one in zip(users, holds, strict=True):
        accounts.settle(one, [(user, 1)])
    for _ in range(6):
        accounts.tick()
    assert reserve_leased(accounts, 1, account(1000, scope="another")).parts


def test_a_call_over_midnight_is_settled_in_the_lease_of_its_day(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """And the new day has new leases."""
    yesterday, today = account(1000, start_ns=1), account(1000, start_ns=2)
    on_its_way = reserve_leased(accounts, 5, yesterday)
    reserve_leased(accounts, 5, today)
    accounts.settle(on_its_way, [(yesterday, 4)])
    accounts.tick()

    assert other.state(yesterday).spent == 4
    assert other.state(today).spent == 0


def test_delayed_settlements_are_written_before_a_read(
    accounts: BudgetAccounts,
) -> None:
    """The background thread may not have run yet."""
    on_its_way = reserve_leased(accounts)
    accounts.later(lambda: accounts.settle(on_its_way, [(PLENTY, 1)]), soon=False)

    assert accounts.state(PLENTY) == State(1, 0)


def test_the_background_flusher_writes_and_returns_leases(
    make_accounts: MakeAccounts, other: BudgetAccounts
) -> None:
    """Within half a second, without another call."""
    accounts = make_accounts()
    on_its_way = reserve_leased(accounts)
    accounts.later(lambda: accounts.settle(on_its_way, [(PLENTY, 1)]), soon=False)

    deadline = time.monotonic() + 5
    while other.state(PLENTY) != State(1, 0) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert other.state(PLENTY) == State(1, 0)


def test_a_call_waits_for_leases_that_may_be_returned(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """A lease that is not spent may come back."""
    reserve_leased(accounts, 5)

    def ask(_learned: Sequence[object]) -> list[Claim]:
        return [claim(950, PLENTY)]

    denied = other.reserve("m", (), ask)
    assert isinstance(denied, Denied)
    assert denied.may_change


OTHER = account(1000, name="team")


def test_a_call_of_two_budgets_is_reserved_in_both_leases_or_in_neither(
    accounts: BudgetAccounts, locked: Locked
) -> None:
    """Without the shared file, once both are leased; if one has no room, none is reserved."""
    reserve_leased(accounts)
    reserve_leased(accounts, of=OTHER)
    with locked():
        both = accounts.reserve_here("m", (), lambda _: [claim(2, PLENTY), claim(3, OTHER)])
        none = accounts.reserve_here("m", (), lambda _: [claim(2, PLENTY), claim(500, OTHER)])
        unknown = accounts.reserve_here(
            "m", (), lambda _: [claim(2, PLENTY), claim(1, account(1000, name="no lease"))]
        )
        assert both is not None
        accounts.settle(both, [(PLENTY, 1), (OTHER, 2)])

    assert none is None
    assert unknown is None
    assert accounts.state(PLENTY) == State(1, 1)
    assert accounts.state(OTHER) == State(2, 1)


def test_accounts_of_others_are_read_with_their_scopes(tmp_path: Path) -> None:
    """As `otel-distro budgets` does; a folder without the file reads as empty."""
    accounts = BudgetAccounts(tmp_path)
    tenant = account(1000, scope="acme", start_ns=5)
    for of in (tenant, PLENTY):
        accounts.settle(reserve_leased(accounts, 4, of), [(of, 4)])
    accounts.close()

    with reading_accounts(tmp_path) as reader:
        assert reader.scopes("day", 0) == ["", "acme"]
        assert reader.scopes("day", 1) == ["acme"]
        assert reader.state(tenant) == State(4, 0)
        assert reader.state(account(1000, name="nobody opened it")) is None
    with reading_accounts(tmp_path / "nothing") as empty:
        assert empty.scopes("day", 0) == []
        assert empty.state(PLENTY) is None


class CountingStore:
    """A store that counts the statements of its transactions."""

    def __init__(self, store: Store) -> None:
        self.write_every_s = store.write_every_s
        self.statements = 0
        self._store = store

    @contextmanager
    def transaction(
        self, accounts: Collection[BudgetAccount] | None = None, /
    ) -> Iterator[Transaction]:
        with self._store.transaction(accounts) as self._db:
            yield self

    def execute(self, sql: str, values: tuple[Any, ...] = (), /) -> Found:
        self.statements += 1
        return self._db.execute(sql, values)

    def now_ns(self, db: Transaction) -> int | None:
        return self._store.now_ns(db)

    def close(self) -> None:
        self._store.close()


def test_detecting_dead_owners_takes_a_constant_number_of_statements(
    accounts: BudgetAccounts, tmp_path: Path
) -> None:
    """Transactions wait for it, and a fleet has thousands of owners; here all on other hosts."""
    counted = []
    for first, last in ((0, 2), (2, 50)):
        with accounts.store.transaction() as db:
            for number in range(first, last):
                lease = (number, f"{number}-elsewhere", 0, 1, 0)
                db.execute("INSERT INTO leases VALUES (?, ?, ?, ?, ?)", lease)
                db.execute("INSERT INTO owners VALUES (?, ?)", (lease[1], END_OF_TIME_NS))
        store = CountingStore(accounts.store)
        assert not reap(TransactionRunner(store, lambda _: 0, time.time_ns), tmp_path, "")
        counted.append(store.statements)

    assert counted[0] == counted[1]


def test_a_store_is_written_to_no_more_often_than_it_wants(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """Calls inside a lease are settled meanwhile; the end of the lease writes them all."""
    accounts.store.write_every_s = 3600.0
    accounts.settle(reserve_leased(accounts), [(PLENTY, 1)])
    accounts._tick_when_due()
    spent = [other.state(PLENTY).spent]

    reservation = reserve_leased(accounts)
    accounts.later(lambda: accounts.settle(reservation, [(PLENTY, 2)]), soon=False)
    assert accounts._tick_when_due()
    spent.append(other.state(PLENTY).spent)
    accounts.close()

    assert [*spent, other.state(PLENTY).spent] == [1, 1, 3]


def test_a_small_lease_in_a_store_that_is_seldom_written_to_shrinks_to_four_times_its_use(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """A process with few calls would hold for minutes what others need: 4 of 62 are kept."""
    small = account(250)
    accounts.store.write_every_s = 1.0
    accounts.settle(reserve_leased(accounts, of=small), [(small, 1)])

    accounts.tick()

    denied = other.reserve("m", (), lambda _learned: [claim(246, small)])
    assert isinstance(denied, Denied)
    assert denied.state == State(1, 4)
    assert isinstance(other.reserve("m", (), lambda _learned: [claim(245, small)]), Reservation)


def test_a_full_lease_in_a_store_that_is_seldom_written_to_is_kept_for_a_while(
    accounts: BudgetAccounts, other: BudgetAccounts
) -> None:
    """There is plenty: taking it again with every other call would be two writes more."""
    plenty = account(100_000)
    accounts.store.write_every_s = 1.0
    accounts.settle(reserve_leased(accounts, of=plenty), [(plenty, 1)])

    faults: list[BaseException] = []
    accounts.on_fault = faults.append
    reserved = []
    for _ in range(6):
        accounts.tick()
        with other.store.transaction() as db:
            reserved += db.execute("SELECT reserved FROM books").fetchone()
    assert not faults

    assert reserved[0] == reserved[4] == 60
    assert reserved[-1] == 0


def test_hosts_that_share_a_database_write_ten_times_less_often_than_processes_of_a_host(
    tmp_path: Path,
) -> None:
    """Their transactions take turns, over a network."""
    file = Database(tmp_path / "budget.db")
    shared = PostgresDatabase({}, "a server")

    assert shared.write_every_s >= 10 * max(file.write_every_s, TICK_S)


def test_a_flush_that_outlives_the_stop_leaves_no_connection_open() -> None:
    """It may begin a transaction right after its accounts have closed the connection."""

    class Owner:
        def __init__(self) -> None:
            self.ticks, self.goes_on, self.closed = (threading.Event() for _ in range(3))

        def tick(self) -> bool:
            self.ticks.set()
            return self.goes_on.wait(60)

    owner = Owner()
    flusher = BackgroundFlusher(owner.tick, after_stop=owner.closed.set)
    flusher.wake()
    assert owner.ticks.wait(60)

    flusher.stop()
    assert not owner.closed.is_set()
    owner.goes_on.set()

    assert owner.closed.wait(60)
