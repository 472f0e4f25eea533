"""The export queue: complete, bounded, exact about its losses."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SpanExportResult

from otel_distro.batch_limits import BatchLimits
from otel_distro.export_queue import ExportQueue


class Sink:
    """An exporter that keeps what it gets, fails, or takes its time."""

    def __init__(self, *, fails: bool = False, seconds: float = 0.0) -> None:
        self.records: list[int] = []
        self.batches: list[int] = []
        self._fails = fails
        self._seconds = seconds
        self.stopped = threading.Event()

    def export(self, batch: Sequence[int]) -> SpanExportResult:
        given_up = self.stopped.wait(self._seconds)
        if self._fails or given_up:
            return SpanExportResult.FAILURE
        self.records += batch
        self.batches.append(len(batch))
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.stopped.set()


class Books:
    """Counts what was dropped and why."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()

    def __call__(self, count: int, reason: str) -> None:
        self.dropped[reason] += count


def queue_of(sink: Sink, books: Books, **limits: float) -> ExportQueue[int]:
    return ExportQueue(
        sink,
        signal="spans",
        limits=BatchLimits(
            max_queue_size=int(limits.get("size", 100_000)),
            max_batch_size=int(limits.get("batch", 512)),
            delay_seconds=limits.get("delay", 5.0),
        ),
        size_of=lambda _record: 100,
        on_dropped=books,
    )


def close(queue: ExportQueue[int], seconds: float = 5.0) -> bool:
    return queue.end_close(time.monotonic() + seconds)


def test_a_burst_arrives_complete_and_in_order() -> None:
    """Twenty thousand records as fast as possible."""
    sink, books = Sink(), Books()
    queue = queue_of(sink, books)
    for number in range(20_000):
        queue.put(number)

    assert close(queue)
    assert sink.records == list(range(20_000))
    assert books.dropped == {}


def test_a_full_queue_loses_the_oldest_and_counts_them() -> None:
    """Nothing is lost silently."""
    sink, books = Sink(seconds=0.3), Books()
    queue = queue_of(sink, books, size=10, batch=5)
    for number in range(100):
        queue.put(number)
    close(queue)

    assert len(sink.records) + books.dropped["queue_full"] == 100
    assert sink.records[-1] == 99


def test_a_failed_export_is_counted() -> None:
    """emitted = arrived + dropped."""
    sink, books = Sink(fails=True), Books()
    queue = queue_of(sink, books)
    for number in range(1000):
        queue.put(number)
    close(queue)

    assert books.dropped == {"export_failed": 1000}


def test_closing_is_over_in_time_however_slow_the_exporter() -> None:
    """What could not be delivered is counted."""
    sink, books = Sink(seconds=30), Books()
    queue = queue_of(sink, books)
    for number in range(2000):
        queue.put(number)
    began = time.monotonic()

    assert not close(queue, 0.3)
    assert time.monotonic() - began < 1
    assert sum(books.dropped.values()) + len(sink.records) == 2000


def test_an_exporter_that_raises_does_not_end_the_worker() -> None:
    """The batch is counted, the next one delivered."""
    sink, books = Sink(), Books()
    deliver, failures = sink.export, iter([True])

    def once_broken(batch: Sequence[int]) -> SpanExportResult:
        if next(failures, False):
            raise OSError("disk")
        return deliver(batch)

    sink.export = once_broken  # type: ignore[method-assign]
    queue = queue_of(sink, books, delay=0.01)
    queue.put(1)
    assert queue.flush(5)
    queue.put(2)

    assert close(queue)
    assert sink.records == [2]
    assert books.dropped == {"export_failed": 1}


def test_flush_delivers_what_is_queued_now() -> None:
    """Without waiting for the delay."""
    sink, books = Sink(), Books()
    queue = queue_of(sink, books, delay=60)
    queue.put(1)

    assert queue.flush(5)
    assert sink.records == [1]
    close(queue)


def test_flush_of_a_queue_nobody_used_returns_at_once() -> None:
    """No thread is started for it."""
    queue = queue_of(Sink(), Books())

    assert queue.flush(5)
    assert close(queue)


def test_records_after_closing_are_refused_and_counted() -> None:
    """A straggler is a loss like any other."""
    sink, books = Sink(), Books()
    queue = queue_of(sink, books)
    close(queue)
    queue.put(1)

    assert books.dropped == {"already_shutdown": 1}


def test_batches_grow_while_the_queue_is_behind() -> None:
    """Fewer, larger requests catch up sooner; never more than four times the batch size."""
    sink, books = Sink(seconds=0.05), Books()
    queue = queue_of(sink, books, batch=100)
    for number in range(5000):
        queue.put(number)
    sink._seconds = 0
    close(queue)

    assert max(sink.batches) == 400
    assert len(sink.records) == 5000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_starts_with_an_empty_queue() -> None:
    """What the parent queued is the parent's to deliver."""
    sink, books = Sink(), Books()
    queue = queue_of(sink, books, delay=60)
    queue.put(1)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        queue.at_fork()
        queue.put(2)
        queue.flush(5)
        os.write(write, repr(sink.records).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(read, 100) == b"[2]"
    assert close(queue)
    assert sink.records == [1]


@settings(max_examples=30, deadline=None)
@given(
    records=st.integers(0, 300),
    size=st.integers(1, 50),
    batch=st.integers(1, 50),
    fails=st.booleans(),
)
def test_the_books_always_balance(records: int, size: int, batch: int, fails: bool) -> None:
    """emitted = arrived + dropped, whatever the limits."""
    sink, books = Sink(fails=fails), Books()
    queue = queue_of(sink, books, size=size, batch=batch, delay=0.001)
    for number in range(records):
        queue.put(number)
    close(queue)

    assert len(sink.records) + sum(books.dropped.values()) == records
