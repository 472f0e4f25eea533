"""Budget accounts: all reservations of a call or none, released however the call ends."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otel_budget.accounts.account import BudgetAccount, Claim, Crossing, Denied, State
from otel_budget.accounts.schema import LEASE_TABLES, TABLES, BudgetFileError
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.cost_budget import CostBudget
from otel_budget.reservations.leases import Reservation
from otel_budget.reservations.owners import Owner, UnknownOwnerError, remains
from otel_budget.reservations.usage_ceilings import UsageCeiling
from otel_budget.windows import DAY_NS
from support.budgets import NOON_NS, account, claim

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.budgets import MakeAccounts


def reserve(accounts: BudgetAccounts, *claims: Claim) -> Reservation | Denied:
    return accounts.reserve("m", (), lambda _learned: claims)


def held(accounts: BudgetAccounts, *claims: Claim) -> Reservation:
    result = reserve(accounts, *claims)
    assert isinstance(result, Reservation)
    return result


def test_a_reservation_counts_until_it_is_settled(accounts: BudgetAccounts) -> None:
    """60 held, 45 spent: 100 - 45 = 55 are left."""
    reservation = held(accounts, claim(60))
    assert accounts.state(account()) == State(0, 60)

    accounts.settle(reservation, [(account(), 45)])

    assert accounts.state(account()) == State(45, 0)


def test_no_room_is_denied(accounts: BudgetAccounts) -> None:
    """The outcome may change only while the amount is reserved, not spent."""
    reservation = held(accounts, claim(60))
    while_held = reserve(accounts, claim(50))
    accounts.settle(reservation, [(account(), 60)])
    once_spent = reserve(accounts, claim(50))

    assert isinstance(while_held, Denied)
    assert while_held.may_change
    assert isinstance(once_spent, Denied)
    assert not once_spent.may_change
    assert once_spent.state == State(60, 0)


def test_the_last_nano_dollar_can_be_reserved_and_no_more(accounts: BudgetAccounts) -> None:
    """A limit of 100 takes 100."""
    held(accounts, claim(100))

    assert isinstance(reserve(accounts, claim(1)), Denied)


def test_a_free_call_releases_its_reservation(accounts: BudgetAccounts) -> None:
    """Errors release."""
    reservation = held(accounts, claim(60))

    accounts.settle(reservation, [])

    assert accounts.state(account()) == State(0, 0)


def test_a_single_call_may_reserve_the_remainder(accounts: BudgetAccounts) -> None:
    """Its ceiling of 400 does not fit, its minimum of 70 does; then no other call is admitted."""
    held(accounts, claim(400, least=70))

    assert accounts.state(account()) == State(0, 100)
    assert isinstance(reserve(accounts, claim(1)), Denied)


def test_several_budgets_reserve_all_or_nothing(accounts: BudgetAccounts) -> None:
    """The tenant has room, the day has not: neither is touched."""
    tenant, day = account(1000, name="tenant", scope="acme"), account(10)

    denied = reserve(accounts, claim(50, tenant), claim(50, day))

    assert isinstance(denied, Denied)
    assert denied.account == day
    assert accounts.state(tenant) == State(0, 0)


def test_scope_values_do_not_share(accounts: BudgetAccounts) -> None:
    """Spending of acme does not count for globex."""
    held(accounts, claim(100, account(scope="acme")))

    assert isinstance(reserve(accounts, claim(100, account(scope="globex"))), Reservation)


def test_a_reservation_belongs_to_the_window_of_its_creation(accounts: BudgetAccounts) -> None:
    """A call over midnight is charged to the day it began; the new day starts at zero."""
    yesterday, today = account(start_ns=1), account(start_ns=2)
    reservation = held(accounts, claim(100, yesterday))

    assert isinstance(reserve(accounts, claim(100, today)), Reservation)
    accounts.settle(reservation, [(yesterday, 90)])
    assert accounts.state(yesterday).spent == 90
    assert accounts.state(today) == State(0, 100)


def test_after_a_clock_was_set_back_no_amount_is_available_twice(accounts: BudgetAccounts) -> None:
    """30 on Monday and 60 on Tuesday; back on Monday 10 are left, and on Tuesday 40 again."""
    budget = CostBudget(name="day", limit=100)
    monday, tuesday = (budget.account_of("", NOON_NS + n * DAY_NS) for n in (0, 1))
    accounts.charge([(monday, 30)])
    accounts.charge([(tuesday, 60)])

    assert isinstance(reserve(accounts, claim(11, monday)), Denied)
    assert accounts.state(monday).spent == 90
    assert accounts.state(tuesday).spent == 60


def test_a_clock_that_was_years_ahead_does_not_block_the_budget(accounts: BudgetAccounts) -> None:
    """Only the window that follows counts as well."""
    budget = CostBudget(name="day", limit=100)
    today, one_day = (budget.account_of("", NOON_NS + n * DAY_NS) for n in (0, 4000))
    accounts.charge([(one_day, 100)])

    assert accounts.state(today).spent == 0


def test_settling_twice_counts_once(accounts: BudgetAccounts) -> None:
    """The second time the reservation is gone."""
    reservation = held(accounts, claim(60))
    accounts.settle(reservation, [(account(), 45)])
    accounts.settle(reservation, [(account(), 45)])

    assert accounts.state(account()) == State(45, 0)


def test_reservations_of_a_dead_process_are_charged_at_their_likely_cost(
    accounts: BudgetAccounts, make_accounts: MakeAccounts
) -> None:
    """It reserves 90 of 100 and dies; its call likely cost 20, the rest is released."""
    dead = make_accounts()
    reserve(dead, Claim(account(), 90, 90, 20))
    dead.close()  # leaves calls in progress behind

    result = reserve(accounts, claim(80))

    assert isinstance(result, Reservation)
    assert accounts.state(account()) == State(20, 80)


def test_reservations_of_a_live_process_stay(
    accounts: BudgetAccounts, make_accounts: MakeAccounts
) -> None:
    """For any number of requests of others."""
    alive = make_accounts()
    reserve(alive, claim(90))

    assert isinstance(reserve(accounts, claim(80)), Denied)
    assert not accounts.reap()
    alive.close()


def test_an_abandoned_reservation_expires(accounts: BudgetAccounts) -> None:
    """An hour later it is charged; no call lasts as long."""
    held(accounts, claim(60))
    with accounts.store.transaction() as db:
        db.execute("UPDATE holds SET expires_ns = 1")

    accounts.reap()

    assert accounts.state(account()) == State(60, 0)


def test_an_owner_is_alive_until_it_releases_its_lock(tmp_path: Path) -> None:
    """By the lock on its file, not its process id."""
    owner = Owner(tmp_path)
    assert remains(tmp_path, owner.name) is None

    owner.owed[3] = 70
    owner.close(remove=False)

    left = remains(tmp_path, owner.name)
    assert left is not None
    assert left.owed is not None
    assert left.owed[3] == 70


def test_the_state_of_an_owner_without_a_file_is_unknown(tmp_path: Path) -> None:
    """It may run on another host."""
    owner = Owner(tmp_path)
    owner.close(remove=True)

    with pytest.raises(UnknownOwnerError):
        remains(tmp_path, owner.name)


def test_accounts_open_with_the_spending_of_the_ledger(make_accounts: MakeAccounts) -> None:
    """Spending from before the budget, or before its file was lost."""
    accounts = make_accounts(opening=lambda _account: 70)

    assert isinstance(reserve(accounts, claim(40)), Denied)
    assert accounts.state(account()) == State(70, 0)
    accounts.close()


def test_a_deleted_file_is_rebuilt_from_the_ledger(tmp_path: Path) -> None:
    """SQLite would keep using the deleted file."""
    spent = {"known": 0}
    accounts = BudgetAccounts(tmp_path, opening=lambda _account: spent["known"])
    accounts.charge([(account(), 30)])
    spent["known"] = 30
    for path in tmp_path.glob("budget.db*"):
        path.unlink()

    assert accounts.state(account()).spent == 30
    accounts.close()


def test_files_are_private(tmp_path: Path, accounts: BudgetAccounts) -> None:
    """Other users cannot read the spending."""
    held(accounts, claim(1))

    for path in (tmp_path / "state").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_each_threshold_is_reported_once(accounts: BudgetAccounts) -> None:
    """60 passes 50; 96 passes 80 and 95 together; further spending reports nothing new."""
    first = accounts.charge([(account(), 60)])
    second = accounts.charge([(account(), 36)])
    third = accounts.charge([(account(), 1)])

    assert first == [Crossing(account(), 50, 60)]
    assert [crossing.percent for crossing in second] == [80, 95]
    assert third == []


def test_thresholds_are_reported_again_in_the_next_window(accounts: BudgetAccounts) -> None:
    """Each window starts at zero."""
    accounts.charge([(account(start_ns=1), 60)])

    assert [c.percent for c in accounts.charge([(account(start_ns=2), 60)])] == [50]


def test_spending_can_be_taken_back(accounts: BudgetAccounts) -> None:
    """When a call proves to be a duplicate."""
    accounts.charge([(account(), 60)])
    accounts.charge([(account(), -60)])

    assert accounts.state(account()) == State(0, 0)


def test_learned_usage_is_shared(accounts: BudgetAccounts, make_accounts: MakeAccounts) -> None:
    """Maximum and minimum of all processes."""
    other = make_accounts()
    for store, tokens in ((accounts, 100), (other, 300)):
        reservation = held(store, claim(1))
        store.settle(reservation, [], [UsageCeiling.of("m", "input 5", tokens, 20)])
    other.close()
    seen: list[UsageCeiling | None] = []

    def ask(learned: Sequence[UsageCeiling | None]) -> list[Claim]:
        seen[:] = learned
        return [claim(90)]

    accounts.reserve("m", ("input 5", "other"), ask)

    assert seen == [UsageCeiling("m", "input 5", 2, 300, 100, 20), None]


def test_an_unusable_file_is_reported(tmp_path: Path) -> None:
    """The gate applies its policy."""
    (tmp_path / "budget.db").mkdir()
    accounts = BudgetAccounts(tmp_path)

    with pytest.raises(BudgetFileError, match="cannot use"):
        accounts.state(account())
    accounts.close()


def test_a_full_disk_is_reported_and_no_call_is_admitted(tmp_path: Path) -> None:
    """And once there is room again, calls are admitted."""
    accounts = BudgetAccounts(tmp_path)
    accounts.state(account())
    database: Any = accounts.store._connection  # type: ignore[attr-defined]
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(BudgetFileError, match="full"):
        for number in range(500):
            held(accounts, claim(1, account(scope=f"somebody with a long name {number}" * 20)))

    assert isinstance(reserve(accounts, claim(1)), Reservation)
    accounts.close()


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """The folder for the file of the owner."""
    (tmp_path / "budget.owners").write_text("not a folder")
    accounts = BudgetAccounts(tmp_path)

    with pytest.raises(BudgetFileError, match=r"budget\.owners"):
        held(accounts, claim(1))
    accounts.close()


def test_a_forked_child_does_not_end_reservations_of_its_parent(accounts: BudgetAccounts) -> None:
    """Even if it settles an inherited one."""
    reservation = held(accounts, claim(40))
    child = os.fork()
    if child == 0:
        accounts.settle(reservation, [(account(), 40)])
        os.kill(os.getpid(), 9)

    os.waitpid(child, 0)
    assert accounts.state(account()) == State(0, 40)


def test_a_forked_child_owns_nothing_of_its_parent(accounts: BudgetAccounts) -> None:
    """It has its own reservations, and its end does not end the parent's."""
    held(accounts, claim(40))
    child = os.fork()
    if child == 0:
        accounts.at_fork()
        ok = isinstance(reserve(accounts, claim(40)), Reservation)
        os.kill(os.getpid(), 9 if ok else 15)

    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == 9
    assert accounts.state(account()) == State(0, 80)
    accounts.reap()
    assert accounts.state(account()) == State(40, 40)


def test_a_file_of_the_previous_version_keeps_its_spending(tmp_path: Path) -> None:
    """Its columns are renamed once, and its thresholds are not reported again."""
    path = tmp_path / "budget.db"
    before = (
        *(
            table.replace("notified_percent", "told").replace("cost_if_lost", "likely")
            for table in (*TABLES, *LEASE_TABLES)
        ),
        "PRAGMA user_version = 2",
        (
            "INSERT INTO books (budget, scope, start_ns, spent, reserved, told)"
            " VALUES ('day', '', 0, 60, 0, 50)"
        ),
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in before:
            connection.execute(statement.format(identity="INTEGER"))
    accounts = BudgetAccounts(tmp_path)
    old = BudgetAccount("day", "", 0, 0, 100)

    assert accounts.state(old).spent == 60
    assert accounts.charge([(old, 10)]) == []
    accounts.close()
