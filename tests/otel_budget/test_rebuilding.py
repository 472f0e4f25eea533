"""A budget file that is damaged, foreign or deleted is set aside and rebuilt, with one line."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_budget.budget_accounts import BudgetAccounts
from support.budgets import account

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLENTY = account(10**9)


def no_database(path: Path) -> None:
    path.write_bytes(b"\x0fQLite format 3" + bytes(5000))


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE cookies (name TEXT)")
        other.commit()


def foreign_with_a_version(path: Path) -> None:
    foreign(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 9")


def torn_pages(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


DAMAGE = [no_database, foreign, foreign_with_a_version, torn_pages]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("in_use", [True, False])
def test_an_unusable_file_is_set_aside_and_recreated(
    tmp_path: Path, damage: Callable[[Path], None], in_use: bool
) -> None:
    """With its spending; the second process finds the new file and reports nothing."""
    lines: list[str] = []
    first = BudgetAccounts(tmp_path, opening=lambda _account: 30, report=lines.append)
    first.charge([(PLENTY, 0)])
    if in_use:
        first.charge([(PLENTY, 12)])
    first.store.close()
    damage(tmp_path / "budget.db")
    for path in tmp_path.glob("budget.db-*"):
        path.unlink()

    second = BudgetAccounts(tmp_path, opening=lambda _account: 30, report=lines.append)
    for accounts in (first, second):
        try:
            accounts.charge([(PLENTY, 1)])
        except Exception:
            accounts.charge([(PLENTY, 1)])

    assert second.state(PLENTY).spent >= (44 if in_use else 32)
    assert len(lines) == 1
    assert "set aside" in lines[0]
    assert len(list(tmp_path.glob("budget.db.damaged-*"))) >= 1
    first.close()
    second.close()


def test_a_file_deleted_in_use_restarts_with_the_spending(tmp_path: Path) -> None:
    """Without calls in the ledger: the spending known to each process, leases included."""
    lines: list[str] = []
    accounts = BudgetAccounts(tmp_path, report=lines.append)
    accounts.charge([(PLENTY, 100)])
    for path in tmp_path.glob("budget.db*"):
        path.unlink()

    accounts.charge([(PLENTY, 5)])

    assert accounts.state(PLENTY).spent == 105
    assert len(lines) == 1
    assert "was removed while in use" in lines[0]
    accounts.close()
