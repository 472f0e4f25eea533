"""The writer of a process: stores priced calls, and queues them during an outage.

`LedgerWriter` is synchronous and meant for a background thread; it is thread-safe and runs one call
at a time. It never raises for the state of the disk: a fault becomes `WriteResult.fault`, a
counter, and one message per outage.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from otel_cost_ledger.model.entries import Entry
from otel_cost_ledger.model.errors import ServerError
from otel_cost_ledger.model.event_rows import tool_row, violation_row
from otel_cost_ledger.model.location import DatabaseUrl, PostgresUrl, parse_location, spill_path
from otel_cost_ledger.model.privacy import Pseudonyms, bounded_cleaner
from otel_cost_ledger.model.quiet import suppressed
from otel_cost_ledger.model.row_maker import RowMaker
from otel_cost_ledger.sqlite.connection import DEFAULT_BUSY_TIMEOUT_MS, Synchronous
from otel_cost_ledger.sqlite.forking import LONGEST_WAIT_S, watch
from otel_cost_ledger.sqlite.interning import DEFAULT_MAX_NAMES
from otel_cost_ledger.sqlite.store import Stored
from otel_cost_ledger.write.faults import Fault, describe, explain, fault_of
from otel_cost_ledger.write.health import Counters, WriteResult
from otel_cost_ledger.write.outage import Outage
from otel_cost_ledger.write.spill import DEFAULT_RING_CALLS, DEFAULT_SPILL_BYTES
from otel_cost_ledger.write.stores import open_store
from otel_cost_ledger.write.waiting import Waiting, calls_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from otel_cost_ledger.model.entries import Kind, LatencyViolation
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.ledger import Ledger
    from otel_pricing.model.call import PricedCall
    from otel_pricing.model.tool_call import ToolCall

CALLS_PER_TRANSACTION: Final = 1024
"""Nearly as fast as one huge transaction, and releases the lock after some 10 ms."""

_BAD_ENTRY: Final = (
    OverflowError,
    UnicodeError,
    TypeError,
    ValueError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
)
"""Errors of a single entry, independent of the state of the file."""

_log = logging.getLogger("otel_cost_ledger")

_Item = TypeVar("_Item")


def _absolute(location: Location | str) -> Location:
    if isinstance(location, str):
        location = parse_location(location)
    return location if isinstance(location, DatabaseUrl) else location.absolute()


class LedgerWriter:
    """Writes priced calls to the ledger at *path*, a file or a PostgreSQL URL.

    It is opened at the first write. *clean* is applied to every stored name (pass the redactor).
    *pseudonym_key* turns users and sessions into pseudonyms; without it they are not stored.
    *spill_to* is the spill file; by default beside the ledger, for a database in the working
    directory. *say* receives each message. Raises `NotWrittenHereError` for ClickHouse.
    """

    def __init__(
        self,
        path: Location | str,
        *,
        clean: Callable[[str], str] = str,
        pseudonym_key: bytes | None = None,
        synchronous: Synchronous = "NORMAL",
        busy_timeout_ms: int = DEFAULT_BUSY_TIMEOUT_MS,
        max_names: int = DEFAULT_MAX_NAMES,
        ring_calls: int = DEFAULT_RING_CALLS,
        spill_bytes: int = DEFAULT_SPILL_BYTES,
        spill_to: Path | None = None,
        say: Callable[[str], None] = _log.warning,
    ) -> None:
        self.location = _absolute(path)
        self.counters = Counters()
        self._clean = bounded_cleaner(clean)
        self._rows = RowMaker(self._clean, Pseudonyms(pseudonym_key))
        self._say = say
        self._complained: set[str] = set()
        self._waiting = Waiting(
            spill_to or spill_path(self.location, Path()),
            ring_calls=ring_calls,
            spill_bytes=spill_bytes,
            complain=self._report,
        )
        self._ring = self._waiting.ring
        self._file = open_store(
            self.location,
            synchronous=synchronous,
            busy_timeout_ms=busy_timeout_ms,
            max_names=max_names,
        )
        self._outage = Outage(self.location, say)
        self._lock = threading.Lock()
        self._held_for_fork = False
        suppressed()
        watch(self)

    def write(self, batch: Sequence[PricedCall]) -> WriteResult:
        """Store *batch*; calls already in the ledger are unchanged."""
        return self._submit("insert", batch)

    def revise(self, batch: Sequence[PricedCall]) -> WriteResult:
        """Store *batch*; update price and decision of calls already in the ledger.

        Names, tokens and times of a stored call are unchanged. The sums are updated with the call,
        and its previous price is kept in `replaced_prices`.
        """
        return self._submit("revise", batch)

    def record_violations(self, violations: Iterable[LatencyViolation]) -> WriteResult:
        """Store latency-budget violations; each one of a repeating operation is kept."""
        with self._lock, suppressed():
            entries, rejected = self._prepare(
                violations, lambda one: Entry("violation", violation_row(one, self._clean))
            )
            return self._store(entries, rejected)

    def record_tools(self, tools: Iterable[ToolCall]) -> WriteResult:
        """Store tool executions; those already in the ledger are unchanged."""
        with self._lock, suppressed():
            entries, rejected = self._prepare(
                tools, lambda one: Entry("tool", tool_row(one, self._clean))
            )
            return self._store(entries, rejected)

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        """Read the ledger in the body; a database through the connection that writes to it.

        A file is opened again, because its readers never wait. Raises `LedgerError` if the ledger
        cannot be read.
        """
        from otel_cost_ledger.query.ledger import Ledger, open_ledger

        if not isinstance(self.location, PostgresUrl):
            with open_ledger(self.location, missing_ok=True) as ledger:
                yield ledger
            return
        with self._lock, suppressed():
            try:
                yield Ledger(self.location, self._file.opened().connection)
            except ServerError as error:
                self._close_after(fault_of(error))
                raise

    def lag(self) -> tuple[int, str]:
        """Return the number of queued calls, and the name of the fault; thread-safe."""
        fault = self._outage.fault
        return calls_in(self._ring.first()), "" if fault is None else fault.value

    def force_flush(self) -> WriteResult:
        """Try to store all queued entries now, even if the last attempt has just failed."""
        with self._lock, suppressed():
            return self._drain(0)

    def save_waiting(self, more: Sequence[PricedCall] = ()) -> bool:
        """Write queued entries and *more* to the spill file; return whether all were written.

        It does not block: a current write, possibly waiting for another process's lock, may still
        succeed. The next writer of this ledger stores the rest.
        """
        with suppressed():
            return self._waiting.copy_out(self._prepare(more, partial(self._entry, "insert"))[0])

    def spill(self) -> bool:
        """Move queued entries to the spill file; return whether a later attempt is of no use.

        That is so if none is left in memory alone, or the ledger's path is unsafe.
        """
        with self._lock, suppressed():
            fault = self._outage.fault
            self._waiting.spill_queued(fault, self.counters)
            return not len(self._ring) or fault is Fault.REFUSED

    def shutdown(self, timeout_s: float = 1.0) -> WriteResult:
        """Store queued entries, leave the rest in the spill file, and close the ledger."""
        if not self._lock.acquire(timeout=timeout_s):
            return WriteResult(waiting=len(self._ring), fault=Fault.BUSY)
        try:
            with suppressed():
                self._file.set_busy_timeout(int(timeout_s * 1000))
                result = self._drain(0)
                self._waiting.spill_all(self._outage.fault, self.counters)
                self._file.release()
                return result
        finally:
            self._lock.release()

    def before_fork(self) -> None:
        """Close the ledger after the current write."""
        self._held_for_fork = self._lock.acquire(timeout=LONGEST_WAIT_S)
        if self._held_for_fork:
            self._file.close()

    def after_fork_in_parent(self) -> None:
        """Resume writing; the next write opens the ledger again."""
        if self._held_for_fork:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Reset after fork: drop the parent's queued calls, counts and lock."""
        self._lock = threading.Lock()
        self._file.start_anew()
        self._ring.clear()
        self.counters = Counters()

    def _submit(self, kind: Kind, batch: Sequence[PricedCall]) -> WriteResult:
        with self._lock, suppressed():
            entries, rejected = self._prepare(batch, partial(self._entry, kind))
            return self._store(entries, rejected)

    def _entry(self, kind: Kind, priced: PricedCall) -> Entry:
        return Entry(kind, self._rows.row(priced))

    def _prepare(
        self, items: Iterable[_Item], entry: Callable[[_Item], Entry]
    ) -> tuple[list[Entry], int]:
        entries: list[Entry] = []
        rejected = 0
        for item in items:
            try:
                entries.append(entry(item))
            except Exception as error:  # one invalid span must not affect the others
                rejected += 1
                self._report("unusable", f"a call could not be stored: {describe(error)}")
        self.counters.handed_in += len(entries) + rejected
        self.counters.rejected += rejected
        return entries, rejected

    def _store(self, entries: list[Entry], rejected: int) -> WriteResult:
        self._ring.add(entries)
        if self._outage.is_retry_due():
            return self._drain(rejected)
        self._waiting.make_room(self._outage.fault, self.counters)
        return WriteResult(rejected=rejected, waiting=len(self._ring), fault=self._outage.fault)

    def _drain(self, rejected: int) -> WriteResult:
        """Store the spilled entries, then those in memory, and return the counts."""
        done = Stored()
        rejected_before = self.counters.rejected
        waited = len(self._ring)
        error = self._attempt(done)
        if error is not None and fault_of(error) is Fault.CORRUPT and self._quarantine():
            error = self._attempt(done)
        fault = None
        if error is None:
            self._outage.succeeded(waited, self.counters.dropped)
        else:
            fault = fault_of(error)
            self._outage.failed(fault, explain(error, fault))
            self._waiting.make_room(self._outage.fault, self.counters)
        self._count(done)
        return WriteResult(
            written=done.written,
            revised=done.revised,
            already_known=done.already_known,
            expired=done.expired,
            rejected=rejected + self.counters.rejected - rejected_before,
            waiting=len(self._ring),
            fault=fault,
        )

    def _attempt(self, done: Stored) -> Exception | None:
        """Store queued entries; return the error that prevented it, or None."""
        try:
            self._file.opened()
            self._waiting.replay(lambda entries: self._apply(entries, done), self.counters)
            self._store_queued(done)
        except Exception as error:  # the disk's state must never reach the app
            self.counters.faults += 1
            self._close_after(fault_of(error))
            return error
        return None

    def _close_after(self, fault: Fault) -> None:
        """Close a connection after a *fault* that may persist on it; the next one is new."""
        if fault is not Fault.BUSY:
            self._file.close()

    def _store_queued(self, done: Stored) -> None:
        # Entries leave the queue once stored, so that `save_waiting` finds them until then.
        while chunk := self._ring.first(CALLS_PER_TRANSACTION):
            self._apply(chunk, done)
            self._ring.take(len(chunk))

    def _apply(self, entries: list[Entry], done: Stored) -> None:
        """Store *entries*; if one is unusable, find it by bisection and store the others."""
        try:
            stored = self._file.apply(entries)
        except _BAD_ENTRY as error:
            if len(entries) == 1:
                self.counters.rejected += 1
                self._report("rejected", f"a call could not be stored: {describe(error)}")
                return
            middle = len(entries) // 2
            self._apply(entries[:middle], done)
            self._apply(entries[middle:], done)
        else:
            done.add(stored)

    def _quarantine(self) -> bool:
        """Quarantine the damaged file; return whether to retry with a new one."""
        try:
            target = self._file.set_aside()
        except OSError as error:
            self._report("quarantine", f"{self.location} is damaged and cannot be moved: {error}")
            return False
        if target is not None:
            self.counters.quarantined += 1
            self._say(
                f"cost ledger {self.location} is damaged; it is kept as {target.name}"
                f" and a new one is started"
            )
        return True

    def _count(self, done: Stored) -> None:
        self.counters.written += done.written
        self.counters.revised += done.revised
        self.counters.already_known += done.already_known
        self.counters.expired += done.expired
        self.counters.reopened = self._file.reopened

    def _report(self, topic: str, message: str) -> None:
        if topic not in self._complained:
            self._complained.add(topic)
            self._say(message)
