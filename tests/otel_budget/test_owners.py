"""Files of live processes: owners, open calls, and faults."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from otel_budget.accounts import sqlite as sqlite_accounts
from otel_budget.accounts.account import State
from otel_budget.accounts.repair import replace_damaged
from otel_budget.accounts.schema import TABLES, BudgetFileError
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.reservations import known_spending, owners
from otel_budget.reservations.background_flusher import BackgroundFlusher
from otel_budget.reservations.known_spending import KnownSpending
from otel_budget.reservations.leases import Reservation
from otel_budget.reservations.open_calls import FOLDER_NAME, OpenCalls
from otel_budget.reservations.owners import (
    SLOTS,
    Owner,
    UnknownOwnerError,
    forget,
    is_dead,
    owed,
    remains,
)
from otel_budget.reservations.usage_ceilings import CeilingRows, UsageCeiling, UsageCeilings
from otel_host import file_locks
from otel_host.file_locks import try_lock
from support.budgets import account, claim
from support.process import clean_environment, run

if TYPE_CHECKING:
    from pathlib import Path

PLENTY = account(10**9)
(CEILINGS,) = (each for each in TABLES if "CREATE TABLE ceilings" in each)


def test_an_owner_lives_while_its_file_is_locked(tmp_path: Path) -> None:
    """Its debt is read after its end."""
    owner = Owner(tmp_path / "owners")
    slot = owner.take_slot()
    assert slot is not None
    owner.owed[slot] = 42
    assert remains(tmp_path / "owners", owner.name) is None
    assert not is_dead(tmp_path / "owners", owner.name)
    owner.close(remove=False)

    found = remains(tmp_path / "owners", owner.name)

    assert found is not None
    assert found.owed is not None
    assert found.owed[slot] == 42
    assert is_dead(tmp_path / "owners", owner.name)


def test_slots_are_used_again_and_run_out(tmp_path: Path) -> None:
    """Further calls are reserved one by one."""
    owner = Owner(tmp_path / "owners", slots=2)
    slots = [owner.take_slot(), owner.take_slot()]
    assert owner.take_slot() is None
    assert slots[0] is not None
    owner.owed[slots[0]] = 7
    owner.free_slot(slots[0])

    assert owner.take_slot() == slots[0]
    assert owner.owed[slots[0]] == 0
    owner.close(remove=True)
    assert not list((tmp_path / "owners").iterdir())


def test_a_file_locked_by_another_process_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two owners of one name would be mixed up."""
    monkeypatch.setattr(owners, "try_lock", lambda _descriptor: False)

    with pytest.raises(OSError, match="is locked by another process"):
        Owner(tmp_path / "owners")


def test_an_owner_whose_descriptor_the_program_closed_locks_its_file_again(tmp_path: Path) -> None:
    """As in programs that close all inherited descriptors."""
    owner = Owner(tmp_path / "owners")
    os.close(owner._own.number)
    owner.hold_on()

    assert remains(tmp_path / "owners", owner.name) is None
    owner.close(remove=True)


def test_an_owner_whose_file_was_replaced_leaves_the_new_one_alone(tmp_path: Path) -> None:
    """It belongs to another process."""
    owner = Owner(tmp_path / "owners")
    path = tmp_path / "owners" / owner.name
    path.rename(path.with_suffix(".moved"))
    path.touch(mode=0o600)
    os.close(owner._own.number)
    owner.hold_on()

    descriptor = os.open(path, os.O_RDWR)
    try:
        assert try_lock(descriptor)
    finally:
        os.close(descriptor)
    owner.close(remove=False)


@pytest.mark.parametrize("words", [b"", b"short", bytes(8 * SLOTS + 8)])
def test_words_of_another_length_say_nothing(tmp_path: Path, words: bytes) -> None:
    """They are of another version, or torn."""
    (tmp_path / "1-a").write_bytes(words)

    assert owed(tmp_path, "1-a") is None
    assert owed(tmp_path, "2-b") is None


def test_without_locks_no_owner_is_known_to_be_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where the file is gone: the owner may be on another host."""
    (tmp_path / "1-a").touch(mode=0o600)
    with pytest.raises(UnknownOwnerError):
        remains(tmp_path, "2-b")
    monkeypatch.setattr(owners, "HAS_LOCKS", False)

    with pytest.raises(UnknownOwnerError):
        remains(tmp_path, "1-a")
    assert not is_dead(tmp_path, "1-a")


def test_a_file_that_cannot_be_opened_or_locked_belongs_to_a_live_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clearing what it holds would be worse than waiting."""
    (tmp_path / "1-a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").touch()
    assert remains(tmp_path, "1-a") is None
    (tmp_path / "2-b").touch(mode=0o600)

    def no_locks(_descriptor: int) -> bool:
        raise OSError("no locks available")

    monkeypatch.setattr(owners, "try_lock", no_locks)
    assert remains(tmp_path, "2-b") is None


def test_old_files_of_dead_owners_are_removed(tmp_path: Path) -> None:
    """Recent ones stay, because their owner may be about to lock them; so do locked ones."""
    for name in ("1-old", "2-young", "3-used", "4-named"):
        (tmp_path / name).write_bytes(bytes(8 * SLOTS))
        (tmp_path / name).chmod(0o600)
    past = time.time() - 1000
    for name in ("1-old", "3-used"):
        os.utime(tmp_path / name, (past, past))
    forget(tmp_path, ["4-named", "5-never"], ["3-used"])

    assert sorted(path.name for path in tmp_path.iterdir()) == ["2-young", "3-used"]


def test_calls_without_a_trace_or_a_slot_are_not_recorded(tmp_path: Path) -> None:
    """They are held on both sides."""
    calls = OpenCalls(tmp_path)
    assert calls.begin(0) is None
    calls.end(None)
    slots = [calls.begin(n + 1) for n in range(300)]

    assert slots.count(None) == 300 - 256
    calls.end(slots[0])
    assert calls.begin(999) is not None
    calls.close()
    calls.close()


def test_where_the_folder_cannot_be_made_no_call_is_covered(tmp_path: Path) -> None:
    """And it is tried once."""
    (tmp_path / "file").touch()
    calls = OpenCalls(tmp_path / "file" / "state")

    assert calls.begin(1) is None
    assert calls.begin(2) is None
    assert not calls.covers(1)
    calls.close()


def test_files_of_dead_processes_are_removed_by_the_next(tmp_path: Path) -> None:
    """And cover no call before that."""
    folder = tmp_path / FOLDER_NAME
    folder.mkdir(mode=0o700)
    left = folder / "1-dead"
    left.write_bytes((77).to_bytes(16, "big") + bytes(16 * 255))
    left.chmod(0o600)
    calls = OpenCalls(tmp_path)
    assert not calls.covers(77)
    calls.begin(1)

    assert not left.exists()
    calls.close()


def test_a_forked_child_has_no_open_calls(tmp_path: Path) -> None:
    """The parent's file stays the parent's."""
    calls, other = OpenCalls(tmp_path), OpenCalls(tmp_path)
    calls.begin(77)
    memory = calls._memory
    calls.at_fork()

    assert calls.begin(78) is not None
    assert other.covers(77)
    assert other.covers(78)
    assert memory is not None


def test_observed_accounts_are_bounded_the_oldest_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A scope with a million values must not fill the memory."""
    monkeypatch.setattr(known_spending, "_MOST", 2)
    known = KnownSpending()
    for number in range(3):
        known.saw(account(scope=str(number)), number)
    known.saw(account(scope="2"), 9)
    known.added([(account(scope="2"), -20)])

    assert known.least({}) == {account(scope="1"): 1, account(scope="2"): 0}


def test_learned_usage_is_kept_until_it_can_be_shared() -> None:
    """With later usage, and shared by the next attempt."""

    class Broken:
        def execute(self, *_: Any) -> Any:
            raise sqlite3.OperationalError("database is locked")

    ceilings = UsageCeilings()
    ceilings.add(UsageCeiling.of("m", "input", 10, 5))
    ceilings.add(UsageCeiling.of("m", "output", 3, 0))
    with pytest.raises(sqlite3.OperationalError):
        ceilings.share(Broken(), CeilingRows(Broken(), []))

    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(CEILINGS)
        ceilings.share(db, ceilings.read(db))
        found = CeilingRows(db, [("m", "input")]).get(("m", "input"))
        assert found == UsageCeiling("m", "input", 1, 10, 10, 5)
        assert ceilings.look_up(ceilings.read(db, "m", ["unheard of"]), "m", "unheard of") is None


def test_too_many_models_restart_with_the_shared_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a process is bounded; nothing that all know is lost."""
    monkeypatch.setattr(UsageCeilings, "_MOST", 2)
    ceilings = UsageCeilings()
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(CEILINGS)
        for number in range(3):
            ceilings.add(UsageCeiling.of(f"m{number}", "input", 10, 5))
        ceilings.share(db, ceilings.read(db))
        ceilings.shared()
        ceilings.add(UsageCeiling.of("m9", "input", 1, 1))
        ceilings.share(db, ceilings.read(db))

        assert ceilings.of("m0", ["input"]) == [None]
        rows = ceilings.read(db, "m0", ["input"])
        assert ceilings.look_up(rows, "m0", "input") == UsageCeiling("m0", "input", 1, 10, 10, 5)
        assert ceilings.of("m0", ["input"]) != [None]


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """The error has the remedy."""
    first = BudgetAccounts(tmp_path)
    first.charge([(PLENTY, 5)])
    first.close()
    with closing(sqlite3.connect(tmp_path / "budget.db")) as file:
        file.execute("PRAGMA user_version = 99")

    with pytest.raises(BudgetFileError, match="made by a newer version; upgrade otel-distro"):
        BudgetAccounts(tmp_path).charge([(PLENTY, 1)])


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    """Reservations need a registered process."""
    accounts = BudgetAccounts(tmp_path)
    accounts.charge([(PLENTY, 1)])
    (tmp_path / accounts._folder.name).touch()

    with pytest.raises(BudgetFileError, match="cannot write in"):
        accounts.reserve("m", (), lambda _learned: [])
    accounts.close()


CLOSES_ALL = """
import os, sys
from pathlib import Path
from otel_budget.accounts.account import BudgetAccount
from otel_budget.accounts.schema import TABLES, BudgetFileError
from otel_budget.budget_accounts import BudgetAccounts

folder, uses = Path(sys.argv[1]), sys.argv[2] == "uses"
accounts = BudgetAccounts(folder)
account = BudgetAccount("day", "", 0, 0, 10**9)
accounts.charge([(account, 5)])
os.closerange(3, 1 << 20)
own = [os.open(folder / f"own-{n}", os.O_RDWR | os.O_CREAT) for n in range(40 if uses else 0)]
for _ in range(2):
    try:
        accounts.charge([(account, 5)])
        print("charged")
    except BudgetFileError as error:
        print(error)
print(all(os.fstat(number).st_size == 0 for number in own))
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.process
@pytest.mark.parametrize("uses", ["uses", "leaves"])
def test_files_of_a_program_that_closes_all_descriptors_are_unchanged(
    tmp_path: Path, uses: str
) -> None:
    """Where it reuses our descriptors, budgets report an error; otherwise they keep working."""
    done = run(
        [sys.executable, "-c", CLOSES_ALL, str(tmp_path / "state"), uses],
        clean_environment(tmp_path),
    )

    first, _, untouched = done.stdout.splitlines()
    assert untouched == "True", done.stderr
    assert first == "charged" if uses == "leaves" else "its descriptors" in first, done.stdout


def test_a_child_that_was_forked_in_the_middle_of_a_transaction_touches_nothing(
    tmp_path: Path,
) -> None:
    """SQLite's locks are the parent's; it is an error, not a damaged file."""
    accounts = BudgetAccounts(tmp_path)
    accounts.charge([(PLENTY, 5)])
    database = accounts.store
    assert isinstance(database, sqlite_accounts.Database)
    database._locked_for_fork = False
    database.after_fork_in_child()

    with pytest.raises(BudgetFileError, match="was forked while the file was in use"):
        accounts.charge([(PLENTY, 1)])
    assert BudgetAccounts(tmp_path).state(PLENTY) == State(5, 0)


def test_a_damaged_file_is_replaced_without_locks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By each process that opens it."""
    monkeypatch.setattr("otel_budget.accounts.repair.HAS_LOCKS", False)
    assert file_locks.HAS_LOCKS
    lines: list[str] = []
    (tmp_path / "budget.db").write_bytes(b"\x0fQLite format 3" + bytes(5000))
    accounts = BudgetAccounts(tmp_path, opening=lambda _account: 30, report=lines.append)

    accounts.charge([(PLENTY, 1)])

    assert accounts.state(PLENTY).spent == 31
    assert len(lines) == 1


def test_an_error_other_than_damage_replaces_no_file(tmp_path: Path) -> None:
    """Such as a lock."""

    def locked() -> sqlite3.Connection:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = 5
        raise error

    (tmp_path / "budget.db").write_bytes(b"content")
    with pytest.raises(sqlite3.OperationalError):
        replace_damaged(tmp_path / "budget.db", locked, lambda _line: None)

    assert (tmp_path / "budget.db").read_bytes() == b"content"


def test_a_file_that_another_process_has_replaced_is_used(tmp_path: Path) -> None:
    """No file is set aside a second time."""
    BudgetAccounts(tmp_path).charge([(PLENTY, 5)])
    lines: list[str] = []

    found = replace_damaged(
        tmp_path / "budget.db", lambda: sqlite3.connect(tmp_path / "budget.db"), lines.append
    )

    assert found.execute("SELECT spent FROM books").fetchall() == [(5,)]
    assert lines == []
    found.close()


def test_unwritten_spending_of_leases_counts(tmp_path: Path) -> None:
    """A new file begins with it."""
    accounts = BudgetAccounts(tmp_path)
    accounts._flusher.stop()
    accounts.charge([(PLENTY, 10)])
    reservation = accounts.reserve("m", (), lambda _learned: [claim(5, PLENTY)])
    assert isinstance(reservation, Reservation)
    accounts.settle(reservation, [(PLENTY, 4)])
    accounts.store.close()
    for path in tmp_path.glob("budget.db*"):
        path.unlink()

    accounts.charge([(PLENTY, 1)])

    assert accounts.state(PLENTY).spent == 15
    accounts.close()


def test_a_new_file_is_raised_to_the_observed_spending_only(tmp_path: Path) -> None:
    """Spending seen by this process is a lower bound."""
    accounts = BudgetAccounts(tmp_path, opening=lambda _account: 50)
    known = KnownSpending()
    known.saw(PLENTY, 20)
    accounts.charge([(PLENTY, 0)])
    with accounts.store.transaction() as db:
        known.raise_to(db, known.least({}))

        known.saw(PLENTY, 90)
    assert accounts.state(PLENTY).spent == 50
    with accounts.store.transaction() as db:
        known.raise_to(db, known.least({}))

    assert accounts.state(PLENTY).spent == 90
    accounts.close()


def test_an_owner_that_closed_its_file_does_not_lock_it_again(tmp_path: Path) -> None:
    """If another process has the lock by then, it keeps it."""
    owner = Owner(tmp_path / "owners")
    path = tmp_path / "owners" / owner.name
    owner.hold_on()
    assert remains(tmp_path / "owners", owner.name) is None
    path.unlink()
    os.close(owner._own.number)
    owner.hold_on()

    assert not path.exists()
    owner.close(remove=True)


def test_a_child_closes_its_parents_file(tmp_path: Path) -> None:
    """Later writes raise; the parent keeps its lock."""
    owner = Owner(tmp_path / "owners")
    child = os.fork()
    if child == 0:
        try:
            owner.abandon()
            owner.owed[0] = 1
        except ValueError:
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert remains(tmp_path / "owners", owner.name) is None
    owner.close(remove=True)


def test_a_file_that_is_busy_for_longer_than_the_wait_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within moments of a failure, a short one."""
    monkeypatch.setattr(sqlite_accounts, "LONGEST_WAIT_S", 60)
    accounts = BudgetAccounts(tmp_path)
    accounts.charge([(PLENTY, 5)])
    database = accounts.store
    assert isinstance(database, sqlite_accounts.Database)
    database._trouble_until = time.monotonic() + 60
    with closing(sqlite3.connect(tmp_path / "budget.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(BudgetFileError, match="database is locked"):
            accounts.charge([(PLENTY, 5)])
        assert time.monotonic() - began < 30
    database._trouble_until = 0.0

    assert accounts.state(PLENTY) == State(5, 0)
    accounts.close()


def test_an_error_of_ours_in_a_transaction_takes_it_back(tmp_path: Path) -> None:
    """And the file stays in use."""
    accounts = BudgetAccounts(tmp_path)
    accounts.charge([(PLENTY, 5)])
    with pytest.raises(ZeroDivisionError), accounts.store.transaction() as db:
        db.execute("UPDATE books SET spent = 1000")
        raise ZeroDivisionError

    assert accounts.state(PLENTY) == State(5, 0)
    accounts.close()


@pytest.mark.parametrize("row", [
    ("day", "", 0, -5), ("day", "", 0, "much"), (None, "", 0, 5), ("day", "", 0, 1 << 62),
])  # fmt: skip
def test_invalid_spending_is_not_taken_from_a_damaged_file(
    tmp_path: Path, row: tuple[Any, ...]
) -> None:
    """The rest is."""
    old = BudgetAccounts(tmp_path)
    old.charge([(account(name="other"), 7)])
    old.close()
    path = tmp_path / "budget.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE books")
        file.execute("CREATE TABLE books (id, budget, scope, start_ns, spent, reserved)")
        file.execute("INSERT INTO books VALUES (1, ?, ?, ?, ?, 0)", row)
        file.execute("INSERT INTO books VALUES (2, 'other', '', 0, 7, 0)")
        file.commit()
    made: list[int] = []

    def connect() -> sqlite3.Connection:
        made.append(1)
        if len(made) == 1:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = 11
            raise error
        found = sqlite3.connect(path, isolation_level=None)
        found.execute(
            "CREATE TABLE books (budget, scope, start_ns, spent, reserved, notified_percent)"
        )
        return found

    lines: list[str] = []
    with closing(replace_damaged(path, connect, lines.append)) as new:
        assert new.execute("SELECT budget, spent FROM books").fetchall() == [("other", 7)]
    assert "its readable accounts" in lines[0]


def test_the_thread_ends_with_its_owner() -> None:
    """It keeps no object alive, and ends when it is stopped."""

    class Work:
        def __init__(self) -> None:
            self.done = threading.Event()

        def tick(self) -> bool:
            self.done.set()
            return False

    work = Work()
    flusher = BackgroundFlusher(work.tick)
    flusher.wake()
    assert work.done.wait(30)
    flusher.stop()
    assert not flusher.run_once()
    flusher.wake()
    gone = BackgroundFlusher(Work().tick)

    assert not gone.run_once()
