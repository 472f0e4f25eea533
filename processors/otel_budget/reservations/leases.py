"""Leases: parts of an account's remaining budget, reserved and settled in memory by one process.

While the process lives, its lease is reserved in the shared accounts, so no other process can spend
it. A reservation inside it is arithmetic on a few numbers under one lock, and a word in the
process's mapped file with the amount to charge to the account if the process dies.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_budget.accounts.account import BudgetAccount, Claim
    from otel_budget.reservations.owners import Owner


class Lease:
    """One lease. The shared accounts have `free + held + total - published` as reserved."""

    __slots__ = (
        "account", "entry", "free", "held", "idle", "is_scarce", "looked", "published", "slot",
        "total", "touched", "untouched", "used",
    )  # fmt: skip

    def __init__(self, account: BudgetAccount, entry: int, slot: int) -> None:
        self.account = account
        self.entry = entry
        """Entry of the account in the shared accounts."""
        self.slot = slot
        """Slot in the owner's file with the amount owed for it."""
        self.free = 0
        """Amount that can still be reserved."""
        self.held = 0
        self.total = 0
        """Amount settled since the lease began."""
        self.published = 0
        """The part of `total` written to the shared accounts; -1 if uncertain."""
        self.touched = True
        """Whether anything was reserved in this interval."""
        self.untouched = 0
        """Number of intervals without a new reservation."""
        self.idle = False
        """Whether its unused room is to be returned."""
        self.is_scarce = False
        """Whether to keep it small, because little of the budget is left."""
        self.looked = 0
        """`total` at the end of the last interval."""
        self.used = 0
        """Amount settled in the last interval, and reserved at its end."""


class Reservation:
    """Reservation of one call: parts of leases, entries in the shared accounts, or both."""

    __slots__ = ("entries", "number", "owner", "parts")

    def __init__(self, owner: Owner, *parts: tuple[Lease, int, int]) -> None:
        self.owner = owner
        self.parts = parts
        """Lease, reserved amount, amount charged if this process dies."""
        self.number: int | None = None
        """Number of its entries in the shared accounts; None without any."""
        self.entries: tuple[tuple[BudgetAccount, int], ...] = ()
        """Account, amount charged if this process dies."""

    def lost(self) -> list[tuple[BudgetAccount, int]]:
        """Return the amounts to charge for a call of unknown cost."""
        return [*((lease.account, most) for lease, _, most in self.parts), *self.entries]


class Leases:
    """The leases of this process; thread-safe."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._owed = owner.owed
        self._settled = owner.settled
        self.lock = threading.Lock()
        self.by_account: dict[BudgetAccount, Lease] = {}

    def reserve_leased(self, claims: Sequence[Claim]) -> Reservation | None:
        """Reserve *claims* inside leases, all or none; None if a lease lacks room."""
        if len(claims) == 1:  # the usual case, with nothing to undo
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
        """Reserve *amount* in *lease*, which has room; the caller holds the lock."""
        lease.free -= amount
        lease.held += amount
        lease.touched = True
        self._owed[lease.slot] += most
        reservation.parts += ((lease, amount, most),)

    def settle(self, reservation: Reservation, costs: Mapping[BudgetAccount, int]) -> None:
        """Replace the part of *reservation* in leases by the cost of the call."""
        owed, settled = self._owed, self._settled
        with self.lock:
            for lease, amount, most in reservation.parts:
                cost = costs.get(lease.account, 0)
                lease.held -= amount
                lease.free += amount - cost
                lease.total += cost
                owed[lease.slot] += cost - most
                if settled is not None:
                    settled[lease.slot] = lease.total
