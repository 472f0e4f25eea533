"""Leases: where there is plenty, a process holds and settles without asking the shared books."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otel_budget.book import Book, Claim, Crossing, Denied, State
from otel_budget.books import Books
from otel_budget.leases import Hold
from otel_budget.owners import SLOTS
from otel_budget.reading import reading_books
from otel_budget.store import BudgetFileError
from support.budgets import book, claim, kill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.budgets import Locked, MakeBooks

PLENTY = book(1000)


@pytest.fixture
def books(make_books: MakeBooks) -> Books:
    """Books that are tidied up when the test says so."""
    return make_books(by_hand=True)


@pytest.fixture
def other(make_books: MakeBooks) -> Books:
    """The same books in another process."""
    return make_books(by_hand=True)


def say_nothing_for_long(books: Books) -> None:
    """Have a minute pass without a word of anybody."""
    with books.store.transaction() as db:
        db.execute("UPDATE owners SET expires_ns = 0")


def hold(books: Books, amount: int = 1, of: Book = PLENTY) -> Hold:
    result = books.reserve("m", (), lambda _learned: [claim(amount, of)])
    assert isinstance(result, Hold)
    return result


def test_a_lease_is_used_without_the_shared_books(books: Books, locked: Locked) -> None:
    """The first call takes it; those that follow do not notice that the file is locked."""
    first = hold(books)
    with locked():
        began = time.monotonic()
        second = hold(books)
        books.settle(second, [(PLENTY, 1)])
        books.settle(first, [(PLENTY, 1)])
        assert time.monotonic() - began < 0.1

    assert books.state(PLENTY) == State(2, 0)


def test_others_cannot_hold_what_is_leased(books: Books, other: Books) -> None:
    """A hundred calls like the first one, which itself is one more: 899 are left."""
    hold(books)

    denied = other.reserve("m", (), lambda _learned: [claim(900, PLENTY)])
    assert isinstance(denied, Denied)
    assert denied.state.reserved == 101


def test_what_is_leased_and_not_used_is_not_shown_as_held(books: Books, other: Books) -> None:
    """Three are on their way and four are spent; the other 94 of the lease are left."""
    books.settle(hold(books, 5), [(PLENTY, 4)])
    hold(books, 3)

    assert other.state(PLENTY) == State(0, 7)
    assert books.state(PLENTY) == State(4, 3)


def test_all_leases_together_leave_most_of_the_budget(make_books: MakeBooks) -> None:
    """Each process takes a hundred calls or its share of a quarter of what is left."""
    processes = [make_books(by_hand=True) for _ in range(8)]
    for books in processes:
        hold(books)

    denied = processes[0].reserve("m", (), lambda _learned: [claim(1000, PLENTY)])
    assert isinstance(denied, Denied)
    assert denied.state.reserved < 400


def test_near_the_limit_calls_are_held_one_by_one(books: Books, other: Books) -> None:
    """Of 20 left for calls of 1 a share would be five; nothing is reserved but the call."""
    books.charge([(PLENTY, 980)])
    hold(books)

    assert other.state(PLENTY) == State(980, 1)


def test_an_idle_lease_comes_back(books: Books, other: Books) -> None:
    """At the second look at which nothing was held since the one before."""
    books.settle(hold(books), [(PLENTY, 1)])
    assert books.tick(), "the lease goes on"

    books.tick()
    everything = other.reserve("m", (), lambda _learned: [claim(999, PLENTY)])
    assert isinstance(everything, Hold)
    assert not books.tick(), "there is nothing left to do"


def test_a_call_on_its_way_keeps_its_part_of_an_idle_lease(books: Books, other: Books) -> None:
    """The rest comes back."""
    on_its_way = hold(books, 5)
    books.tick()
    books.tick()
    assert other.state(PLENTY) == State(0, 5)

    books.settle(on_its_way, [(PLENTY, 3)])
    books.tick()
    assert other.state(PLENTY) == State(3, 0)


def test_what_a_killed_process_spent_inside_its_lease_is_charged(
    books: Books, other: Books
) -> None:
    """Two calls settled at 3 and one on its way that may cost 5: 11; the rest comes back."""
    for _ in range(2):
        books.settle(hold(books, 5), [(PLENTY, 3)])
    hold(books, 5)
    kill(books)

    assert other.reap()
    assert other.state(PLENTY) == State(11, 0)


def test_what_was_written_down_before_is_not_charged_again(books: Books, other: Books) -> None:
    """The shared books know of the first call when the second is made."""
    books.settle(hold(books, 5), [(PLENTY, 3)])
    books.tick()
    books.settle(hold(books, 5), [(PLENTY, 4)])
    kill(books)

    assert other.reap()
    assert other.state(PLENTY) == State(7, 0)


def test_a_lease_of_a_process_without_a_file_is_charged_in_full(
    tmp_path: Path, books: Books, other: Books
) -> None:
    """Once it has said nothing for a minute: it may run on another host."""
    books.settle(hold(books), [(PLENTY, 1)])
    for path in (tmp_path / "state/budget.owners").iterdir():
        path.unlink()
    assert not other.reap()
    assert other.state(PLENTY) == State(0, 101)

    say_nothing_for_long(other)
    other._next_reap = 0

    assert other.reap()
    assert other.state(PLENTY) == State(101, 0)


def test_who_was_taken_for_dead_spends_nothing_more_of_its_lease(
    tmp_path: Path, books: Books, other: Books
) -> None:
    """It was charged for all of it; what it settles is part of that."""
    first = hold(books)
    for path in (tmp_path / "state/budget.owners").iterdir():
        path.unlink()
    say_nothing_for_long(other)
    other.reap()

    books.settle(first, [(PLENTY, 1)])
    books.tick()

    assert other.state(PLENTY) == State(101, 0)
    hold(books)
    assert other.state(PLENTY).spent == 101


def test_those_who_only_look_see_the_same(tmp_path: Path) -> None:
    """Without a lock, in the file."""
    books = Books(tmp_path)
    books.settle(hold(books, 5), [(PLENTY, 4)])
    hold(books, 3)

    with reading_books(tmp_path) as reader:
        found = reader.state(PLENTY)
        assert found is not None
        assert found.spent + found.reserved == 7
    books.close()


def test_several_budgets_lease_or_hold_each_for_itself(books: Books, other: Books) -> None:
    """Plenty for the day, little for the tenant: both are held, and settled."""
    tenant = book(10, name="tenant", scope="acme")
    both = [claim(2, PLENTY), claim(2, tenant)]
    on_its_way = books.reserve("m", (), lambda _learned: both)
    assert isinstance(on_its_way, Hold)
    assert other.state(tenant) == State(0, 2)

    books.settle(on_its_way, [(PLENTY, 1), (tenant, 1)])

    assert other.state(tenant) == State(1, 0)
    assert books.state(PLENTY) == State(1, 0)


def test_a_call_that_cost_more_than_was_held_is_charged_in_full(books: Books, other: Books) -> None:
    """What was spent was spent."""
    books.settle(hold(books), [(PLENTY, 500)])
    books.tick()

    assert other.state(PLENTY) == State(500, 0)


def test_thresholds_passed_inside_leases_are_told_once(books: Books, other: Books) -> None:
    """By whoever writes it down first."""
    told: list[Crossing] = []
    for process in (books, other):
        process.on_crossed = told.extend
    small = book(1000)
    for _ in range(60):
        for process in (books, other):
            process.settle(hold(process, 10, small), [(small, 8)])
        books.tick()
        other.tick()

    assert [crossing.percent for crossing in told] == [50, 80, 95]


def test_books_that_cannot_be_written_do_not_lose_what_was_settled(
    books: Books, locked: Locked
) -> None:
    """It is written down once they can."""
    faults: list[BaseException] = []
    books.on_fault = faults.append
    books.settle(hold(books), [(PLENTY, 1)])
    with locked():
        books.tick()
    assert isinstance(faults[0], BudgetFileError)

    books.tick()

    assert books.state(PLENTY) == State(1, 0)


def test_an_entry_that_could_not_be_settled_is_settled_later(
    books: Books, other: Books, locked: Locked
) -> None:
    """Held near the limit, and the file is locked when the call ends."""
    tight = book(10)
    on_its_way = hold(books, 5, tight)
    with locked(), pytest.raises(BudgetFileError):
        books.settle(on_its_way, [(tight, 4)])
    assert other.state(tight) == State(0, 5)

    books.tick()

    assert other.state(tight) == State(4, 0)


def test_while_the_file_is_locked_only_the_first_call_waits_long(
    books: Books, locked: Locked
) -> None:
    """Two seconds; those that follow within a second only a moment."""
    books.state(PLENTY)
    waited = []
    with locked():
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(BudgetFileError):
                books.charge([(PLENTY, 1)])
            waited.append(time.monotonic() - began)

    assert waited[0] >= 1.9
    assert max(waited[1:]) < 0.5


def test_more_books_than_leases_are_held_one_by_one(books: Books) -> None:
    """A budget for each of very many users."""
    users = [book(1000, scope=f"user {n}") for n in range(SLOTS + 2)]
    holds = [hold(books, 1, user) for user in users]

    assert [bool(one.parts) for one in holds].count(False) == 2
    for user, one in zip(users, holds, strict=True):
        books.settle(one, [(user, 1)])
    books.tick()
    books.tick()
    assert hold(books, 1, book(1000, scope="another")).parts


def test_a_call_over_midnight_is_settled_in_the_lease_of_its_day(
    books: Books, other: Books
) -> None:
    """And the new day leases anew."""
    yesterday, today = book(1000, start_ns=1), book(1000, start_ns=2)
    on_its_way = hold(books, 5, yesterday)
    hold(books, 5, today)
    books.settle(on_its_way, [(yesterday, 4)])
    books.tick()

    assert other.state(yesterday).spent == 4
    assert other.state(today).spent == 0


def test_calls_that_are_settled_later_are_settled_before_anybody_looks(books: Books) -> None:
    """The thread that does it may not have had its turn."""
    on_its_way = hold(books)
    books.later(lambda: books.settle(on_its_way, [(PLENTY, 1)]), soon=False)

    assert books.state(PLENTY) == State(1, 0)


def test_the_keeper_writes_down_and_gives_back_by_itself(
    make_books: MakeBooks, other: Books
) -> None:
    """Within half a second, without another call."""
    books = make_books()
    on_its_way = hold(books)
    books.later(lambda: books.settle(on_its_way, [(PLENTY, 1)]), soon=False)

    deadline = time.monotonic() + 5
    while other.state(PLENTY) != State(1, 0) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert other.state(PLENTY) == State(1, 0)


def test_a_call_waits_for_leases_it_may_get_something_of(books: Books, other: Books) -> None:
    """What is leased and not spent may come back."""
    hold(books, 5)

    def ask(_learned: Sequence[object]) -> list[Claim]:
        return [claim(950, PLENTY)]

    denied = other.reserve("m", (), ask)
    assert isinstance(denied, Denied)
    assert denied.may_change
