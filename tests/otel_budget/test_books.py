"""Books: holds are granted while there is room, all or none, and cleared however a call ends."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from otel_budget.book import Claim, Crossing, Denied, State
from otel_budget.books import Books
from otel_budget.cost_budget import CostBudget
from otel_budget.leases import Hold
from otel_budget.lessons import Lesson
from otel_budget.owners import Owner, UnknownOwnerError, remains
from otel_budget.store import BudgetFileError
from otel_budget.windows import DAY_NS
from support.budgets import NOON_NS, book, claim

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.budgets import MakeBooks


def reserve(books: Books, *claims: Claim) -> Hold | Denied:
    return books.reserve("m", (), lambda _learned: claims)


def held(books: Books, *claims: Claim) -> Hold:
    result = reserve(books, *claims)
    assert isinstance(result, Hold)
    return result


def test_a_hold_counts_until_it_is_settled(books: Books) -> None:
    """60 held, 45 spent: 100 - 45 = 55 are left."""
    hold = held(books, claim(60))
    assert books.state(book()) == State(0, 60)

    books.settle(hold, [(book(), 45)])

    assert books.state(book()) == State(45, 0)


def test_no_room_is_denied(books: Books) -> None:
    """And it may change only if what is in the way is held, not spent."""
    hold = held(books, claim(60))
    while_held = reserve(books, claim(50))
    books.settle(hold, [(book(), 60)])
    once_spent = reserve(books, claim(50))

    assert isinstance(while_held, Denied)
    assert while_held.may_change
    assert isinstance(once_spent, Denied)
    assert not once_spent.may_change
    assert once_spent.state == State(60, 0)


def test_the_last_nano_dollar_can_be_held_and_no_more(books: Books) -> None:
    """A limit of 100 takes 100."""
    held(books, claim(100))

    assert isinstance(reserve(books, claim(1)), Denied)


def test_a_call_that_cost_nothing_gives_everything_back(books: Books) -> None:
    """Errors release."""
    hold = held(books, claim(60))

    books.settle(hold, [])

    assert books.state(book()) == State(0, 0)


def test_a_call_alone_may_have_all_that_is_left(books: Books) -> None:
    """Its ceiling of 400 does not fit, the 70 it needs at least do; then nobody else gets in."""
    held(books, claim(400, least=70))

    assert books.state(book()) == State(0, 100)
    assert isinstance(reserve(books, claim(1)), Denied)


def test_several_budgets_hold_all_or_nothing(books: Books) -> None:
    """The tenant has room, the day has not: neither is touched."""
    tenant, day = book(1000, name="tenant", scope="acme"), book(10)

    denied = reserve(books, claim(50, tenant), claim(50, day))

    assert isinstance(denied, Denied)
    assert denied.book == day
    assert books.state(tenant) == State(0, 0)


def test_scope_values_do_not_share(books: Books) -> None:
    """What acme spends is not globex's."""
    held(books, claim(100, book(scope="acme")))

    assert isinstance(reserve(books, claim(100, book(scope="globex"))), Hold)


def test_a_hold_belongs_to_the_window_it_was_made_in(books: Books) -> None:
    """A call over midnight is booked on the day it began; the new day starts at nothing."""
    yesterday, today = book(start_ns=1), book(start_ns=2)
    hold = held(books, claim(100, yesterday))

    assert isinstance(reserve(books, claim(100, today)), Hold)
    books.settle(hold, [(yesterday, 90)])
    assert books.state(yesterday).spent == 90
    assert books.state(today) == State(0, 100)


def test_after_a_clock_was_set_back_nothing_is_given_out_again(books: Books) -> None:
    """30 on Monday and 60 on Tuesday; back on Monday 10 are left, and on Tuesday 40 again."""
    budget = CostBudget(name="day", limit=100)
    monday, tuesday = (budget.book_of("", NOON_NS + n * DAY_NS) for n in (0, 1))
    books.charge([(monday, 30)])
    books.charge([(tuesday, 60)])

    assert isinstance(reserve(books, claim(11, monday)), Denied)
    assert books.state(monday).spent == 90
    assert books.state(tuesday).spent == 60


def test_a_clock_that_was_years_ahead_does_not_block_the_budget(books: Books) -> None:
    """Only the window that follows counts as well."""
    budget = CostBudget(name="day", limit=100)
    today, one_day = (budget.book_of("", NOON_NS + n * DAY_NS) for n in (0, 4000))
    books.charge([(one_day, 100)])

    assert books.state(today).spent == 0


def test_settling_twice_counts_once(books: Books) -> None:
    """The second time the hold is gone."""
    hold = held(books, claim(60))
    books.settle(hold, [(book(), 45)])
    books.settle(hold, [(book(), 45)])

    assert books.state(book()) == State(45, 0)


def test_what_a_dead_process_holds_is_charged_as_its_calls_likely_cost(
    books: Books, make_books: MakeBooks
) -> None:
    """It asked for 90 of 100 and dies; its call was probably billed 20, the rest comes back."""
    dead = make_books()
    reserve(dead, Claim(book(), 90, 90, 20))
    dead.close()  # which leaves behind what is on its way

    result = reserve(books, claim(80))

    assert isinstance(result, Hold)
    assert books.state(book()) == State(20, 80)


def test_what_a_living_process_holds_stays_held(books: Books, make_books: MakeBooks) -> None:
    """However often others ask."""
    alive = make_books()
    reserve(alive, claim(90))

    assert isinstance(reserve(books, claim(80)), Denied)
    assert not books.reap()
    alive.close()


def test_a_hold_that_nobody_ended_expires(books: Books) -> None:
    """An hour later it is charged; no call lasts as long."""
    held(books, claim(60))
    with books.store.transaction() as db:
        db.execute("UPDATE holds SET expires_ns = 1")

    books.reap()

    assert books.state(book()) == State(60, 0)


def test_an_owner_is_alive_until_it_lets_go(tmp_path: Path) -> None:
    """The lock on its file says so, not its process id."""
    owner = Owner(tmp_path)
    assert remains(tmp_path, owner.name) is None

    owner.owed[3] = 70
    owner.close(remove=False)

    left = remains(tmp_path, owner.name)
    assert left is not None
    assert left.owed is not None
    assert left.owed[3] == 70


def test_of_an_owner_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    """It may run on another host."""
    owner = Owner(tmp_path)
    owner.close(remove=True)

    with pytest.raises(UnknownOwnerError):
        remains(tmp_path, owner.name)


def test_books_open_with_what_the_ledger_knows(make_books: MakeBooks) -> None:
    """Spent before there was a budget, or before its file was lost."""
    books = make_books(opening=lambda _book: 70)

    assert isinstance(reserve(books, claim(40)), Denied)
    assert books.state(book()) == State(70, 0)
    books.close()


def test_a_deleted_file_is_made_again_from_the_ledger(tmp_path: Path) -> None:
    """SQLite would go on with the file that is gone."""
    spent = {"known": 0}
    books = Books(tmp_path, opening=lambda _book: spent["known"])
    books.charge([(book(), 30)])
    spent["known"] = 30
    for path in tmp_path.glob("budget.db*"):
        path.unlink()

    assert books.state(book()).spent == 30
    books.close()


def test_files_are_private(tmp_path: Path, books: Books) -> None:
    """Nobody else reads who spent what."""
    held(books, claim(1))

    for path in (tmp_path / "state").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_each_threshold_is_told_once(books: Books) -> None:
    """60 passes 50; 96 passes 80 and 95 together; going on says nothing new."""
    first = books.charge([(book(), 60)])
    second = books.charge([(book(), 36)])
    third = books.charge([(book(), 1)])

    assert first == [Crossing(book(), 50, 60)]
    assert [crossing.percent for crossing in second] == [80, 95]
    assert third == []


def test_thresholds_are_told_again_in_the_next_window(books: Books) -> None:
    """Each window begins anew."""
    books.charge([(book(start_ns=1), 60)])

    assert [c.percent for c in books.charge([(book(start_ns=2), 60)])] == [50]


def test_spending_can_be_taken_back(books: Books) -> None:
    """When a call turns out to be another one's duplicate."""
    books.charge([(book(), 60)])
    books.charge([(book(), -60)])

    assert books.state(book()) == State(0, 0)


def test_what_was_learned_is_shared(books: Books, make_books: MakeBooks) -> None:
    """The most and the least of all processes."""
    other = make_books()
    for store, tokens in ((books, 100), (other, 300)):
        hold = held(store, claim(1))
        store.settle(hold, [], [Lesson.of("m", "input 5", tokens, 20)])
    other.close()
    seen: list[Lesson | None] = []

    def ask(learned: Sequence[Lesson | None]) -> list[Claim]:
        seen[:] = learned
        return [claim(90)]

    books.reserve("m", ("input 5", "other"), ask)

    assert seen == [Lesson("m", "input 5", 2, 300, 100, 20), None]


def test_a_file_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    """The gate decides what that means."""
    (tmp_path / "budget.db").mkdir()
    books = Books(tmp_path)

    with pytest.raises(BudgetFileError, match="cannot use"):
        books.state(book())
    books.close()


def test_a_full_disk_is_said_and_nothing_is_granted(tmp_path: Path) -> None:
    """And once there is room again, everything goes on."""
    books = Books(tmp_path)
    books.state(book())
    database: Any = books.store._connection  # type: ignore[attr-defined]
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(BudgetFileError, match="full"):
        for number in range(500):
            held(books, claim(1, book(scope=f"somebody with a long name {number}" * 20)))

    assert isinstance(reserve(books, claim(1)), Hold)
    books.close()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Where the file of the owner would go."""
    (tmp_path / "budget.owners").write_text("not a folder")
    books = Books(tmp_path)

    with pytest.raises(BudgetFileError, match=r"budget\.owners"):
        held(books, claim(1))
    books.close()


def test_a_forked_child_does_not_end_the_holds_of_its_parent(books: Books) -> None:
    """Even if it comes to settle one that it has inherited."""
    hold = held(books, claim(40))
    child = os.fork()
    if child == 0:
        books.settle(hold, [(book(), 40)])
        os.kill(os.getpid(), 9)

    os.waitpid(child, 0)
    assert books.state(book()) == State(0, 40)


def test_a_forked_child_owns_nothing_of_its_parent(books: Books) -> None:
    """It holds in its own name, and its end does not end the parent's holds."""
    held(books, claim(40))
    child = os.fork()
    if child == 0:
        books.at_fork()
        ok = isinstance(reserve(books, claim(40)), Hold)
        os.kill(os.getpid(), 9 if ok else 15)

    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == 9
    assert books.state(book()) == State(0, 80)
    books.reap()
    assert books.state(book()) == State(40, 40)
