"""The accounts of all budgets: spending, reservations of calls in flight, and their owners.

A call is admitted by a reservation in every budget that applies to it, in all of them or in none.
When it ends, its cost replaces the reservation. Far from the limit a process leases a part of the
remaining budget and reserves inside it without a transaction; near the limit every reservation is
an entry in the shared accounts. Both have an owner, so the reservations and leases of a killed
process are found, charged and cleared.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from otel_budget.accounts import statements
from otel_budget.accounts.account import BudgetAccount, Claim, Crossing, Denied, State
from otel_budget.accounts.account_rows import AccountRows
from otel_budget.accounts.schema import BudgetFileError
from otel_budget.accounts.sqlite import Database
from otel_budget.accounts.statements import leaseholders
from otel_budget.accounts.transactions import Opened, Result, TransactionRunner
from otel_budget.reservations.background_flusher import BackgroundFlusher
from otel_budget.reservations.entries import Entries
from otel_budget.reservations.host_writes import HostWrites, Neighbours
from otel_budget.reservations.known_spending import KnownSpending
from otel_budget.reservations.lease_allocator import LeaseAllocator, LeaseGrant
from otel_budget.reservations.leases import Reservation
from otel_budget.reservations.owners import Owner
from otel_budget.reservations.reaping import Liveness, reap, unused
from otel_budget.reservations.refusals import Refusals
from otel_budget.reservations.usage_ceilings import UsageCeiling, UsageCeilings
from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from otel_budget.accounts.schema import Store, Transaction
    from otel_budget.reservations.leases import Lease

FILE_NAME = "budget.db"
OWNERS_NAME = "budget.owners"
_REAP_EVERY_S = 0.05
MOST_LATE = 32
"""With more ended calls than this, the settling thread does not wait for its next tick."""

Ask = Callable[[Sequence["UsageCeiling | None"]], Sequence[Claim]]


class BudgetAccounts:
    """Reads and writes the shared accounts; thread-safe, and usable after a fork."""

    def __init__(
        self,
        folder: Path,
        *,
        store: Store | None = None,
        opening: Callable[[BudgetAccount], int] = lambda _account: 0,
        now_ns: Callable[[], int] = time.time_ns,
        report: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.store: Store = store or Database(folder / FILE_NAME, report)
        self._known = KnownSpending()
        self._renewals = 0
        self.transactions = TransactionRunner(self.store, opening, now_ns)
        self.now_ns = now_ns
        self.on_crossed: Callable[[Sequence[Crossing]], None] = lambda _crossings: None
        """Receives the thresholds passed by calls that were settled inside leases."""
        self.on_fault: Callable[[BaseException], None] = lambda _error: None
        self._folder = folder / OWNERS_NAME
        self._usage_ceilings = UsageCeilings()
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._allocator: LeaseAllocator | None = None
        self._owner_lock = threading.Lock()
        self._liveness = Liveness(self._folder)
        self._entries = Entries(self.transactions)
        self._refusals = Refusals(self.store.write_every_s)
        self._host_writes = HostWrites(self._folder.parent, self.store.write_every_s)
        self._late: deque[Callable[[], None]] = deque()
        self._late_lock = threading.RLock()
        self._next_reap = self._write_at = 0.0
        self._flusher = BackgroundFlusher(self._tick_when_due, after_stop=self.store.close)

    def reserve(self, model: str, kinds: Sequence[str], ask: Ask) -> Reservation | Denied:
        """Reserve the claims of *ask*, all or nothing; raises BudgetFileError for an unusable file.

        *ask* receives the usage ceilings learned for *model*, one for each of *kinds*, and returns
        a claim for each account that applies to the call.
        """
        reservation = self.reserve_here(model, kinds, ask)
        if reservation is not None:
            return reservation
        if self._late:
            self.finish_late()
            reservation = self.reserve_here(model, kinds, ask)
            if reservation is not None:
                return reservation
        claims = ask(self._usage_ceilings.of(model, kinds))
        known = self._refusals.find(claims)
        if known is not None:
            return known
        accounts = [claim.account for claim in claims]
        result = self._try(model, kinds, ask, accounts)
        if isinstance(result, Denied):
            self._refusals.note(result)
        if isinstance(result, Reservation) or not result.state.reserved:
            return result
        # The blocking reservation may belong to a dead process.
        return self._try(model, kinds, ask, accounts) if self.reap() else result

    def reserve_here(self, model: str, kinds: Sequence[str], ask: Ask) -> Reservation | None:
        """Reserve the claims of *ask* without blocking; None if that is not possible."""
        allocator = self._allocator
        if allocator is None:
            return None
        return allocator.leases.reserve_leased(ask(self._usage_ceilings.of(model, kinds)))

    def _try(
        self, model: str, kinds: Sequence[str], ask: Ask, accounts: Sequence[BudgetAccount]
    ) -> Reservation | Denied:
        allocator = self._lease_allocator()
        told: list[Crossing] = []

        def attempt(db: Transaction, opened: Opened) -> LeaseGrant | Denied:
            told.clear()
            ceilings = self._usage_ceilings
            learned = ceilings.read(db, model, kinds)
            rows = AccountRows(db, accounts)
            held = allocator.published(db, allocator.leases_on(accounts))
            others = {each: leaseholders(db, each, allocator.owner.name) for each in accounts}
            claims = ask([ceilings.look_up(learned, model, kind) for kind in kinds])
            entries = [rows.entry(claim.account, opened) for claim in claims]
            ceilings.share(db, learned)
            for lease, found in held.items():
                told.extend(allocator.publish(db, rows, lease, found, give_back=True))
            granted: list[tuple[Claim, int, int]] = []
            for claim, entry in zip(claims, entries, strict=True):
                now = rows.state(claim.account)
                self._known.saw(claim.account, now.spent)
                amount = statements.grant(claim, now)
                if amount is None:
                    return Denied(claim.account, now, statements.may_change(claim, now))
                granted.append((claim, entry, amount))
            self._liveness.renew(db, allocator.owner, self.transactions.time)
            lease_grant = LeaseGrant(Reservation(allocator.owner))
            for claim, entry, amount in granted:
                (count,) = others[claim.account].fetchone()
                if not allocator.lend(db, rows, lease_grant, claim, entry, amount, count):
                    self._entries.enter(db, rows, lease_grant.reservation, claim, entry, amount)
            return lease_grant

        def take(result: LeaseGrant | Denied) -> None:
            self._usage_ceilings.shared()
            if isinstance(result, LeaseGrant):
                allocator.take(result)
                self._entries.open += result.reservation.number is not None
                self._flusher.note()

        result = self._run(attempt, accounts, take)
        self._notify(told)
        return result.reservation if isinstance(result, LeaseGrant) else result

    def settle(
        self,
        reservation: Reservation,
        actual: Sequence[tuple[BudgetAccount, int]],
        learned: Iterable[UsageCeiling] = (),
    ) -> None:
        """Replace *reservation* by the cost of the call in each account, unless it was cleared.

        Raises BudgetFileError if the shared accounts cannot be written; it is retried later.
        """
        allocator = self._allocator
        if allocator is None or reservation.owner is not allocator.owner:
            return  # it belongs to the parent process, or the accounts were closed meanwhile
        for usage_ceiling in learned:
            self._usage_ceilings.add(usage_ceiling)
        if reservation.parts:
            allocator.leases.settle(reservation, dict(actual))
        if reservation.number is not None:
            self._settle_entries(reservation, actual)

    def _settle_entries(
        self, reservation: Reservation, actual: Sequence[tuple[BudgetAccount, int]]
    ) -> None:
        try:
            told = self._entries.settle(reservation, actual, self._usage_ceilings)
            leased = {lease.account for lease, _, _ in reservation.parts}
            self._known.added((account, cost) for account, cost in actual if account not in leased)
        except BudgetFileError:
            self._flusher.note()
            raise
        self._notify(told)

    def charge(self, entries: Sequence[tuple[BudgetAccount, int]]) -> list[Crossing]:
        """Charge spending without a reservation; a negative amount is a refund."""
        accounts = [account for account, _ in entries]
        self._refusals.clear()

        def attempt(db: Transaction, opened: Opened) -> list[Crossing]:
            rows = AccountRows(db, accounts)
            found = rows.charge(entries, opened)
            for account in accounts:
                self._known.saw(account, rows.state(account).spent)
            return found

        return self._run(attempt, accounts)

    def state(self, account: BudgetAccount) -> State:
        """Return the current state of *account*; unused leases do not count as reserved."""
        self.finish_late()
        told: list[Crossing] = []

        def attempt(db: Transaction, opened: Opened) -> State:
            told.clear()
            leases = self._leases_of(account)
            rows = AccountRows(db, [account, *(lease.account for lease in leases)])
            allocator = self._lease_allocator() if leases else None
            published = allocator.published(db, leases) if allocator else {}
            rows.entry(account, opened)
            if allocator is not None:
                for lease, each in published.items():
                    told.extend(allocator.publish(db, rows, lease, each, give_back=False))
            found = rows.state(account)
            self._known.saw(account, found.spent)
            return State(found.spent, found.reserved - unused(db, self._folder, account))

        found = self._run(attempt, [account])
        self._notify(told)
        return found

    @property
    def _leases(self) -> Mapping[BudgetAccount, Lease]:
        allocator = self._allocator
        return {} if allocator is None else allocator.leases.by_account

    def _leases_of(self, account: BudgetAccount) -> list[Lease]:
        leases = list(self._leases.values())
        return [lease for lease in leases if statements.belongs(lease.account, account)]

    def scopes(self, budget: str, since_ns: int) -> list[str]:
        """Return the scope values that the budget has accounts for since *since_ns*."""
        return self._run(lambda db, _opened: statements.scopes(db, budget, since_ns), ())

    def reap(self) -> bool:
        """Charge the open calls of dead owners, clear the rest; return whether there were any."""
        if time.monotonic() < self._next_reap:
            return False
        self._next_reap = time.monotonic() + max(_REAP_EVERY_S, self.store.write_every_s)
        ours = self._allocator.owner.name if self._allocator is not None else ""
        return reap(self.transactions, self._folder, ours)

    def later(self, action: Callable[[], None], *, soon: bool) -> None:
        """Run *action*, which settles a call, on another thread; *soon* if others wait."""
        self._late.append(action)
        if soon or len(self._late) == MOST_LATE:  # before ended calls use up a lease
            self._flusher.wake()
        else:
            self._flusher.note()

    def finish_late(self) -> None:
        """Settle the queued calls on this thread."""
        with self._late_lock:
            while self._late:
                self._late.popleft()()

    def _tick_when_due(self) -> bool:
        """Settle the calls that have ended; call `tick` at most as often as the store allows."""
        due = time.monotonic() >= self._write_at
        if due:
            self._write_at = time.monotonic() + self.store.write_every_s
        return self.tick(write=due)

    def tick(self, *, write: bool = True) -> bool:
        """Write the spending of leases and return those not used since the last time.

        Without *write* only ended calls are settled, which needs a transaction only for calls with
        an entry in the shared accounts. Returns whether there is more to do. Never raises.
        """
        try:
            self.finish_late()
            self._notify(self._entries.retry(self._usage_ceilings))
            if write:
                self._tidy()
        except Exception as error:  # a background thread has no caller; retried
            self.on_fault(error)
        return bool(self._leases or self._late or self._entries.open > 0)

    def _tidy(self, *, at_end: bool = False) -> None:
        allocator = self._allocator
        if allocator is None:
            return
        with self._host_writes.turn() as turn:
            due = allocator.due(turn, at_end=at_end)
            news = self._usage_ceilings.are_urgent or (at_end and self._usage_ceilings.are_new)
            if due or news or self._liveness.is_due():
                turn.wrote(self._write(allocator, due, for_host=turn.is_ours, at_end=at_end))

    def _write(
        self, allocator: LeaseAllocator, due: list[Lease], *, for_host: bool, at_end: bool
    ) -> dict[BudgetAccount, State]:
        """Write the leases *due*, with *for_host* those of the whole host; return the states.

        With *at_end* the leases are returned.
        """
        accounts = [lease.account for lease in due]
        told: list[Crossing] = []

        def attempt(db: Transaction, _opened: Opened) -> dict[BudgetAccount, State]:
            learned = self._usage_ceilings.read(db)
            rows = AccountRows(db, accounts)
            published = allocator.published(db, due)
            others = Neighbours(db, self._folder, allocator.owner.name, due if for_host else ())
            told[:] = others.publish(rows)
            told.extend(allocator.tidy(db, rows, published, give_back=at_end))
            states = {account: rows.state(account) for account in accounts}
            for account, now in states.items():
                self._known.saw(account, now.spent)
            self._usage_ceilings.share(db, learned)
            self._liveness.renew(db, allocator.owner, self.transactions.time)
            return states

        def kept(_states: object) -> None:
            self._usage_ceilings.shared()
            allocator.forget(due)

        states = self._run(attempt, accounts, kept)
        self._notify(told)
        return states

    def close(self) -> None:
        """Return free leases, close the file and mark this owner as ended."""
        try:
            self.finish_late()
            self._tidy(at_end=True)
        except Exception as error:  # other processes find the debts
            self.on_fault(error)
        self._flusher.stop()
        allocator, entries = self._allocator, self._entries.open
        self._begin()
        if allocator is not None:
            # Other processes find the calls still in flight in the file that stays behind.
            allocator.owner.close(remove=not allocator.leases.by_account and entries <= 0)
        self.store.close()

    def _run(
        self,
        attempt: Callable[[Transaction, Opened], Result],
        accounts: Collection[BudgetAccount],
        then: Callable[[Result], object] = lambda _result: None,
    ) -> Result:
        def with_known(db: Transaction, opened: Opened) -> Result:
            renewals = getattr(self.store, "renewals", 0)
            if renewals != self._renewals:
                # A new file has no spending, and the ledger may not have all of it.
                self._known.raise_to(db, self._known.least(self._leases))
            result = attempt(db, opened)
            self._renewals = renewals
            return result

        try:
            return self.transactions.run(with_known, then, accounts)
        except BaseException:
            if self._allocator is not None:
                self._allocator.distrust()
            raise

    def _lease_allocator(self) -> LeaseAllocator:
        with self._owner_lock:
            if self._allocator is None:
                try:
                    trims = self.store.write_every_s > 0
                    self._allocator = LeaseAllocator(
                        Owner(self._folder, settles=trims), trims=trims
                    )
                except OSError as error:
                    raise BudgetFileError(f"cannot write in {self._folder}: {error}") from error
            return self._allocator

    def _notify(self, crossings: Sequence[Crossing]) -> None:
        if crossings:
            self.on_crossed(crossings)

    def at_fork(self) -> None:
        """Reset after fork: the child owns none of the parent's reservations."""
        allocator = self._allocator
        self.transactions.at_fork()
        self._begin()
        if allocator is not None:
            allocator.owner.abandon()


_all: weakref.WeakSet[BudgetAccounts] = weakref.WeakSet()


def _at_fork() -> None:
    for accounts in list(_all):
        accounts.at_fork()


fork_hooks.register(Stage.ACCOUNTS, after_in_child=_at_fork)
