"""The journal: records are on disk before they are queued, and delivered ones are not resent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from otel_distro.export.spool.drain import drain
from otel_distro.export.spool.export_outcome import ResponseClass, SendResult
from otel_distro.export.spool.folder import SpoolFolder
from otel_distro.export.spool.journal import Journal, Mark
from otel_distro.export.spool.spooling_transport import SpoolingTransport
from support.spool import SpoolReports, Wire


class Port:
    """The transport hook of an exporter, without an exporter."""

    endpoint = "http://collector:4318/v1/traces"
    protocol = "http/protobuf"

    def intercept(self, carry: object) -> None: ...

    def send(self, payload: bytes, on_sent: object = None) -> SendResult:
        return SendResult(ResponseClass.DELIVERED)

    def credentials(self) -> Iterator[str]:
        return iter(())

    def at_fork(self) -> None: ...


class IgnoredReports(SpoolReports):
    """Ignores reports."""

    def delivered(self) -> None: ...

    def failed(self, reason: str) -> None: ...

    def warned(self, signal: str, warning: str) -> None: ...

    def refused(self, signal: str, reason: str) -> None: ...

    def kept(self, signal: str, count: int) -> None: ...


@pytest.fixture
def transport(folder: SpoolFolder) -> SpoolingTransport:
    return SpoolingTransport("traces", Port(), IgnoredReports(), folder)


@pytest.fixture
def journal(transport: SpoolingTransport, folder: SpoolFolder) -> Journal:
    return Journal(transport, folder)


def spans(count: int) -> list[ReadableSpan]:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    made = [tracer.start_span(f"work {number}") for number in range(count)]
    for span in made:
        span.end()
    return made  # type: ignore[return-value]


def written(journal: Journal, count: int) -> list[Mark]:
    marks: list[Mark | None] = []
    for span in spans(count):
        assert journal.write(span, marks.append)
    return [mark for mark in marks if mark is not None]


def unsent_count(folder: SpoolFolder, wire: Wire) -> int:
    """Return the number of spans that the next process would send."""
    return drain(folder.path, wire.send).sent


def test_unacknowledged_records_are_sent_by_the_next_process(
    journal: Journal, folder: SpoolFolder, wire: Wire
) -> None:
    """And nothing else."""
    marks = written(journal, 10)
    journal.acknowledge(marks[:6])
    journal.close()

    assert unsent_count(folder, wire) == 4
    assert b"work 6" in wire.requests[0]
    assert b"work 5" not in wire.requests[0]


def test_delivered_records_leave_no_file(journal: Journal, folder: SpoolFolder) -> None:
    """A healthy process leaves an empty folder."""
    journal.acknowledge(written(journal, 10))
    journal.close()

    assert folder.waiting() == []


def test_a_request_in_flight_counts_as_sent_until_it_fails(
    journal: Journal, transport: SpoolingTransport, folder: SpoolFolder, wire: Wire
) -> None:
    """So that a kill between request and response sends nothing twice."""
    transport.proven = True
    journal.begin(written(journal, 5))
    journal.assume_sent()
    unsent_in_flight = _waiting(folder)
    journal.withdraw()
    journal.close()

    assert unsent_in_flight == 0
    assert unsent_count(folder, wire) == 5


def _waiting(folder: SpoolFolder) -> int:
    from otel_distro.export.spool.segment_folder import waiting_in

    return sum(waiting_in(folder.path / name) for name in folder.waiting())


def test_nothing_counts_as_sent_early_before_a_confirmed_response(
    journal: Journal, folder: SpoolFolder
) -> None:
    """A request without a response does not arrive."""
    journal.begin(written(journal, 5))
    journal.assume_sent()

    assert _waiting(folder) == 5


def test_in_an_outage_records_are_left_to_the_resender_at_once(
    journal: Journal, transport: SpoolingTransport, folder: SpoolFolder, wire: Wire
) -> None:
    """They need no memory."""
    before = written(journal, 3)
    transport.breaker.failed()
    journal.release_unsent()
    queued: list[Mark | None] = []
    for span in spans(4):
        journal.write(span, queued.append)
    journal.release_segments()

    assert queued == []
    assert not any(mark.live for mark in before)
    assert unsent_count(folder, wire) == 7


def test_after_an_outage_records_are_delivered_from_memory_again(
    journal: Journal, transport: SpoolingTransport, folder: SpoolFolder, wire: Wire
) -> None:
    """On a new page."""
    transport.breaker.failed()
    journal.release_unsent()
    journal.write(spans(1)[0], lambda _mark: None)
    transport.breaker.succeeded()
    marks = written(journal, 2)

    assert all(mark.live for mark in marks)
    assert unsent_count(folder, wire) == 1


def test_a_record_that_cannot_be_written_is_still_queued(
    journal: Journal, folder: SpoolFolder
) -> None:
    """Without a journal entry."""
    folder.path.parent.mkdir(parents=True)
    folder.path.write_text("in the way")
    marks: list[Mark | None] = []
    journal.write(spans(1)[0], marks.append)

    assert marks == [None]
