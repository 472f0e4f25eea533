"""Leases: slices of what is left of an account, taken by a process to hold and settle in memory.

While the process lives, its lease is reserved in the shared accounts, so nobody else can spend it.
Everything that happens inside is arithmetic on a few numbers under one lock, and a word in the
memory of the process's own file that says what its account must be charged should it die now.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_budget.accounts.account import BudgetAccount, Claim
    from otel_budget.reservations.owners import Owner


class Lease:
    """One slice. In the shared accounts stands `free + held + total - published`, as reserved."""

    __slots__ = (
        "account", "entry", "free", "held", "idle", "published", "slot", "total", "touched",
    )  # fmt: skip

    def __init__(self, account: BudgetAccount, entry: int, slot: int) -> None:
        self.account = account
        self.entry = entry
        """Of the shared accounts."""
        self.slot = slot
        """Where the owner's file says what is owed for it."""
        self.free = 0
        """What may still be held."""
        self.held = 0
        self.total = 0
        """What was settled since the lease began."""
        self.published = 0
        """As much of that as the shared accounts have; -1 when that is not certain."""
        self.touched = True
        """Whether anything was held since the last look."""
        self.idle = False


class Reservation:
    """What one call reserves: parts of leases, entries in the shared accounts, or both."""

    __slots__ = ("entries", "number", "owner", "parts")

    def __init__(self, owner: Owner, *parts: tuple[Lease, int, int]) -> None:
        self.owner = owner
        self.parts = parts
        """Lease, amount held, amount charged if this process dies."""
        self.number: int | None = None
        """Of the entries in the shared accounts; None without any."""
        self.entries: tuple[tuple[BudgetAccount, int], ...] = ()
        """Account, amount charged if this process dies."""

    def lost(self) -> list[tuple[BudgetAccount, int]]:
        """Return what to charge for a call of which nobody knows what it cost."""
        return [*((lease.account, most) for lease, _, most in self.parts), *self.entries]


class Leases:
    """The leases of this process; thread-safe."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._owed = owner.owed
        self.lock = threading.Lock()
        self.by_account: dict[BudgetAccount, Lease] = {}

    def reserve_leased(self, claims: Sequence[Claim]) -> Reservation | None:
        """Hold *claims* inside leases, all or none; None where one of them has no room."""
        if len(claims) == 1:  # nearly always, and then there is nothing to undo
            ((account, amount, _, most),) = claims
            with self.lock:
                lease = self.by_account.get(account)
                if lease is None or lease.free < amount:
                    return None
                lease.free -= amount
                lease.held += amount
                lease.touched = True
                self._owed[lease.slot] += most
            return Reservation(self._owner, (lease, amount, most))
        by_account, reservation = self.by_account, Reservation(self._owner)
        with self.lock:
            if not all(
                (lease := by_account.get(claim.account)) is not None and lease.free >= claim.amount
                for claim in claims
            ):
                return None
            for claim in claims:
                self.hold_in(by_account[claim.account], reservation, claim.amount, claim.most)
        return reservation

    def hold_in(self, lease: Lease, reservation: Reservation, amount: int, most: int) -> None:
        """Hold *amount* in *lease*, which has it; the lock is the caller's."""
        lease.free -= amount
        lease.held += amount
        lease.touched = True
        self._owed[lease.slot] += most
        reservation.parts += ((lease, amount, most),)

    def settle(self, reservation: Reservation, costs: Mapping[BudgetAccount, int]) -> None:
        """Replace what *reservation* holds in leases by what the call cost."""
        owed = self._owed
        with self.lock:
            for lease, amount, most in reservation.parts:
                cost = costs.get(lease.account, 0)
                lease.held -= amount
                lease.free += amount - cost
                lease.total += cost
                owed[lease.slot] += cost - most
