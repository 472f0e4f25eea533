"""A bounded queue with one worker that hands batches to an exporter, and knows what it lost.

Unlike the SDK's batch processor it counts exactly what was dropped and why, closes within the
time it is given whatever the exporter does, and makes batches larger when it is behind.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from opentelemetry.instrumentation.utils import suppress_instrumentation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
_BEHIND = 4
"""Batches are up to this many times larger while the queue is that many batches long."""


class Exporter(Protocol[T_contra]):
    """What span and log record exporters have in common."""

    def export(self, batch: Sequence[T_contra], /) -> object:
        """Deliver *batch*; the result's name is SUCCESS or FAILURE."""

    def shutdown(self) -> None:
        """Stop, and give up an export that is still being retried."""


class ExportQueue(Generic[T]):
    """Takes records on any thread, delivers them on its own; thread-safe, restarted after fork.

    A full queue loses its oldest record. *on_dropped* hears how many were lost and why
    (`queue_full`, `export_failed`, `exit_timeout`).
    """

    def __init__(
        self,
        exporter: Exporter[T],
        *,
        signal: str,
        max_queue_size: int,
        max_batch_size: int,
        delay_seconds: float,
        on_dropped: Callable[[int, str], None],
        on_delivered: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_delivered = on_delivered
        self._exporter = exporter
        self.signal = signal
        """What is queued: spans or log records."""
        self._max_batch_size = max_batch_size
        self._delay = delay_seconds
        self._on_dropped = on_dropped
        self._max_queue_size = max_queue_size
        self._closed = False
        self._reset()

    def _reset(self) -> None:
        self._queue: deque[T] = deque(maxlen=self._max_queue_size)
        self._awake = threading.Event()
        self._finished = threading.Event()
        self._flushes: deque[threading.Event] = deque()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._in_hand = 0
        self._delivering = False
        self._written_off = False
        self.last_success = 0.0
        """`time.monotonic()` of the last batch that was delivered."""

    def put(self, record: T) -> None:
        """Queue *record*; never blocks."""
        if self._closed:
            self._on_dropped(1, "already_shutdown")
            return
        if self._thread is None:
            self._start()
        queue = self._queue
        if len(queue) >= self._max_queue_size:
            self._on_dropped(1, "queue_full")
        queue.append(record)
        if len(queue) >= self._max_batch_size and not self._awake.is_set():
            self._awake.set()

    def flush(self, timeout: float) -> bool:
        """Deliver everything queued so far; return whether that was done within *timeout* s."""
        if self._thread is None or self._finished.is_set():
            return True
        done = threading.Event()
        self._flushes.append(done)
        self._awake.set()
        return done.wait(timeout)

    def begin_close(self) -> None:
        """Stop taking records and start delivering the rest at once."""
        self._closed = True
        self._awake.set()

    def end_close(self, deadline: float) -> bool:
        """Wait until all is delivered or *deadline* (`time.monotonic()`), then give up the rest.

        Returns whether nothing had to be given up.
        """
        self.begin_close()
        in_time = self._thread is None or self._finished.wait(max(0.0, deadline - time.monotonic()))
        self._exporter.shutdown()
        if not in_time:
            # The exporter was told to give up; a batch in its hands ends as a failed export.
            self._finished.wait(0.05)
        lost = self._discard()
        if not self._finished.is_set():
            # The batch in the exporter's hands may still arrive, but nobody will wait to see it.
            self._written_off = True
            lost += self._in_hand
        if lost:
            self._on_dropped(lost, "exit_timeout")
        return in_time and not lost

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

    def at_fork(self) -> None:
        """Start anew in a forked child: what was queued belongs to the parent."""
        self._reset()

    def _discard(self) -> int:
        lost = len(self._queue)
        self._queue.clear()
        return lost

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is None:
                thread = threading.Thread(
                    target=self._run, name=f"otel_distro-{self.signal}", daemon=True
                )
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        awake, finished = self._awake, self._finished
        with suppress_instrumentation():
            while not self._closed:
                awake.wait(self._delay)
                awake.clear()
                self._answer_flushes()
            self._answer_flushes()
        finished.set()

    def _answer_flushes(self) -> None:
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        self._delivering = True  # before anything is taken off the queue
        self._deliver_all()
        self._delivering = False
        for done in flushes:
            done.set()

    def _deliver_all(self) -> None:
        while self._queue:
            size = self._max_batch_size
            if len(self._queue) > size * _BEHIND:
                size *= _BEHIND
            batch = self._take(size)
            if not self._deliver(batch) and self._closed:
                # At exit a second attempt would only use up the time others have.
                lost = self._discard()
                if lost:
                    self._on_dropped(lost, "export_failed")

    def _take(self, size: int) -> list[T]:
        batch: list[T] = []
        queue = self._queue
        try:
            while len(batch) < size:
                batch.append(queue.popleft())
        except IndexError:
            pass
        return batch

    def _deliver(self, batch: list[T]) -> bool:
        self._in_hand = len(batch)
        try:
            result = self._exporter.export(batch)
            delivered = getattr(result, "name", "SUCCESS") == "SUCCESS"
        except Exception:  # noqa: BLE001 - an exporter's error must not end the worker
            delivered = False
        if delivered:
            self.last_success = time.monotonic()
            self._on_delivered()
        elif not self._written_off:
            self._on_dropped(len(batch), "export_failed")
        self._in_hand = 0
        return delivered
