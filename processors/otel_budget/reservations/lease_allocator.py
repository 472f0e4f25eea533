"""How much of an account a process leases, and how the shared accounts learn what became of it."""

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
"""A lease has room for about so many calls like the one that asked for it."""
FEWEST_HOLDS = 8
"""A lease for fewer is not worth it: what is left then is held call by call."""
KEPT_INTERVALS = 4
"""A lease in a store that is seldom written to keeps room for so many intervals like the last."""
_SHARE = 4
"""All processes together lease at most about one part in so many of what is left."""


@dataclass(slots=True)
class LeaseGrant:
    """What a transaction lends to one call, to be used once it is kept."""

    reservation: Reservation
    parts: list[tuple[Lease, int, int, int]] = field(default_factory=list)
    """Lease, what is added to it, what the call takes of that, what is owed for the call."""


class LeaseAllocator:
    """The leases of one owner, as the shared accounts see them."""

    def __init__(self, owner: Owner, *, trims: bool = False) -> None:
        """Lease for *owner*; with *trims* each write gives back what will not be used soon."""
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
        """Lease room for *claim*, for which *granted* is granted, and for more calls like it.

        Returns False where it is to be held by itself: near the limit, or with too many leases.
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
        """Use what was lent, now that the shared accounts have it."""
        with self.leases.lock:
            for lease, added, amount, owed in lease_grant.parts:
                lease.free += added
                self.leases.by_account[lease.account] = lease
                self.leases.hold_in(lease, lease_grant.reservation, amount, owed)

    def publish(
        self, db: Transaction, lease: Lease, *, give_back: bool, trim: bool = False
    ) -> list[Crossing]:
        """Write down what was spent of *lease*, and give back what is free of it if asked to.

        With *trim* that is what goes beyond a few intervals like the one since the last write.

        It says how things are and not what has changed, so that a transaction of which nobody
        knows whether it was kept does no harm.
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
            # We were taken for dead and charged, or the file is a new one made from the ledger.
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
        """Return the leases of which there is something to write down or to give back.

        A lease that was not touched between two calls of this is to be given back.
        """
        due: list[Lease] = []
        for lease in list(self.leases.by_account.values()):
            lease.idle, lease.touched = not lease.touched, False
            nothing = not lease.free and not lease.held
            if lease.total != lease.published or nothing or (lease.idle and lease.free):
                due.append(lease)
        return due

    def tidy(self, db: Transaction, leases: list[Lease]) -> list[Crossing]:
        """Publish *leases*, and end those of which nothing is left."""
        told: list[Crossing] = []
        for lease in leases:
            told += self.publish(db, lease, give_back=lease.idle, trim=self._trims)
            db.execute(
                "DELETE FROM leases WHERE book_id = ? AND owner = ? AND amount = 0",
                (lease.entry, self.owner.name),
            )
        return told

    def forget(self, leases: list[Lease]) -> None:
        """Drop those of *leases* that have ended, now that the shared accounts have."""
        with self.leases.lock:
            for lease in leases:
                # Where nothing is free and nothing held, nobody can have used it meanwhile.
                over = not lease.free and not lease.held and lease.published == lease.total
                if over and self.leases.by_account.pop(lease.account, None) is not None:
                    self.owner.free_slot(lease.slot)

    def distrust(self) -> None:
        """Have everything published again: a transaction may not have been kept."""
        for lease in list(self.leases.by_account.values()):
            lease.published = -1
