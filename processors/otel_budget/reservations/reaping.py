"""Detection of dead processes, and the charge and removal of their reservations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from otel_budget.accounts import statements
from otel_budget.reservations.owners import Remains, UnknownOwnerError, forget, owed, remains

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from otel_budget.accounts.account import BudgetAccount
    from otel_budget.accounts.schema import Transaction
    from otel_budget.accounts.transactions import Opened, TransactionRunner
    from otel_budget.reservations.owners import Owner


EXPIRY_S = 60
"""Seconds without a heartbeat after which an owner on another host counts as dead."""


class Liveness:
    """Heartbeat of an owner, for hosts that cannot see its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._renew_at = 0.0

    def is_due(self) -> bool:
        """Return whether the next heartbeat is due."""
        return time.monotonic() >= self._renew_at

    def renew(self, db: Transaction, owner: Owner, time_of: Callable[[Transaction], int]) -> None:
        """Write the heartbeat of *owner* if it is due."""
        owner.hold_on()
        if not self.is_due():
            return
        now_ns = time_of(db)
        expires_ns = now_ns + EXPIRY_S * 1_000_000_000
        db.execute("DELETE FROM owners WHERE name = ? OR expires_ns < ?", (owner.name, now_ns))
        db.execute("INSERT INTO owners (name, expires_ns) VALUES (?, ?)", (owner.name, expires_ns))
        self._renew_at = time.monotonic() + EXPIRY_S / 3


def reap(transactions: TransactionRunner, folder: Path, ours: str) -> bool:
    """Charge the possible spending of dead owners, clear the rest; return if there were any.

    An owner's file has the debts of its leases; without one they are charged in full.
    """
    names: list[str] = []
    dead: dict[str, Remains] = {}

    def attempt(db: Transaction, _opened: Opened) -> int:
        now = transactions.time(db)
        owners = db.execute("SELECT owner FROM holds UNION SELECT owner FROM leases").fetchall()
        names[:] = [name for (name,) in owners if name != ours]
        # In one statement: a fleet has thousands, and all processes wait meanwhile.
        expiries = dict(db.execute("SELECT name, expires_ns FROM owners").fetchall())
        dead.clear()
        cleared = _clear_holds(db, "expires_ns < ?", now)
        for name in names:
            left = _left(folder, name, expiries, now)
            if left is not None:
                dead[name] = left
                cleared += _clear_leases(db, name, left) + _clear_holds(db, "owner = ?", name)
                db.execute("DELETE FROM owners WHERE name = ?", (name,))
        return cleared

    # Files are removed last: without a file there must be no entries of its owner either.
    return transactions.run(attempt, lambda _cleared: forget(folder, dead, names)) > 0


def _left(folder: Path, name: str, expiries: Mapping[str, int], now_ns: int) -> Remains | None:
    try:
        return remains(folder, name)
    except UnknownOwnerError:
        return Remains(None) if expiries.get(name, -1) < now_ns else None


def _clear_leases(db: Transaction, owner: str, left: Remains) -> int:
    rows = db.execute(
        "SELECT book_id, slot, amount, published FROM leases WHERE owner = ?", (owner,)
    ).fetchall()
    for entry, slot, amount, published in rows:
        spent = amount if left.owed is None else max(0, left.owed[slot] - published)
        statements.change(db, entry, spent=spent, reserved=-amount)
    db.execute("DELETE FROM leases WHERE owner = ?", (owner,))
    return len(rows)


def _clear_holds(db: Transaction, where: str, value: str | int) -> int:
    rows = db.execute(
        f"SELECT id, book_id, amount, cost_if_lost FROM holds WHERE {where}",
        (value,),
    ).fetchall()
    for reservation, entry, amount, cost_if_lost in rows:
        db.execute("DELETE FROM holds WHERE id = ? AND book_id = ?", (reservation, entry))
        statements.change(db, entry, spent=cost_if_lost, reserved=-amount)
    return len(rows)


def unused(db: Transaction, owners: Path, account: BudgetAccount) -> int:
    """Return the leased and free part of the reserved amount of *account*.

    The files in *owners* give it for processes on this host; leases of other hosts count as used.
    """
    rows = db.execute(
        "SELECT owner, slot, amount, published FROM leases JOIN books ON id = book_id"
        f" WHERE {statements.OF_WINDOW}",
        statements.window_of(account),
    ).fetchall()
    free = 0
    for owner, slot, amount, published in rows:
        words = owed(owners, owner)
        if words is not None:
            free += max(0, amount - max(0, words[slot] - published))
    return free
