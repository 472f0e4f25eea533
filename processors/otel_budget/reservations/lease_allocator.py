"""Lease sizes, and the writes of lease spending to the shared accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_budget.accounts import statements
from otel_budget.reservations.leases import Lease, Leases, Reservation

if TYPE_CHECKING:
    from otel_budget.accounts.account import BudgetAccount, Claim, Crossing, State
    from otel_budget.accounts.schema import Transaction
    from otel_budget.reservations.owners import Owner

LEASED_HOLDS = 100
"""Calls like the requesting one that fit into a lease, approximately."""
FEWEST_HOLDS = 8
"""Minimum calls in a lease; with less left, each call has its own reservation."""
KEPT_INTERVALS = 4
"""Intervals like the last one that a lease keeps room for in a rarely written store."""
_SHARE = 4
"""All processes together lease at most about one part in this many of the remaining budget."""


@dataclass(slots=True)
class LeaseGrant:
    """Room that a transaction leases for one call, usable after the commit."""

    reservation: Reservation
    parts: list[tuple[Lease, int, int, int]] = field(default_factory=list)
    """Lease, amount added to it, amount reserved for the call, amount owed if the process dies."""


class LeaseAllocator:
    """The leases of one owner in the shared accounts."""

    def __init__(self, owner: Owner, *, trims: bool = False) -> None:
        """Lease for *owner*; with *trims* each write returns room that will not be used soon."""
        self.owner = owner
        self._trims = trims
        self.leases = Leases(owner)

    def lend(
        self,
        db: Transaction,
        lease_grant: LeaseGrant,
        claim: Claim,
        entry: int,
        granted: int,
        now: State,
    ) -> bool:
        """Lease room for *claim*, which reserves *granted*, and for more calls like it.

        Returns False if the call needs its own entry: near the limit, or with too many leases.
        """
        left = claim.account.limit - now.spent - now.reserved - granted
        others = statements.leaseholders(db, entry, self.owner.name)
        more = min(LEASED_HOLDS * granted, left // (_SHARE * (others + 1)))
        if granted < claim.amount or more < FEWEST_HOLDS * granted:
            return False
        lease = self.leases.by_account.get(claim.account) or self._new(claim.account, entry)
        if lease is None:
            return False
        self._extend(db, lease, granted + more)
        lease_grant.parts.append((lease, granted + more, granted, min(claim.most, granted)))
        return True

    def _new(self, account: BudgetAccount, entry: int) -> Lease | None:
        slot = self.owner.take_slot()
        return None if slot is None else Lease(account, entry, slot)

    def _extend(self, db: Transaction, lease: Lease, added: int) -> None:
        statements.change(db, lease.entry, reserved=added)
        found = db.execute(
            "UPDATE leases SET amount = amount + ? WHERE book_id = ? AND owner = ? RETURNING slot",
            (added, lease.entry, self.owner.name),
        ).fetchone()
        if found is None:
            db.execute(
                "INSERT INTO leases (book_id, owner, slot, amount, published)"
                " VALUES (?, ?, ?, ?, 0)",
                (lease.entry, self.owner.name, lease.slot, added),
            )

    def take(self, lease_grant: LeaseGrant) -> None:
        """Add the granted room to the leases after the commit."""
        with self.leases.lock:
            for lease, added, amount, owed in lease_grant.parts:
                lease.free += added
                self.leases.by_account[lease.account] = lease
                self.leases.hold_in(lease, lease_grant.reservation, amount, owed)

    def publish(
        self, db: Transaction, lease: Lease, *, give_back: bool, trim: bool = False
    ) -> list[Crossing]:
        """Write the spending of *lease*; with *give_back* return its free room.

        With *trim* only room beyond a few intervals like the one since the last write is returned.

        It writes totals, not differences, so that a transaction with an unknown outcome does no
        harm.
        """
        with self.leases.lock:
            if give_back or lease.free < 0:
                lease.free = 0
            elif trim:
                used = lease.total - max(0, lease.published) + lease.held
                lease.free = min(lease.free, KEPT_INTERVALS * used)
            outstanding, total = lease.free + lease.held, lease.total
        row = db.execute(
            "SELECT amount, published FROM leases WHERE book_id = ? AND owner = ?",
            (lease.entry, self.owner.name),
        ).fetchone()
        if row is None:
            # This process was considered dead and charged, or the file was rebuilt from the ledger.
            with self.leases.lock:
                lease.free = 0
                self.leases.by_account.pop(lease.account, None)
            return []
        amount, published = row
        statements.change(db, lease.entry, spent=total - published, reserved=outstanding - amount)
        db.execute(
            "UPDATE leases SET amount = ?, published = ? WHERE book_id = ? AND owner = ?",
            (outstanding, total, lease.entry, self.owner.name),
        )
        lease.published = total
        if total <= published:
            return []
        return statements.crossings(db, lease.account, lease.entry)

    def due(self) -> list[Lease]:
        """Return the leases with spending to write or room to return.

        A lease not used between two calls of this method is returned.
        """
        due: list[Lease] = []
        for lease in list(self.leases.by_account.values()):
            lease.idle, lease.touched = not lease.touched, False
            nothing = not lease.free and not lease.held
            if lease.total != lease.published or nothing or (lease.idle and lease.free):
                due.append(lease)
        return due

    def tidy(self, db: Transaction, leases: list[Lease]) -> list[Crossing]:
        """Publish *leases*, and end the empty ones."""
        told: list[Crossing] = []
        for lease in leases:
            told += self.publish(db, lease, give_back=lease.idle, trim=self._trims)
            db.execute(
                "DELETE FROM leases WHERE book_id = ? AND owner = ? AND amount = 0",
                (lease.entry, self.owner.name),
            )
        return told

    def forget(self, leases: list[Lease]) -> None:
        """Drop the ended ones of *leases* after the commit."""
        with self.leases.lock:
            for lease in leases:
                # With nothing free and nothing reserved, no call can have used it meanwhile.
                over = not lease.free and not lease.held and lease.published == lease.total
                if over and self.leases.by_account.pop(lease.account, None) is not None:
                    self.owner.free_slot(lease.slot)

    def distrust(self) -> None:
        """Publish everything again: a transaction may not have been committed."""
        for lease in list(self.leases.by_account.values()):
            lease.published = -1
