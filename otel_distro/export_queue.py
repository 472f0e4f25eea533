"""A queue bounded by bytes with one worker that hands batches to an exporter and keeps exact books.

Whatever is put in ends in exactly one column: delivered, spooled (on disk, sent later), or dropped
for a reason. `put` takes no lock and waits for nothing but, while the queue is a quarter full and
the worker keeps up, one millisecond in which the worker gets the processor.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar

from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_distro.batch_limits import BatchLimits
from otel_distro.delivery_counts import AtomicCounter, Tally
from otel_distro.spool.answer import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_distro.spool.net import SafetyNet

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
_BEHIND: Final = 4
"""Batches are up to this many times larger while the queue is that many batches long."""
_EASE_SECONDS: Final = 0.001
_KEEPS_UP_SECONDS: Final = 1.0
_RELIEF_SECONDS: Final = 1.0
"""An export that takes longer than this no longer holds up what could go to disk."""
_SLOW_EXIT_SECONDS: Final = 0.3
_STUCK_SECONDS: Final = 0.1
_SPILL_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0


class Exporter(Protocol[T_contra]):
    """What span and log record exporters have in common."""

    def export(self, batch: Sequence[T_contra], /) -> object:
        """Deliver *batch*; the result's name is SUCCESS or FAILURE."""

    def shutdown(self) -> None:
        """Stop, and give up an export that is still being retried."""


class Entry(NamedTuple, Generic[T]):
    """A record in the queue."""

    record: T
    size: int
    mark: Any
    """Where it stands in the journal, if there is one."""


class ExportQueue(Generic[T]):
    """Takes records on any thread, delivers them on its own; thread-safe, restarted after fork.

    A full queue loses its oldest record. *on_dropped* hears how many were lost and why
    (`queue_full`, `export_failed`, `rejected`, `not_encodable`, `exit_timeout`,
    `already_shutdown`).
    """

    def __init__(
        self,
        exporter: Exporter[T],
        *,
        signal: str,
        limits: BatchLimits = BatchLimits(),  # noqa: B008 - frozen
        size_of: Callable[[T], int] = lambda _record: 1024,
        on_dropped: Callable[[int, str], None] = lambda _count, _reason: None,
        on_delivered: Callable[[], None] = lambda: None,
    ) -> None:
        self.exporter = exporter
        self.signal = signal
        """What is queued: spans or log records."""
        self.net: SafetyNet | None = None
        """Keeps what cannot be delivered; None for exporters it cannot be done for."""
        self.on_idle: Callable[[], None] = lambda: None
        """Called on the worker's thread after every round."""
        self._limits = limits
        self._size_of = size_of
        self._on_dropped = on_dropped
        self._on_delivered = on_delivered
        self._ease_at = limits.max_queue_bytes // 4
        self._relieve_at = limits.max_queue_bytes // 2
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._queue: deque[Entry[T]] = deque()
        self._awake = threading.Event()
        self._finished = threading.Event()
        self._flushes: deque[threading.Event] = deque()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._relief: threading.Thread | None = None
        # Written by those who add and by those who take; each may lose an update to a race, which
        # is mended whenever the queue runs empty. Exact figures would need a lock.
        self._bytes_in = 0
        self._bytes_out = 0
        self._emitted = AtomicCounter()
        self._kept_aside = AtomicCounter()
        self._refused = AtomicCounter()
        self._overflowed = AtomicCounter()
        # Taken by threads of ours only, never by the app's.
        self._books = threading.Lock()
        self._delivered = 0
        self._spooled = 0
        self._dropped: Counter[str] = Counter()
        self._in_hand: list[Entry[T]] | None = None
        self._delivering = False
        self._left = False
        self._spilling = False
        self._taken_at = 0.0
        self._rest_until = 0.0
        self.last_success = 0.0
        """`time.monotonic()` of the last batch that was delivered."""

    def put(self, record: T) -> None:
        """Queue *record*; never raises."""
        self._emitted.add()
        if self._finished.is_set() or (self._thread is None and not self._start()):
            self._straggler(record)
            return
        size = self._size(record)
        net = self.net
        if net is not None and net.journal is not None:
            if not net.journal.write(record, lambda mark: self._add(Entry(record, size, mark))):
                self._kept_aside.add()
                return
        else:
            self._add(Entry(record, size, None))
        queued = self._bytes_in - self._bytes_out
        if queued > self._ease_at:
            self._under_pressure(queued)
        if len(self._queue) >= self._limits.max_batch_size and not self._awake.is_set():
            self._awake.set()

    def _add(self, entry: Entry[T]) -> None:
        self._queue.append(entry)
        self._bytes_in += entry.size
        most = self._limits.max_queue_size
        while self._bytes_in - self._bytes_out > self._limits.max_queue_bytes or (
            most is not None and len(self._queue) > most
        ):
            try:
                oldest = self._queue.popleft()
            except IndexError:
                break
            self._bytes_out += oldest.size
            self._overflowed.add()
            self._on_dropped(1, "queue_full")

    def _size(self, record: T) -> int:
        try:
            return self._size_of(record)
        except Exception:  # noqa: BLE001 - a record that cannot be sized is still worth queueing
            return 1024

    def _straggler(self, record: T) -> None:
        """Keep what comes after closing on disk; there is nobody left to deliver it."""
        net = self.net
        entry = Entry(record, 0, None)
        if net is not None and net.keeps_stragglers and not self._unkept(net, [entry]):
            self._kept_aside.add()
            return
        self._refused.add()
        self._on_dropped(1, "already_shutdown")

    def _under_pressure(self, queued: int) -> None:
        if threading.current_thread() is self._thread:
            return
        now = time.monotonic()
        if self._in_hand is None or now - self._taken_at < _KEEPS_UP_SECONDS:
            time.sleep(_EASE_SECONDS)
        elif (
            queued > self._relieve_at
            and self._relief is None
            and self._can_relieve(_RELIEF_SECONDS)
        ):
            self._start_relief()

    def _can_relieve(self, after: float) -> bool:
        return (
            self.net is not None
            and self.net.keeps
            and self._in_hand is not None
            and time.monotonic() - self._taken_at > after
        )

    def _start_relief(self) -> None:
        with self._start_lock:
            if self._relief is None:
                thread = threading.Thread(
                    target=self._relieve, name=f"otel_distro-{self.signal}-relief", daemon=True
                )
                self._relief = thread  # before it starts, as it may end at once
                try:
                    thread.start()
                except RuntimeError:
                    self._relief = None

    def _relieve(self) -> None:
        with suppress_instrumentation():
            while self._bytes_in - self._bytes_out > self._ease_at:
                if not self._spill_or_put_back(self._take()):
                    break
        self._relief = None

    def flush(self, timeout: float) -> bool:
        """Deliver everything queued so far; return whether that was done within *timeout* s."""
        if self._thread is None or self._finished.is_set():
            return True
        done = threading.Event()
        self._flushes.append(done)
        self._awake.set()
        return done.wait(timeout)

    def begin_close(self) -> None:
        """Start delivering what is queued at once; what still comes is taken until that is done."""
        self._closed = True
        self._awake.set()

    def hurry(self) -> None:
        """Write to disk what waits behind an export that takes long; while closing only."""
        if self._can_relieve(_SLOW_EXIT_SECONDS):
            while self._queue and self._spill_or_put_back(self._take()):
                pass

    def leave_if_stuck(self) -> None:
        """Stop waiting for an export that is under way to where nobody answers any more."""
        net = self.net
        if net is not None and self._in_hand is not None and net.rushed_for > _STUCK_SECONDS:
            self._leave()

    def end_close(self, deadline: float) -> bool:
        """Wait until all is delivered or *deadline* (`time.monotonic()`), then save or drop it.

        Returns whether it was delivered, or on disk, by then.
        """
        self.begin_close()
        if self._thread is None:
            self._finished.set()
        in_time = self._finished.wait(max(0.0, deadline - time.monotonic()))
        if not in_time:
            self._leave()
        self.exporter.shutdown()
        if self.net is not None:
            self.net.close()
        return in_time

    def _leave(self) -> None:
        """Account for what is not delivered in time: on disk if possible, else lost."""
        net = self.net
        payload = net.take_back() if net is not None else None
        if payload is None:
            self._finished.wait(0.05)  # the worker may be about to note what came of it
        if net is not None:
            net.abandon()
        self.exporter.shutdown()
        if net is None:
            self._finished.wait(0.05)
        # Never cleared again: the worker, should it come back, finds nothing to account for.
        self._left = True
        self._finished.set()
        entries = self._claim() or []
        if payload is not None and net is not None and net.keep(payload, len(entries)):
            self._count_spooled(len(entries))
            entries = []
        lost = len(self._spill(entries))
        while self._queue:
            lost += len(self._spill(self._take()))
        if lost:
            self._count_dropped(lost, "exit_timeout")
        # The worker may be writing to disk what it had taken before.
        patience = time.monotonic() + _SPILL_SECONDS
        while self._spilling and time.monotonic() < patience:
            time.sleep(_EASE_SECONDS)

    def drop_all(self, reason: str) -> None:
        """Drop everything that is queued."""
        lost = 0
        while self._queue:
            lost += len(self._take())
        if lost:
            self._count_dropped(lost, reason)

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def pending(self) -> bool:
        """Whether anything is queued or being delivered."""
        return bool(self._queue) or self._delivering

    @property
    def idle(self) -> bool:
        """Whether nothing is queued or being delivered any more after `begin_close`."""
        return self._thread is None or self._finished.is_set()

    def tally(self) -> Tally:
        """Return the state of the books."""
        with self._books:
            dropped = dict(self._dropped)
            delivered, spooled = self._delivered, self._spooled
        for reason, counter in (
            ("queue_full", self._overflowed),
            ("already_shutdown", self._refused),
        ):
            if counter.value:
                dropped[reason] = dropped.get(reason, 0) + counter.value
        return Tally(self._emitted.value, delivered, spooled + self._kept_aside.value, dropped)

    def at_fork(self) -> None:
        """Start anew in a forked child: what was queued belongs to the parent."""
        self._closed = False
        self._reset()
        if self.net is not None:
            self.net.at_fork()

    def _start(self) -> bool:
        with self._start_lock:
            if self._thread is None:
                thread = threading.Thread(
                    target=self._run, name=f"otel_distro-{self.signal}", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:  # no thread can start any more: the interpreter is leaving
                    return False
                self._thread = thread
        return True

    def _run(self) -> None:
        awake, finished = self._awake, self._finished
        with suppress_instrumentation():
            while not self._closed:
                awake.wait(self._pause())
                awake.clear()
                self._answer_flushes()
                self.on_idle()
            while not finished.is_set():
                self._answer_flushes()
                finished.set()
                # Somebody may have added a record since the last look, and nobody adds any more.
                if self._queue:
                    finished.clear()

    def _pause(self) -> float:
        resting = self._rest_until - time.monotonic()
        return (
            min(max(resting, 0.01), self._limits.delay_seconds)
            if resting > 0
            else (self._limits.delay_seconds)
        )

    def _answer_flushes(self) -> None:
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        self._delivering = True  # before anything is taken off the queue
        if flushes or self._closed or time.monotonic() >= self._rest_until:
            self._deliver_all()
        self._delivering = False
        for done in flushes:
            done.set()

    def _deliver_all(self) -> None:
        while self._queue and not self._left:
            size = self._limits.max_batch_size
            if len(self._queue) > size * _BEHIND:
                size *= _BEHIND
            if self._deliver(self._take(size)):
                continue
            if not self._closed:
                return
            # At exit a second attempt would only use up the time others have.
            self.drop_all("export_failed")

    def _take(self, size: int | None = None) -> list[Entry[T]]:
        entries: list[Entry[T]] = []
        queue, most = self._queue, size or self._limits.max_batch_size * _BEHIND
        total = elsewhere = 0
        with suppress(IndexError):
            while len(entries) < most and total < self._limits.max_batch_bytes:
                entry = queue.popleft()
                total += entry.size
                if entry.mark is not None and not entry.mark.live:
                    elsewhere += 1  # it is in the journal and left to the resender
                else:
                    entries.append(entry)
        self._bytes_out += total
        if not queue:
            self._bytes_in = self._bytes_out = 0
        self._taken_at = time.monotonic()
        if elsewhere:
            self._count_spooled(elsewhere)
        return entries

    def _deliver(self, entries: list[Entry[T]]) -> bool:
        """Deliver *entries* or find them another place; False when they are back in the queue."""
        if not entries:
            return True
        net = self.net
        if net is not None and net.holds_back():
            return self._spill_or_put_back(entries)
        with self._books:
            self._in_hand = entries
        if net is not None:
            net.begin(entry.mark for entry in entries if entry.mark is not None)
        try:
            result = self.exporter.export([entry.record for entry in entries])
            delivered = getattr(result, "name", "SUCCESS") == "SUCCESS"
        except Exception:  # noqa: BLE001 - an exporter's error must not end the worker
            delivered = False
        if self._claim() is None:
            return True  # whoever closes has accounted for them
        if delivered:
            return self._count_delivered(entries)
        if net is None:
            self._count_dropped(len(entries), "export_failed")
            return False
        return self._after_failure(entries, net)

    def _after_failure(self, entries: list[Entry[T]], net: SafetyNet) -> bool:
        fate = net.fate
        if fate is Fate.KEPT:
            self._count_spooled(len(entries))
        elif fate is Fate.REJECTED:
            self._count_lost(entries, "rejected")
        elif fate is Fate.UNFIT and not self._left:
            return self._halve(entries)
        else:
            return self._spill_or_put_back(entries)
        return True

    def _halve(self, entries: list[Entry[T]]) -> bool:
        """Deliver the halves: one record that cannot leave must not cost its neighbours."""
        if len(entries) == 1:
            self._count_lost(entries, "not_encodable")
            return True
        middle = len(entries) // 2
        first = self._deliver(entries[:middle])
        return self._deliver(entries[middle:]) and first

    def _spill(self, entries: list[Entry[T]]) -> list[Entry[T]]:
        """Write *entries* to disk; return those for which that could not be done."""
        net = self.net
        if not entries or net is None:
            return entries
        left = entries
        if net.journal is not None:
            net.journal.surrender()
            left = [entry for entry in entries if entry.mark is None]
        elif net.keeps:
            left = self._unkept(net, entries)
        self._count_spooled(len(entries) - len(left))
        return left

    def _spill_or_put_back(self, entries: list[Entry[T]]) -> bool:
        self._spilling = True
        left = self._spill(entries)
        self._spilling = False
        if left and self._left:
            self._count_dropped(len(left), "exit_timeout")
        elif left:
            self._put_back(left)
        return not left

    def _unkept(self, net: SafetyNet, entries: list[Entry[T]]) -> list[Entry[T]]:
        try:
            return [] if net.keep_records([entry.record for entry in entries]) else entries
        except Exception:  # noqa: BLE001 - one record that cannot be encoded spoils the batch
            if len(entries) == 1:
                return entries
        middle = len(entries) // 2
        return self._unkept(net, entries[:middle]) + self._unkept(net, entries[middle:])

    def _put_back(self, entries: list[Entry[T]]) -> None:
        self._queue.extendleft(reversed(entries))
        self._bytes_in += sum(entry.size for entry in entries)
        retry_at = self.net.retry_at if self.net is not None else 0.0
        self._rest_until = max(retry_at, time.monotonic() + _RETRY_SECONDS)

    def _claim(self) -> list[Entry[T]] | None:
        """Take over the accounting for the batch in hand; None when somebody else has."""
        with self._books:
            entries, self._in_hand = self._in_hand, None
            return entries

    def _count_delivered(self, entries: list[Entry[T]]) -> bool:
        self._acknowledge(entries)
        with self._books:
            self._delivered += len(entries)
        self.last_success = time.monotonic()
        self._on_delivered()
        return True

    def _count_spooled(self, count: int) -> None:
        with self._books:
            self._spooled += count

    def _count_lost(self, entries: list[Entry[T]], reason: str) -> None:
        self._acknowledge(entries)
        self._count_dropped(len(entries), reason)

    def _acknowledge(self, entries: list[Entry[T]]) -> None:
        if self.net is not None and self.net.journal is not None:
            self.net.journal.acknowledge(entry.mark for entry in entries if entry.mark is not None)

    def _count_dropped(self, count: int, reason: str) -> None:
        with self._books:
            self._dropped[reason] += count
        self._on_dropped(count, reason)
