"""Lease sizes, and the writes of lease spending to the shared accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otel_budget.reservations.leases import Lease, Leases, Reservation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_budget.accounts.account import BudgetAccount, Claim, Crossing
    from otel_budget.accounts.account_rows import AccountRows
    from otel_budget.accounts.schema import Found, Transaction
    from otel_budget.reservations.host_writes import HostTurn
    from otel_budget.reservations.owners import Owner

LEASED_HOLDS = 100
"""Calls like the requesting one that fit into a lease, approximately."""
FEWEST_HOLDS = 8
"""Minimum calls in a lease; with less left, each call has its own reservation."""
KEPT_INTERVALS = 4
"""Intervals like the last one that a lease keeps room for in a rarely written store."""
_AMPLE_INTERVALS = 60
_AMPLE_IDLE_INTERVALS = 5
"""The same, and intervals without use before a lease is returned, far from the limit."""
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
        rows: AccountRows,
        lease_grant: LeaseGrant,
        claim: Claim,
        entry: int,
        granted: int,
        others: int,
    ) -> bool:
        """Lease room for *claim*, which reserves *granted*, and for more calls like it.

        *others* is the number of other owners with leases on the account. Returns False if the
        call needs its own entry: near the limit, or with too many leases.
        """
        now = rows.state(claim.account)
        left = claim.account.limit - now.spent - now.reserved - granted
        more = min(LEASED_HOLDS * granted, left // (_SHARE * (others + 1)))
        if granted < claim.amount or more < FEWEST_HOLDS * granted:
            return False
        lease = self.leases.by_account.get(claim.account) or self._new(claim.account, entry)
        if lease is None:
            return False
        lease.is_scarce = more < LEASED_HOLDS * granted
        self._extend(db, rows, lease, granted + more)
        lease_grant.parts.append((lease, granted + more, granted, min(claim.most, granted)))
        return True

    def _new(self, account: BudgetAccount, entry: int) -> Lease | None:
        slot = self.owner.take_slot()
        return None if slot is None else Lease(account, entry, slot)

    def _extend(self, db: Transaction, rows: AccountRows, lease: Lease, added: int) -> None:
        rows.change(lease.account, lease.entry, reserved=added)
        db.execute(
            "INSERT INTO leases (book_id, owner, slot, amount, published) VALUES (?, ?, ?, ?, 0)"
            " ON CONFLICT (book_id, owner) DO UPDATE SET amount = leases.amount + excluded.amount",
            (lease.entry, self.owner.name, lease.slot, added),
        )

    def take(self, lease_grant: LeaseGrant) -> None:
        """Add the granted room to the leases after the commit."""
        with self.leases.lock:
            for lease, added, amount, owed in lease_grant.parts:
                lease.free += added
                self.leases.by_account[lease.account] = lease
                self.leases.hold_in(lease, lease_grant.reservation, amount, owed)

    def leases_on(self, accounts: Iterable[BudgetAccount]) -> list[Lease]:
        """Return the leases that there are on *accounts*."""
        found = self.leases.by_account
        return [found[account] for account in dict.fromkeys(accounts) if account in found]

    def published(self, db: Transaction, leases: Iterable[Lease]) -> dict[Lease, Found]:
        """Ask what the shared accounts have of each of *leases*."""
        return {
            lease: db.execute(
                "SELECT amount, published FROM leases WHERE book_id = ? AND owner = ?",
                (lease.entry, self.owner.name),
            )
            for lease in leases
        }

    def publish(
        self,
        db: Transaction,
        rows: AccountRows,
        lease: Lease,
        found: Found,
        *,
        give_back: bool,
        trim: bool = False,
    ) -> list[Crossing]:
        """Write the spending of *lease*; with *give_back* return its free room.

        *found* is its row in the shared accounts. With *trim* only room beyond a few intervals like
        the last one is returned.

        It writes totals, not differences, so that a transaction with an unknown outcome does no
        harm.
        """
        row = found.fetchone()
        with self.leases.lock:
            if give_back or lease.free < 0:
                lease.free = 0
            elif trim and lease.used:
                lease.free = min(lease.free, _kept(lease))
            outstanding, total = lease.free + lease.held, lease.total
        if row is None:
            # This process was considered dead and charged, or the file was rebuilt from the ledger.
            with self.leases.lock:
                lease.free = 0
                self.leases.by_account.pop(lease.account, None)
            return []
        amount, published = row
        rows.change(
            lease.account, lease.entry, spent=total - published, reserved=outstanding - amount
        )
        db.execute(
            "UPDATE leases SET amount = ?, published = ? WHERE book_id = ? AND owner = ?",
            (outstanding, total, lease.entry, self.owner.name),
        )
        lease.published = total
        if total <= published:
            return []
        return rows.crossings(lease.account, lease.entry)

    def due(self, turn: HostTurn, *, at_end: bool) -> list[Lease]:
        """Return the leases to write or to return at this *turn*; all of them *at_end*.

        Spending waits until it is due for the host. A lease that was not touched between two calls
        of this is returned; far from the limit of a rarely written store, between several.
        """
        due: list[Lease] = []
        for lease in list(self.leases.by_account.values()):
            lease.is_scarce = lease.is_scarce or turn.is_scarce(lease.account)
            lease.untouched = 0 if lease.touched else lease.untouched + 1
            lease.touched = False
            lease.idle = lease.untouched >= (
                _AMPLE_IDLE_INTERVALS if self._trims and not lease.is_scarce else 1
            )
            with self.leases.lock:
                lease.used = lease.total - lease.looked + lease.held
                lease.looked = lease.total
            is_unwritten = lease.total != lease.published
            if at_end or self._must_write(lease) or (is_unwritten and turn.is_due(lease.account)):
                due.append(lease)
        return due

    def _must_write(self, lease: Lease) -> bool:
        """Return whether there is something about *lease* that only this process can write."""
        nothing = not lease.free and not lease.held
        too_much = self._trims and lease.used > 0 and lease.free > 2 * _kept(lease)
        return nothing or too_much or lease.free < 0 or (lease.idle and lease.free > 0)

    def tidy(
        self,
        db: Transaction,
        rows: AccountRows,
        found: Mapping[Lease, Found],
        *,
        give_back: bool = False,
    ) -> list[Crossing]:
        """Publish the leases in *found*, and end those of which nothing is left.

        Those that are idle are given back, with *give_back* all of them.
        """
        told: list[Crossing] = []
        for lease, published in found.items():
            told += self.publish(
                db, rows, lease, published, give_back=give_back or lease.idle, trim=self._trims
            )
            if not lease.free and not lease.held:
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


def _kept(lease: Lease) -> int:
    """Return how much may stay free of *lease*, by what is used of it."""
    return (KEPT_INTERVALS if lease.is_scarce else _AMPLE_INTERVALS) * lease.used
