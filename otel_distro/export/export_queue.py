"""Export queue: bounded by bytes, one worker, batches for one exporter, exact counters.

Each record ends in exactly one column: delivered, spooled (on disk, sent later), or dropped for a
reason. `put` takes no lock and never blocks, except that it yields one millisecond to the worker
while the queue is a quarter full and the worker keeps up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_distro.export.backlog import Backlog, Entry
from otel_distro.export.batch_delivery import Delivery, Exporter
from otel_distro.export.batch_limits import BatchLimits
from otel_distro.export.counts import QueueCounters, Tally
from otel_host.background import BackgroundThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.export.spool.disk_fallback import DiskFallback

T = TypeVar("T")
_EASE_SECONDS: Final = 0.001
_KEEPS_UP_SECONDS: Final = 1.0
_RELIEF_SECONDS: Final = 1.0
"""An export that takes longer than this no longer delays spooling to disk."""
_SLOW_EXIT_SECONDS: Final = 0.3
_STUCK_SECONDS: Final = 0.1
_SAVE_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0


class ExportQueue(Generic[T]):
    """Accepts records on any thread, delivers them on a worker; thread-safe, restarted after fork.

    A full queue drops its oldest record. *on_dropped* receives the number of lost records and the
    reason (`queue_full`, `export_failed`, `rejected`, `not_encodable`, `exit_timeout`,
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
        """Kind of queued records: spans or log records."""
        self.on_idle: Callable[[], None] = lambda: None
        """Called on the worker's thread after every round."""
        self._limits = limits
        self._size_of = size_of
        self._on_dropped = on_dropped
        self._on_delivered = on_delivered
        self._ease_at = limits.max_queue_bytes // 4
        self._relieve_at = limits.max_queue_bytes // 2
        self._net: DiskFallback | None = None
        self._reset()

    def _reset(self) -> None:
        self._backlog: Backlog[T] = Backlog(self._limits)
        self._books = QueueCounters()
        self._delivery = Delivery(self.exporter, self._books, self._on_dropped, self._on_delivered)
        self._delivery.net = self._net
        self._awake = threading.Event()
        self._finished = threading.Event()
        self._flushes: deque[threading.Event] = deque()
        self._worker = BackgroundThread(f"otel_distro-{self.signal}", self._run)
        self._relief = BackgroundThread(f"otel_distro-{self.signal}-relief", self._relieve)
        self._closed = False
        self._working = False
        self._rest_until = 0.0

    @property
    def net(self) -> DiskFallback | None:
        """Keeps undelivered records; None for exporters without support."""
        return self._net

    @net.setter
    def net(self, net: DiskFallback | None) -> None:
        self._net = self._delivery.net = net

    def put(self, record: T) -> None:
        """Queue *record*; never raises."""
        self._books.emitted.add()
        if self._finished.is_set() or not self._worker.ensure():
            self._put_after_shutdown(record)
            return
        size, net = self._size(record), self._net
        if net is None or net.journal is None:
            self._add(Entry(record, size, None))
        elif not net.journal.write(record, lambda mark: self._add(Entry(record, size, mark))):
            self._books.kept_aside.add()
            return
        backlog = self._backlog
        if backlog.size_bytes > self._ease_at:
            self._under_pressure(backlog.size_bytes)
        if len(backlog) >= self._limits.max_batch_size and not self._awake.is_set():
            self._awake.set()

    def _add(self, entry: Entry[T]) -> None:
        for _ in range(self._backlog.add(entry)):
            self._books.overflowed.add()

    def _size(self, record: T) -> int:
        try:
            return self._size_of(record)
        except Exception:  # a record that cannot be sized is still worth queueing
            return 1024

    def _put_after_shutdown(self, record: T) -> None:
        """Spool records added after closing: no worker is left to deliver them."""
        if self._delivery.save_after_shutdown(Entry(record, 0, None)):
            self._books.kept_aside.add()
        else:
            self._books.refused.add()
            self._on_dropped(1, "already_shutdown")

    def _under_pressure(self, queued: int) -> None:
        if self._worker.is_current:
            return
        busy = self._delivery.busy_for
        if busy < _KEEPS_UP_SECONDS:
            time.sleep(_EASE_SECONDS)
        if queued > self._relieve_at and self._slow(_RELIEF_SECONDS):
            self._relief.ensure()

    def _slow(self, seconds: float) -> bool:
        """Whether an export takes longer than *seconds* while queued records could be spooled."""
        net = self._net
        return net is not None and net.is_spooling and self._delivery.busy_for > seconds

    def _relieve(self) -> None:
        relief = self._relief
        with suppress_instrumentation():
            while self._backlog.size_bytes > self._ease_at and self._save_some():
                pass
        relief.end()

    def _save_some(self) -> bool:
        """Write the oldest records to disk; return the success."""
        left = self._delivery.save(self._unreleased(self._backlog.take_large_batch()))
        self._put_back(left)
        return not left

    def flush(self, timeout: float) -> bool:
        """Deliver all records queued so far within *timeout* seconds; return the success."""
        if self._worker.thread is None or self._finished.is_set():
            return True
        return self.flush_soon().wait(timeout)

    def flush_soon(self) -> threading.Event:
        """Deliver everything queued so far without delay; return an event that is set once done."""
        done = threading.Event()
        self._flushes.append(done)
        self._awake.set()
        return done

    def begin_close(self) -> None:
        """Start delivery of queued records at once; new records are accepted until it has ended."""
        self._closed = True
        self._awake.set()

    def spill_pending(self) -> None:
        """Write records that wait behind a slow export to disk; only while closing."""
        while len(self._backlog) and self._slow(_SLOW_EXIT_SECONDS) and self._save_some():
            pass

    def abandon_if_stuck(self) -> None:
        """Stop waiting for an export whose endpoint does not respond."""
        net = self._net
        if net is not None and self._delivery.busy_for and net.stopped_for > _STUCK_SECONDS:
            self._abandon_pending()

    def end_close(self, deadline: float) -> bool:
        """Wait for delivery until *deadline*, then save or drop the rest.

        *deadline* is in seconds of `time.monotonic()`. Returns whether all records were
        delivered or on disk by then.
        """
        self.begin_close()
        in_time = self.idle or self._finished.wait(max(0.0, deadline - time.monotonic()))
        if not in_time:
            self._abandon_pending()
        self._finished.set()
        self._save_rest()
        self.exporter.shutdown()
        if self._net is not None:
            self._net.close()
        return in_time

    def _abandon_pending(self) -> None:
        """Account for records not delivered in time: on disk if possible, else lost."""
        unsaved = self._delivery.stop_and_take(self._finished.wait)
        # Never cleared again: if the worker returns, it has nothing to account for.
        self._finished.set()
        self._delivery.drop(unsaved, "exit_timeout")
        self._save_rest()
        # The worker may be writing entries it took earlier to disk.
        patience = time.monotonic() + _SAVE_SECONDS
        while self._working and not self._delivery.exporting and time.monotonic() < patience:
            time.sleep(_EASE_SECONDS)

    def _save_rest(self) -> None:
        while len(self._backlog):
            left = self._delivery.save(self._unreleased(self._backlog.take_large_batch()))
            self._delivery.drop(left, "exit_timeout")
        self._report_overflow()

    def drop_all(self, reason: str) -> None:
        """Drop all queued records."""
        while len(self._backlog):
            self._delivery.drop(self._unreleased(self._backlog.take_large_batch()), reason)

    def __len__(self) -> int:
        return len(self._backlog)

    @property
    def pending(self) -> bool:
        """Whether any record is queued or being delivered."""
        return bool(len(self._backlog)) or self._working

    @property
    def idle(self) -> bool:
        """Whether the queue and all deliveries are done after `begin_close`."""
        return self._worker.thread is None or self._finished.is_set()

    def tally(self) -> Tally:
        """Return a snapshot of the counters."""
        return self._books.tally()

    def at_fork(self) -> None:
        """Reset after fork: queued records belong to the parent."""
        self._reset()
        if self._net is not None:
            self._net.at_fork()

    def _run(self) -> None:
        awake, finished = self._awake, self._finished
        with suppress_instrumentation():
            while not self._closed:
                awake.wait(self._pause())
                awake.clear()
                self._answer_flushes()
                self._report_overflow()
                self.on_idle()
            while not finished.is_set():
                self._answer_flushes()
                finished.set()
                # A thread may have added a record since the last check; no more are added now.
                if len(self._backlog) and not self._delivery.is_abandoned():
                    finished.clear()

    def _pause(self) -> float:
        resting = self._rest_until - time.monotonic()
        delay = self._limits.delay_seconds
        return min(max(0.01, resting), delay) if resting > 0 else delay

    def _answer_flushes(self) -> None:
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        self._working = True  # before taking anything off the queue
        if flushes or self._closed or time.monotonic() >= self._rest_until:
            self._deliver_all()
        self._working = False
        for done in flushes:
            done.set()

    def _deliver_all(self) -> None:
        # Records added meanwhile wait for the next round: otherwise the worker of a busy app would
        # keep sending requests of a few records.
        due = len(self._backlog)
        while self._has_more(due) and not self._delivery.is_abandoned():
            batch = self._backlog.take_batch()
            due -= len(batch)
            left = self._delivery.deliver(self._unreleased(batch))
            if self._delivery.is_abandoned():
                self._delivery.drop(left, "exit_timeout")
            elif self._closed and (left or self._delivery.failed):
                # At exit a second attempt would only use the time of others.
                self._delivery.drop(left, "export_failed")
                self.drop_all("export_failed")
            elif left:
                self._put_back(left)
                return

    def _has_more(self, due: int) -> bool:
        waiting = len(self._backlog)
        return waiting > 0 and (due > 0 or waiting >= self._limits.max_batch_size or self._closed)

    def _unreleased(self, entries: list[Entry[T]]) -> list[Entry[T]]:
        """Return *entries* without those that the journal has left to the resender."""
        unreleased = [entry for entry in entries if entry.mark is None or entry.mark.live]
        self._books.spooled(len(entries) - len(unreleased))
        return unreleased

    def _put_back(self, entries: list[Entry[T]]) -> None:
        if entries:
            self._backlog.put_back(entries)
            retry_at = self._net.retry_at if self._net is not None else 0.0
            self._rest_until = max(retry_at, time.monotonic() + _RETRY_SECONDS)

    def _report_overflow(self) -> None:
        # Not on the adding thread: reporting takes locks.
        if lost := self._books.new_overflow():
            self._on_dropped(lost, "queue_full")
