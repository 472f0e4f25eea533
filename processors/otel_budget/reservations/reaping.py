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
_MOST_SILENT = 100
"""Expired rows of owners without leases and reservations that justify a transaction."""


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
        # Its own row alone: others write theirs at the same time.
        db.execute(
            "INSERT INTO owners (name, expires_ns) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET expires_ns = excluded.expires_ns",
            (owner.name, time_of(db) + EXPIRY_S * 1_000_000_000),
        )
        self._renew_at = time.monotonic() + EXPIRY_S / 3


class _Findings:
    """Owners with leases or reservations, the dead ones, and expired rows."""

    def __init__(self, db: Transaction, folder: Path, ours: str, now_ns: int) -> None:
        found = db.execute("SELECT owner FROM holds UNION SELECT owner FROM leases")
        # In one statement: of a fleet there are thousands, and everybody waits meanwhile.
        known = db.execute("SELECT name, expires_ns FROM owners")
        old = db.execute("SELECT count(*) FROM holds WHERE expires_ns < ?", (now_ns,))
        self.names = [name for (name,) in found.fetchall() if name != ours]
        expiries = dict(known.fetchall())
        (self._old_holds,) = old.fetchone()
        self._silent = sum(expires < now_ns for expires in expiries.values())
        self.dead: dict[str, Remains] = {}
        for name in self.names:
            left = _left(folder, name, expiries, now_ns)
            if left is not None:
                self.dead[name] = left

    def need_clearing(self) -> bool:
        """Return whether a transaction that locks all accounts is needed."""
        return bool(self.dead or self._old_holds or self._silent > _MOST_SILENT)


def reap(transactions: TransactionRunner, folder: Path, ours: str) -> bool:
    """Charge the possible spending of dead owners, clear the rest; return if there were any.

    An owner's file has the debts of its leases; without one they are charged in full.
    """

    def look(db: Transaction, _opened: Opened) -> _Findings:
        return _Findings(db, folder, ours, transactions.time(db))

    def clear(db: Transaction, _opened: Opened) -> tuple[int, _Findings]:
        now = transactions.time(db)
        found = _Findings(db, folder, ours, now)
        cleared = _clear_holds(db, "expires_ns < ?", now)
        for name, left in found.dead.items():
            cleared += _clear_leases(db, name, left) + _clear_holds(db, "owner = ?", name)
            db.execute("DELETE FROM owners WHERE name = ?", (name,))
        db.execute("DELETE FROM owners WHERE expires_ns < ?", (now,))
        return cleared, found

    # Queried without a lock: usually no owner is dead.
    found, cleared = transactions.run(look, accounts=()), 0
    if found.need_clearing():
        cleared, found = transactions.run(clear)
    # Files are removed last: without a file there must be no entries of its owner either.
    forget(folder, found.dead if cleared else (), found.names)
    return cleared > 0


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
