"""What dead processes left behind: found by their files or their silence, charged and cleared."""

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
"""An owner on another host that says nothing for so long counts as dead."""


class Liveness:
    """Says from time to time that an owner is alive, for those who cannot see its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._renew_at = 0.0

    def is_due(self) -> bool:
        """Return whether it is time to say so again."""
        return time.monotonic() >= self._renew_at

    def renew(self, db: Transaction, owner: Owner, time_of: Callable[[Transaction], int]) -> None:
        """Say that *owner* is alive, if it is time to."""
        owner.hold_on()
        if not self.is_due():
            return
        now_ns = time_of(db)
        expires_ns = now_ns + EXPIRY_S * 1_000_000_000
        db.execute("DELETE FROM owners WHERE name = ? OR expires_ns < ?", (owner.name, now_ns))
        db.execute("INSERT INTO owners (name, expires_ns) VALUES (?, ?)", (owner.name, expires_ns))
        self._renew_at = time.monotonic() + EXPIRY_S / 3


def reap(transactions: TransactionRunner, folder: Path, ours: str) -> bool:
    """Charge what dead owners may have spent, clear what they held; return if there was any.

    A file says what its leases owe; where there is none, they are charged in full.
    """
    names: list[str] = []
    dead: dict[str, Remains] = {}

    def attempt(db: Transaction, _opened: Opened) -> int:
        now = transactions.time(db)
        owners = db.execute("SELECT owner FROM holds UNION SELECT owner FROM leases").fetchall()
        names[:] = [name for (name,) in owners if name != ours]
        # In one statement: of a fleet there are thousands, and everybody waits meanwhile.
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

    # Files go last: who finds no file must not find entries of its owner either.
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
    """Return how much of what is reserved of *account* is leased and free.

    The files in *owners* say so of processes on this host; what others lease counts as used.
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
