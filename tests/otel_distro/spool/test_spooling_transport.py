"""The transport between exporter and connection: attempts, spooled requests, retries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SpanExportResult

from otel_distro.export.export_queue import ExportQueue
from otel_distro.export.spool.disk_fallback import DiskFallback
from otel_distro.export.spool.export_outcome import (
    DeliveryOutcome,
    ResponseClass,
    SendResult,
    classify_grpc,
    classify_http,
)
from otel_distro.export.spool.exporter_adapters import adapter_for
from otel_distro.export.spool.folder import SpoolFolder
from otel_distro.export.spool.limits import SpoolLimits
from otel_distro.export.spool.otlp_requests import count_records, encode
from otel_distro.export.spool.spooling_transport import SpoolingTransport
from support.faulty_sink import FaultySink
from support.spool import ADDRESS, SpoolReports

AWAY = SendResult(ResponseClass.TRY_LATER, "refused", responded=False)


class Port:
    """The transport hook of an exporter, without an exporter."""

    endpoint = "http://collector:4318/v1/traces"
    protocol = "http/protobuf"

    def intercept(self, carry: object) -> None: ...

    def send(self, payload: bytes, on_sent: Callable[[], None] | None = None) -> SendResult:
        return SendResult(ResponseClass.DELIVERED)

    def credentials(self) -> Iterator[str]:
        return iter(())

    def at_fork(self) -> None: ...


class EventLog(SpoolReports):
    """Reports of transports."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def delivered(self) -> None:
        self.events.append("delivered")

    def failed(self, reason: str) -> None:
        self.events.append(f"failed: {reason}")

    def warned(self, signal: str, warning: str) -> None: ...

    def refused(self, signal: str, reason: str) -> None:
        self.events.append(f"refused: {reason}")

    def kept(self, signal: str, count: int) -> None:
        self.events.append(f"kept {count}")


def spans(count: int = 1) -> list[ReadableSpan]:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    made = [tracer.start_span("work") for _ in range(count)]
    for span in made:
        span.end()
    return made  # type: ignore[return-value]


@pytest.fixture
def event_log() -> EventLog:
    return EventLog()


@pytest.fixture
def transport(event_log: EventLog, folder: SpoolFolder) -> SpoolingTransport:
    return SpoolingTransport("traces", Port(), event_log, folder)


def carried(transport: SpoolingTransport, *answers: SendResult) -> list[bytes]:
    """Pass a request for each answer; return the sent ones."""
    sent: list[bytes] = []
    payload = encode("traces", spans(2))
    for answer in answers:

        def send(data: bytes, _on_sent: object, answer: SendResult = answer) -> SendResult:
            sent.append(data)
            return answer

        transport.carry(payload, send)
    return sent


def test_a_failed_request_is_spooled_and_the_next_is_not_attempted(
    transport: SpoolingTransport, event_log: EventLog
) -> None:
    """Until the next attempt is due."""
    sent = carried(transport, AWAY, AWAY, AWAY)

    assert len(sent) == 1
    assert transport.outcome is DeliveryOutcome.SPOOLED
    assert event_log.events == ["failed: refused", "kept 2", "kept 2", "kept 2"]


def test_waits_between_attempts_grow_up_to_half_a_minute(transport: SpoolingTransport) -> None:
    """And are reset by the first success."""
    waits = []
    for _ in range(8):
        transport.breaker.failed()
        waits.append(transport.breaker.retry_at - time.monotonic())
    transport.breaker.succeeded()

    assert 0.7 < waits[0] < 1.3
    assert 3 < waits[2] < 5
    assert all(23 < wait < 37 for wait in waits[5:])
    assert not transport.breaker.open


def test_permanently_refused_records_are_neither_spooled_nor_repeated(
    transport: SpoolingTransport, event_log: EventLog, folder: SpoolFolder
) -> None:
    """It would be refused again."""
    carried(transport, SendResult(ResponseClass.REJECTED, "it answered 400"))

    assert transport.outcome is DeliveryOutcome.REJECTED
    assert event_log.events == ["refused: it answered 400"]
    assert folder.waiting() == []


def test_a_request_in_flight_is_counted_once_at_exit(transport: SpoolingTransport) -> None:
    """At exit it is withdrawn, and not counted twice."""
    payload = encode("traces", spans())
    taken: list[bytes | None] = []

    def send(_data: bytes, _on_sent: object) -> SendResult:
        taken.append(transport.take_unsent())
        return AWAY

    transport.carry(payload, send)

    assert taken == [payload]
    assert transport.outcome is DeliveryOutcome.TAKEN_OVER


class SlowDisk(SpoolFolder):
    """A spool whose writes end when a test says so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ADDRESS, SpoolReports(), SpoolLimits())
        self.began, self.ends = threading.Event(), threading.Event()
        self.kept: list[int] = []

    def keep(self, payload: bytes, count: int) -> bool:
        self.kept.append(count)
        self.began.set()
        return self.ends.wait(30)


class _Patient(DiskFallback):
    """Ends the write once the closing thread waits for it, however busy the machine is."""

    def __init__(self, transport: SpoolingTransport, disk: SlowDisk) -> None:
        super().__init__(transport)
        self._disk = disk

    def settle(self, patience: float) -> None:
        self._disk.ends.set()
        super().settle(30)


class RefusedExporter:
    """Hands requests to *transport*; nothing listens at the endpoint."""

    def __init__(self, transport: SpoolingTransport) -> None:
        self._transport = transport

    def export(self, batch: Sequence[ReadableSpan]) -> SpanExportResult:
        self._transport.carry(encode("traces", batch), lambda _data, _on_sent: AWAY)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None: ...


def test_a_batch_that_its_thread_writes_to_a_slow_disk_at_exit_is_kept_once(
    tmp_path: Path, event_log: EventLog
) -> None:
    """The closing thread waits a moment for it; a second copy would be delivered twice."""
    disk = SlowDisk(tmp_path)
    transport = SpoolingTransport("traces", Port(), event_log, disk)
    queue: ExportQueue[ReadableSpan] = ExportQueue(RefusedExporter(transport), signal="spans")
    queue.net = _Patient(transport, disk)
    for span in spans(3):
        queue.put(span)
    queue.begin_close()
    assert disk.began.wait(30)

    queue.end_close(time.monotonic())

    assert disk.kept == [3]
    assert event_log.events == ["failed: refused", "kept 3"]
    assert queue.tally().spooled == 3


@pytest.mark.parametrize(
    ("status", "response_class"),
    [
        (200, ResponseClass.DELIVERED),
        (None, ResponseClass.TRY_LATER),
        (429, ResponseClass.TRY_LATER),
        (500, ResponseClass.TRY_LATER),
        (503, ResponseClass.TRY_LATER),
        (401, ResponseClass.TRY_LATER),
        (302, ResponseClass.UNSUPPORTED),
        (404, ResponseClass.UNSUPPORTED),
        (400, ResponseClass.REJECTED),
        (413, ResponseClass.TOO_LARGE),
    ],
)
def test_what_an_http_status_means(status: int | None, response_class: ResponseClass) -> None:
    """A redirect is not a success, although the SDK's exporter reports one."""
    assert classify_http(status) is response_class


@pytest.mark.parametrize(
    ("code", "response_class"),
    [
        ("OK", ResponseClass.DELIVERED),
        ("UNAVAILABLE", ResponseClass.TRY_LATER),
        ("UNAUTHENTICATED", ResponseClass.TRY_LATER),
        ("INVALID_ARGUMENT", ResponseClass.REJECTED),
        ("UNIMPLEMENTED", ResponseClass.UNSUPPORTED),
    ],
)
def test_what_a_grpc_status_means(code: str, response_class: ResponseClass) -> None:
    """The same distinctions."""
    assert classify_grpc(code) is response_class


@pytest.mark.parametrize(
    ("exporter", "signal"),
    [
        (OTLPSpanExporter, "traces"),
        (OTLPLogExporter, "logs"),
        (OTLPMetricExporter, "metrics"),
        (GrpcSpanExporter, "traces"),
    ],
)
def test_the_exporters_of_the_sdk_have_the_places_we_need(exporter: Any, signal: str) -> None:
    """Private names of this version of the SDK; without them there is no spool."""
    made = exporter(endpoint="http://127.0.0.1:9")
    port = adapter_for(made, signal)
    assert port is not None
    port.intercept(lambda _payload, _send: SendResult(ResponseClass.REJECTED))

    if signal == "traces":
        assert made.export(spans()) is SpanExportResult.FAILURE
    made.shutdown()


def test_other_exporters_are_left_alone() -> None:
    """They are not wrapped."""
    assert adapter_for(ConsoleSpanExporter(), "traces") is None


def test_an_exporter_behind_a_courier_works_as_before(event_log: EventLog, tmp_path: Path) -> None:
    """The request, its answer and the SDK's result are the same."""
    with FaultySink() as sink:
        exporter = OTLPSpanExporter(endpoint=f"{sink.url}/v1/traces")
        port = adapter_for(exporter, "traces")
        assert port is not None
        transport = SpoolingTransport("traces", port, event_log, None)
        succeeded = exporter.export(spans(5))
        sink.status = 503
        failed = exporter.export(spans(5))
        exporter.shutdown()  # type: ignore[no-untyped-call]

    assert (succeeded, failed) == (SpanExportResult.SUCCESS, SpanExportResult.FAILURE)
    assert len(sink.spans) == 5
    assert sink.refused == {503: 1}
    assert transport.outcome is DeliveryOutcome.FAILED


def test_it_is_known_when_a_request_is_on_its_way() -> None:
    """After the last byte was written and before the answer."""
    with FaultySink() as sink:
        exporter = OTLPSpanExporter(endpoint=f"{sink.url}/v1/traces")
        port = adapter_for(exporter, "traces")
        assert port is not None
        arrived: list[int] = []
        sink.seconds = 0.2

        def on_sent() -> None:
            arrived.append(sink.wait_for_spans(3, 0.1))

        answer = port.send(encode("traces", spans(3)), on_sent)
        exporter.shutdown()  # type: ignore[no-untyped-call]

    assert answer.response_class is ResponseClass.DELIVERED
    assert arrived == [3]


def test_a_request_has_its_number_of_records() -> None:
    """The counters need this for requests encoded elsewhere."""
    assert count_records("traces", encode("traces", spans(4)) + encode("traces", spans(3))) == 7
