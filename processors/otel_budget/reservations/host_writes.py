"""Coordination of the processes of a host, so that one writes the spending of all.

The spending of each process is in its memory-mapped file, which the others can read. A further file
has a lock for the process that writes now, and the time of the last write of each account.
"""

from __future__ import annotations

import os
import struct
import time
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from otel_budget.reservations.owners import settled
from otel_host.file_locks import HAS_LOCKS, try_lock, unlock
from otel_host.private_files import make_private_folder, open_private

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from otel_budget.accounts.account import BudgetAccount, Crossing, State
    from otel_budget.accounts.account_rows import AccountRows
    from otel_budget.accounts.schema import Found, Transaction
    from otel_budget.reservations.leases import Lease

FILE_NAME = "budget.writes"
_RECORD = struct.Struct("=qqq")
"""Hash of the account, monotonic time of the last write in nanoseconds, 1 if little was left."""
_MOST = 4096
_EARLY = 0.1
"""Part of an interval by which a write may be early; processes do not tick at the same time."""
_AMPLE_INTERVALS = 5
"""Intervals between writes while much of the budget is left."""
_SCARCE = 32
"""Leases are kept small if more than this fraction, one in 32, of the rest is reserved."""
_NEVER = (-1 << 62, 0)
_PATIENCE = 2.0
"""Intervals without a due write until a process writes alone: the writer may be suspended."""


class HostWrites:
    """The accounts that some process of this host has written recently."""

    def __init__(self, folder: Path, every_s: float) -> None:
        """Share one write per account every *every_s* seconds with the users of *folder*."""
        self._path = folder / FILE_NAME
        self._every_ns = int(every_s * 1e9)

    @contextmanager
    def turn(self) -> Iterator[HostTurn]:
        """Take the host's write lock for the body if it is free."""
        descriptor = None
        if HAS_LOCKS and self._every_ns:
            with suppress(OSError):
                make_private_folder(self._path.parent)
                descriptor = open_private(self._path, os.O_RDWR | os.O_CREAT)
        try:
            is_ours = False
            written: dict[int, tuple[int, int]] = {}
            if descriptor is not None:
                with suppress(OSError):
                    is_ours, written = try_lock(descriptor), _read(descriptor)
            yield HostTurn(descriptor, written, self._every_ns, is_ours=is_ours)
        finally:
            if descriptor is not None:
                # Explicitly, because a child forked meanwhile has a copy of the descriptor.
                with suppress(OSError):
                    unlock(descriptor)
                os.close(descriptor)


class HostTurn:
    """The recent writes; with *is_ours* this process writes for the host."""

    def __init__(
        self,
        descriptor: int | None,
        written: dict[int, tuple[int, int]],
        every_ns: int,
        *,
        is_ours: bool,
    ) -> None:
        self._descriptor = descriptor
        self._written = written
        self._every_ns = every_ns
        self.is_ours = is_ours

    def is_due(self, account: BudgetAccount) -> bool:
        """Return whether this process should write the spending of *account* now."""
        if self._descriptor is None:
            return True
        at, scarce = self._written.get(_key(account), _NEVER)
        age = (time.monotonic_ns() - at) / self._every_ns
        # A time in the future is from before a reboot.
        due = (1 if scarce else _AMPLE_INTERVALS) - _EARLY
        return age < 0 or age >= (due if self.is_ours else due + _PATIENCE)

    def is_scarce(self, account: BudgetAccount) -> bool:
        """Return whether little of *account* was left at the last write."""
        return bool(self._written.get(_key(account), _NEVER)[1])

    def wrote(self, states: Mapping[BudgetAccount, State]) -> None:
        """Record that accounts were written for the whole host, and their states."""
        if self._descriptor is None or not self.is_ours:
            return
        now = time.monotonic_ns()
        for account, state in states.items():
            left = account.limit - state.spent
            self._written[_key(account)] = now, int(state.reserved * _SCARCE > left)
        latest = sorted(self._written.items(), key=lambda item: item[1])[-_MOST:]
        data = b"".join(_RECORD.pack(key, *written) for key, written in latest)
        with suppress(OSError):  # then each process writes alone
            os.pwrite(self._descriptor, data, 0)
            os.ftruncate(self._descriptor, len(data))


class Neighbours:
    """Leases of the other processes of a host, in one transaction that has locked their accounts.

    The constructor queues the queries.
    """

    def __init__(self, db: Transaction, folder: Path, ours: str, leases: Collection[Lease]) -> None:
        self._db, self._folder = db, folder
        names = []
        if leases:
            with suppress(OSError):
                names = sorted(name for name in os.listdir(folder) if name != ours)
        marks = ", ".join("?" * len(names))
        self._asked: Mapping[Lease, Found] = {
            lease: db.execute(
                "SELECT owner, slot, amount, published FROM leases"
                f" WHERE book_id = ? AND owner IN ({marks})",
                (lease.entry, *names),
            )
            for lease in (leases if names else ())
        }

    def publish(self, rows: AccountRows) -> list[Crossing]:
        """Write their spending; they keep the unused room of their leases.

        They read the amount already written in the accounts when they write themselves.
        """
        # Read after the accounts are locked: before, a slot may have belonged to another lease.
        totals: dict[str, memoryview | None] = {}
        told: list[Crossing] = []
        for lease, found in self._asked.items():
            spent = freed = 0
            for owner, slot, amount, published in found.fetchall():
                if owner not in totals:
                    totals[owner] = settled(self._folder, owner)
                words = totals[owner]
                added = 0 if words is None else max(0, words[slot] - published)
                if added:
                    taken = min(amount, added)
                    spent, freed = spent + added, freed + taken
                    self._db.execute(
                        "UPDATE leases SET amount = ?, published = ?"
                        " WHERE book_id = ? AND owner = ?",
                        (amount - taken, published + added, lease.entry, owner),
                    )
            if spent:
                rows.change(lease.account, lease.entry, spent=spent, reserved=-freed)
                told += rows.crossings(lease.account, lease.entry)
        return told


def _read(descriptor: int) -> dict[int, tuple[int, int]]:
    data = os.pread(descriptor, _MOST * _RECORD.size, 0)
    whole = len(data) // _RECORD.size * _RECORD.size
    return {key: (at, scarce) for key, at, scarce in _RECORD.iter_unpack(data[:whole])}


@lru_cache(maxsize=_MOST)
def _key(account: BudgetAccount) -> int:
    text = f"{account.budget}\0{account.scope}\0{account.start_ns}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)
