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
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from otel_distro.export.batch_limits import BatchLimits
from otel_distro.export.counts import AtomicCounter
from otel_distro.export.export_queue import ExportQueue
from otel_distro.export.spool.export_outcome import DeliveryOutcome
from otel_distro.lifecycle import provider_shutdown


class Sink:
    """An exporter that stores its records, fails, or is slow."""

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


class DropCounter:
    """Counts dropped records by reason."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()

    def __call__(self, count: int, reason: str) -> None:
        self.dropped[reason] += count


@pytest.fixture
def drops() -> DropCounter:
    return DropCounter()


def queue_of(sink: Sink, drops: DropCounter, **limits: float) -> ExportQueue[int]:
    return ExportQueue(
        sink,
        signal="spans",
        limits=BatchLimits(
            max_queue_size=int(limits.get("size", 100_000)),
            max_batch_size=int(limits.get("batch", 512)),
            delay_seconds=limits.get("delay", 5.0),
        ),
        size_of=lambda _record: 100,
        on_dropped=drops,
    )


def close(queue: ExportQueue[int], seconds: float = 5.0) -> bool:
    return queue.end_close(time.monotonic() + seconds)


def test_records_added_during_an_export_wait_for_the_next_batch(drops: DropCounter) -> None:
    """A busy app adds some records during each export; a request for each would never end."""
    sink = Sink()
    queue = queue_of(sink, drops)

    def export(batch: Sequence[int]) -> SpanExportResult:
        if len(sink.batches) < 100:
            queue.put(len(batch))
        return Sink.export(sink, batch)

    sink.export = export  # type: ignore[method-assign]
    for number in range(10):
        queue.put(number)

    assert queue.flush(5)
    assert sink.batches == [10]
    assert queue.flush(5)
    assert sink.batches == [10, 1]
    close(queue)


def test_a_burst_arrives_complete_and_in_order() -> None:
    """Twenty thousand records as fast as possible."""
    sink, drops = Sink(), DropCounter()
    queue = queue_of(sink, drops)
    for number in range(20_000):
        queue.put(number)

    assert close(queue)
    assert sink.records == list(range(20_000))
    assert drops.dropped == {}


def test_recording_does_not_wait_for_a_slow_exporter() -> None:
    """A background thread handles disk and network."""
    sink, drops = Sink(seconds=0.5), DropCounter()
    queue = queue_of(sink, drops, batch=50, delay=0.01)
    queue.put(0)
    time.sleep(0.05)
    began = time.monotonic()
    for number in range(1, 100):
        queue.put(number)
    elapsed = time.monotonic() - began
    close(queue, seconds=10)

    assert elapsed < 0.25
    assert sink.records == list(range(100))


def test_a_full_queue_loses_the_oldest_and_counts_them() -> None:
    """Nothing is lost silently."""
    sink, drops = Sink(seconds=0.3), DropCounter()
    queue = queue_of(sink, drops, size=10, batch=5)
    for number in range(100):
        queue.put(number)
    close(queue)

    assert len(sink.records) + drops.dropped["queue_full"] == 100
    assert sink.records[-1] == 99


def test_a_failed_export_is_counted() -> None:
    """emitted = arrived + dropped."""
    sink, drops = Sink(fails=True), DropCounter()
    queue = queue_of(sink, drops)
    for number in range(1000):
        queue.put(number)
    close(queue)

    assert drops.dropped == {"export_failed": 1000}


def test_closing_is_over_in_time_however_slow_the_exporter() -> None:
    """Undelivered records are counted."""
    sink, drops = Sink(seconds=30), DropCounter()
    queue = queue_of(sink, drops)
    for number in range(2000):
        queue.put(number)
    began = time.monotonic()

    assert not close(queue, 0.3)
    assert time.monotonic() - began < 20
    assert sum(drops.dropped.values()) + len(sink.records) == 2000


def test_an_exporter_that_raises_does_not_end_the_worker() -> None:
    """The batch is counted, the next one delivered."""
    sink, drops = Sink(), DropCounter()
    deliver, failures = sink.export, iter([True])

    def fail_once(batch: Sequence[int]) -> SpanExportResult:
        if next(failures, False):
            raise OSError("disk")
        return deliver(batch)

    sink.export = fail_once  # type: ignore[method-assign]
    queue = queue_of(sink, drops, delay=0.01)
    queue.put(1)
    assert queue.flush(5)
    queue.put(2)

    assert close(queue)
    assert sink.records == [2]
    assert drops.dropped == {"export_failed": 1}


def test_flush_delivers_queued_records() -> None:
    """Without waiting for the delay."""
    sink, drops = Sink(), DropCounter()
    queue = queue_of(sink, drops, delay=60)
    queue.put(1)

    assert queue.flush(5)
    assert sink.records == [1]
    close(queue)


def test_flush_of_an_unused_queue_returns_at_once() -> None:
    """No thread is started for it."""
    queue = queue_of(Sink(), DropCounter())

    assert queue.flush(5)
    assert close(queue)


def test_records_after_closing_are_refused_and_counted() -> None:
    """As any other loss."""
    sink, drops = Sink(), DropCounter()
    queue = queue_of(sink, drops)
    close(queue)
    queue.put(1)

    assert drops.dropped == {"already_shutdown": 1}


def test_batches_grow_while_the_queue_is_behind() -> None:
    """Fewer, larger requests catch up sooner; never more than four times the batch size."""
    sink, drops = Sink(seconds=0.05), DropCounter()
    queue = queue_of(sink, drops, batch=100)
    for number in range(5000):
        queue.put(number)
    sink._seconds = 0
    close(queue)

    assert max(sink.batches) == 400
    assert len(sink.records) == 5000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_starts_with_an_empty_queue() -> None:
    """The parent delivers its own records."""
    sink, drops = Sink(), DropCounter()
    queue = queue_of(sink, drops, delay=60)
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


@settings(max_examples=30)
@given(
    records=st.integers(0, 300),
    size=st.integers(1, 50),
    batch=st.integers(1, 50),
    fails=st.booleans(),
)
def test_the_counters_always_add_up(records: int, size: int, batch: int, fails: bool) -> None:
    """emitted = arrived + dropped, with any limits."""
    sink, drops = Sink(fails=fails), DropCounter()
    queue = queue_of(sink, drops, size=size, batch=batch, delay=0.001)
    for number in range(records):
        queue.put(number)
    close(queue)

    assert len(sink.records) + sum(drops.dropped.values()) == records


class FakeFallback:
    """A disk fallback with a scripted outcome of the exporter."""

    journal = None
    rejected = 0
    is_spooling = keeps_after_shutdown = True
    retry_at = 0.0
    stopped_for = -1.0

    def __init__(
        self, outcome: DeliveryOutcome = DeliveryOutcome.SPOOLED, *, away: bool = False
    ) -> None:
        self.outcome = outcome
        self.away = away
        self.kept: list[int] = []
        self.under_way: bytes | None = None
        self.unencodable: set[int] = set()

    def sends_to_disk(self) -> bool:
        return self.away

    def begin(self, marks: object) -> None: ...

    def keep(self, payload: bytes, count: int) -> bool:
        self.kept += [-1] * count
        return True

    def spool_records(self, records: Sequence[int]) -> bool:
        if self.unencodable & set(records):
            raise ValueError("not text")
        self.kept += records
        return True

    def take_unsent(self) -> bytes | None:
        return self.under_way

    def settle(self, patience: float) -> None: ...

    def abandon(self) -> None: ...

    def close(self) -> None: ...

    def at_fork(self) -> None: ...


def with_fallback(queue: ExportQueue[int], net: FakeFallback) -> ExportQueue[int]:
    queue.net = net  # type: ignore[assignment]
    return queue


def test_a_queue_is_bounded_by_the_bytes_in_it(drops: DropCounter) -> None:
    """A few large records count as much as many small ones."""
    sink = Sink(seconds=0.5)
    queue = ExportQueue[int](
        sink,
        signal="spans",
        limits=BatchLimits(max_queue_bytes=10_000),
        size_of=lambda record: 1000,
        on_dropped=drops,
    )
    for number in range(600):  # the first batch is taken at 512
        queue.put(number)
    close(queue)
    tally = queue.tally()

    assert tally.dropped == drops.dropped == {"queue_full": tally.emitted - tally.delivered}
    assert tally.emitted == 600
    assert len(sink.records) == tally.delivered


def test_a_batch_is_bounded_by_bytes_too() -> None:
    """Servers have limits on requests."""
    sink = Sink()
    queue = ExportQueue[int](
        sink, signal="spans", limits=BatchLimits(max_batch_bytes=5000), size_of=lambda _: 1000
    )
    for number in range(50):
        queue.put(number)
    close(queue)

    assert sink.batches == [5] * 10


def test_a_flooding_thread_yields_to_the_worker(drops: DropCounter) -> None:
    """A millisecond per record, as long as the worker keeps up; then no record is lost."""
    sink = Sink(seconds=0.002)
    queue = ExportQueue[int](
        sink,
        signal="spans",
        limits=BatchLimits(max_queue_bytes=2_000_000, delay_seconds=0.01),
        size_of=lambda _: 1000,
        on_dropped=drops,
    )
    for number in range(20_000):
        queue.put(number)
    close(queue)

    assert len(sink.records) == 20_000
    assert drops.dropped == {}


def test_records_without_a_size_are_queued(drops: DropCounter) -> None:
    """With any content of the record."""
    sink = Sink()

    def broken(_record: int) -> int:
        raise RuntimeError

    queue = ExportQueue[int](sink, signal="spans", size_of=broken, on_dropped=drops)
    queue.put(1)

    assert close(queue)
    assert sink.records == [1]


def test_during_an_outage_records_are_spooled_directly(drops: DropCounter) -> None:
    """The exporter is not called."""
    sink, net = Sink(), FakeFallback(away=True)
    queue = with_fallback(queue_of(sink, drops), net)
    for number in range(1000):
        queue.put(number)
    close(queue)

    assert net.kept == list(range(1000))
    assert queue.tally().spooled == 1000
    assert sink.records == []


def test_a_record_that_cannot_be_sent_affects_no_other(drops: DropCounter) -> None:
    """It is found by halving the batch."""
    sink, net = Sink(), FakeFallback(DeliveryOutcome.UNSENDABLE)
    deliver = sink.export

    def fail_for_77(batch: Sequence[int]) -> SpanExportResult:
        return SpanExportResult.FAILURE if 77 in batch else deliver(batch)

    sink.export = fail_for_77  # type: ignore[method-assign]
    queue = with_fallback(queue_of(sink, drops), net)
    for number in range(500):
        queue.put(number)
    close(queue)

    assert sink.records == [number for number in range(500) if number != 77]
    assert drops.dropped == {"not_encodable": 1}


def test_a_record_that_cannot_be_encoded_affects_no_other_on_disk_either(
    drops: DropCounter,
) -> None:
    """It is counted when the process exits."""
    sink, net = Sink(), FakeFallback(away=True)
    net.unencodable = {5}
    queue = with_fallback(queue_of(sink, drops), net)
    for number in range(10):
        queue.put(number)
    close(queue)

    assert net.kept == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert sum(drops.dropped.values()) == 1


def test_records_neither_delivered_nor_spooled_wait_in_memory(drops: DropCounter) -> None:
    """And are retried in their order."""
    sink, net = Sink(fails=True), FakeFallback(DeliveryOutcome.FAILED)
    net.is_spooling = False
    queue = with_fallback(queue_of(sink, drops, delay=0.01), net)
    for number in range(5):
        queue.put(number)
    queue.flush(5)
    waiting = queue.tally().waiting
    sink._fails = False
    queue.flush(5)
    close(queue)

    assert waiting == 5
    assert sink.records == [0, 1, 2, 3, 4]
    assert drops.dropped == {}


def test_at_the_deadline_everything_is_on_disk(drops: DropCounter) -> None:
    """Also the request without a response."""
    sink, net = Sink(seconds=30), FakeFallback()
    net.under_way = b"request"
    queue = with_fallback(queue_of(sink, drops, batch=100), net)
    for number in range(1000):
        queue.put(number)
    wait_until_busy(queue)
    close(queue, 0.2)

    assert len(net.kept) == queue.tally().spooled == 1000
    assert drops.dropped == {}


def wait_until_busy(queue: ExportQueue[int]) -> None:
    deadline = time.monotonic() + 5
    while not queue._delivery.busy_for and time.monotonic() < deadline:
        time.sleep(0.001)


def test_an_export_that_takes_long_does_not_fill_the_queue(
    drops: DropCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later records are spooled."""
    monkeypatch.setattr("otel_distro.export.export_queue._RELIEF_SECONDS", 0.05)
    monkeypatch.setattr("otel_distro.export.export_queue._KEEPS_UP_SECONDS", 0.05)
    sink, net = Sink(seconds=1.0), FakeFallback()
    queue = with_fallback(
        ExportQueue[int](
            sink,
            signal="spans",
            limits=BatchLimits(max_queue_bytes=1_000_000, delay_seconds=0.01),
            size_of=lambda _: 1000,
            on_dropped=drops,
        ),
        net,
    )
    queue.put(0)
    wait_until_busy(queue)
    for number in range(3000):
        queue.put(number)
        time.sleep(0.0001)
    close(queue)

    assert drops.dropped == {}
    assert len(net.kept) > 1000
    assert len(sink.records) + len(net.kept) == 3001


def test_records_added_after_closing_are_spooled(drops: DropCounter) -> None:
    """There is no thread to deliver them."""
    net = FakeFallback()
    queue = with_fallback(queue_of(Sink(), drops), net)
    close(queue)
    queue.put(7)

    assert net.kept == [7]
    assert drops.dropped == {}


def test_counting_takes_no_lock_and_loses_nothing() -> None:
    """A signal handler may wait for deliveries while the interrupted thread is counting."""
    counter = AtomicCounter()

    def count() -> None:
        for _ in range(20_000):
            counter.add()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counter.value == 80_000


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.sampled_from(["put", "away", "back", "flush", "full"]), min_size=1, max_size=25
    ),
    outcome=st.sampled_from(
        [
            DeliveryOutcome.SPOOLED,
            DeliveryOutcome.REJECTED,
            DeliveryOutcome.FAILED,
            DeliveryOutcome.UNSENDABLE,
        ]
    ),
)
def test_each_record_is_counted_in_exactly_one_column(
    steps: list[str], outcome: DeliveryOutcome
) -> None:
    """emitted = delivered + spooled + dropped."""
    sink, drops, net = Sink(), DropCounter(), FakeFallback(outcome)
    queue = with_fallback(queue_of(sink, drops, batch=7, delay=0.001), net)
    number = 0
    for step in steps:
        if step == "put":
            for _ in range(20):
                queue.put(number)
                number += 1
        elif step == "flush":
            queue.flush(5)
        elif step == "full":
            net.is_spooling = not net.is_spooling
        else:
            sink._fails = net.away = step == "away"
    close(queue)
    tally = queue.tally()

    assert tally.emitted == number
    assert tally.delivered == len(sink.records)
    assert tally.dropped == drops.dropped
    assert tally.waiting == 0
    if outcome is not DeliveryOutcome.SPOOLED:
        assert tally.spooled == len(net.kept)


def test_a_span_that_ends_while_calls_are_settled_at_exit_is_delivered(drops: DropCounter) -> None:
    """Also the first one of a process: spans of model requests may end only then."""
    sink = Sink()
    queue = queue_of(sink, drops)
    processor = SpanProcessor()
    processor.queue = queue  # type: ignore[attr-defined]
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)

    provider_shutdown.begin([provider])
    queue.put(1)
    queue.flush_soon().wait(5)
    queue.put(2)
    assert close(queue)

    assert sink.records == [1, 2]
