"""A status of 200 is classified by its body, for each signal and over HTTP and gRPC."""

# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import psutil
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider

from otel_distro.export.otlp.light_transport import _transport
from otel_distro.export.spool.export_outcome import ResponseClass
from otel_distro.export.spool.exporter_adapters import adapter_for
from otel_distro.export.spool.otlp_responses import LARGEST_RESPONSE, Response, judge
from support.process import clean_environment, instrumented, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    body: ClassVar[bytes] = b""
    fields: ClassVar[dict[str, str]] = {}
    requests: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.requests.append({"path": self.path, **dict(self.headers)})
        self.send_response(200)
        for name, value in self.fields.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        try:
            self.wfile.write(self.body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[_Handler]]]:
    handler = type("Handler", (_Handler,), {"requests": []})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
        server.shutdown()


def _partial(signal: str, rejected: int, message: str = "") -> Any:
    kind: Any
    kind, name = {
        "traces": (ExportTraceServiceResponse, "rejected_spans"),
        "logs": (ExportLogsServiceResponse, "rejected_log_records"),
        "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
    }[signal]
    return kind(partial_success={name: rejected, "error_message": message})


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_rejections_in_a_successful_response_are_read(signal: str, form: str) -> None:
    message = _partial(signal, 7, "too old")
    fields = {"content-type": "application/x-protobuf"}
    body = message.SerializeToString()
    if form == "json":
        name = {
            "traces": "rejectedSpans",
            "logs": "rejectedLogRecords",
            "metrics": "rejectedDataPoints",
        }[signal]
        fields = {"content-type": "application/json; charset=utf-8"}
        body = json.dumps({"partialSuccess": {name: "7", "errorMessage": "too old"}}).encode()
    answer = judge(signal, Response(200, "OK", None, body, fields))
    assert (answer.response_class, answer.rejected) == (ResponseClass.DELIVERED, 7)
    assert "too old" in answer.reason


@pytest.mark.parametrize(
    "body",
    [b"", b"OK", b"{}", b'{"partialSuccess": null}', b'{"partialSuccess": {"rejectedSpans": -4}}',
     b'{"partialSuccess": {"rejectedSpans": "x"}}', b"[" * 5000],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["application/x-protobuf", "application/json", "text/plain", ""])
def test_other_bodies_mean_that_all_arrived(body: bytes, kind: str) -> None:
    answer = judge("traces", Response(200, "OK", None, body, {"content-type": kind}))
    assert (answer.response_class, answer.rejected) == (ResponseClass.DELIVERED, 0)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html; charset=utf-8", b"Log in"),
        ("", b"<!DOCTYPE html><title>Log in</title>"),
        ("application/x-protobuf", b"\n  <html>"),
        ("application/xhtml+xml", b"<?xml version='1.0'?>"),
    ],
)
def test_a_web_page_is_not_a_receiver(kind: str, body: bytes) -> None:
    answer = judge("traces", Response(200, "OK", None, body, {"content-type": kind}))
    assert answer.response_class is ResponseClass.TRY_LATER
    assert "web page" in answer.reason


@pytest.mark.parametrize("client", ["urllib3", "requests"])
def test_a_huge_compressed_response_is_not_decompressed(
    receiver: tuple[str, type[_Handler]], client: str
) -> None:
    """300 MB of zeros take 300 kB; only a bounded part is in memory."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    url, handler = receiver
    handler.body = gzip.compress(bytes(300_000_000), 1)
    handler.fields = {"content-encoding": "gzip", "content-type": "application/x-protobuf"}
    options = {"_transport": _transport()} if client == "urllib3" else {}
    exporter: Any = OTLPSpanExporter(endpoint=f"{url}/v1/traces", **options)
    port = adapter_for(exporter, "traces")
    assert port is not None
    before = psutil.Process().memory_info().rss
    assert port.send(b"").response_class is ResponseClass.DELIVERED
    handler.body = b""
    handler.fields = {}
    assert port.send(b"").response_class is ResponseClass.DELIVERED
    assert psutil.Process().memory_info().rss - before < 50 * LARGEST_RESPONSE
    exporter.shutdown()


PROGRAM = """
from opentelemetry import trace
tracer = trace.get_tracer("app")
for n in range(100):
    tracer.start_span(f"span-{n}").end()
trace.get_tracer_provider().force_flush(5000)
"""


def _health(environ: dict[str, str]) -> Any:
    done = run(["otel-distro", "reports", "health", "--json"], environ)
    return json.loads(done.stdout)


@pytest.mark.process
def test_rejected_spans_are_counted_reported_and_not_sent_again(
    receiver: tuple[str, type[_Handler]], tmp_path: Path
) -> None:
    url, handler = receiver
    handler.body = _partial("traces", 10**6, "no such tenant").SerializeToString()
    handler.fields = {"content-type": "application/x-protobuf"}
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    done = instrumented(PROGRAM, environ)
    assert done.stderr.count("rejects spans: it rejected 1,000,000 spans") == 1, done.stderr
    assert "no such tenant" in done.stderr
    counters = json.loads((tmp_path / "state/otel-distro/spool/deliveries.json").read_text())
    (today,) = counters["days"].values()
    assert today["spans"].get("dropped") == {"rejected": 100}
    assert today["spans"].get("delivered", 0) == 0
    sent = len(handler.requests)
    assert not list((tmp_path / "state/otel-distro/spool").rglob("*.spool"))
    assert run(["otel-distro", "spool", "drain"], environ).stdout == "nothing waits\n"
    assert len(handler.requests) == sent


@pytest.mark.process
def test_records_answered_by_a_web_page_are_spooled_and_sent_later(
    receiver: tuple[str, type[_Handler]], tmp_path: Path
) -> None:
    url, handler = receiver
    handler.body, handler.fields = b"<html>log in</html>", {"content-type": "text/html"}
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    done = instrumented(PROGRAM, environ)
    # During the run or at its end: a slow machine sends earlier.
    assert "with a web page" in done.stderr
    assert "sent later" in done.stderr or "100 spans could not be delivered" in done.stderr
    handler.body, handler.fields = b"", {}
    assert "100 sent" in run(["otel-distro", "spool", "drain"], environ).stdout


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("place", ["header", "query", "user"])
def test_spooled_records_are_never_sent_under_other_credentials(
    receiver: tuple[str, type[_Handler]], tmp_path: Path, place: str
) -> None:
    """The next tenant's process reports it and leaves it to `spool drain`."""
    url, handler = receiver

    def environment(tenant: str, *, away: bool) -> dict[str, str]:
        base = "http://127.0.0.1:1" if away else url
        endpoint, variables = f"{base}/v1/traces", {}
        if place == "header":
            variables = {"OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={tenant}"}
        elif place == "query":
            endpoint += f"?api-key={tenant}"
        else:
            endpoint = endpoint.replace("//", f"//{tenant}:pw@")
        return clean_environment(
            tmp_path,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=endpoint,
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
            **variables,
        )

    handler.body, handler.fields = b"<html>", {"content-type": "text/html"}
    instrumented(PROGRAM, environment("tenant-a", away=False))
    handler.body, handler.fields = b"", {}
    handler.requests.clear()
    other = instrumented(
        PROGRAM + "import time; time.sleep(1)", environment("tenant-b", away=False)
    )
    assert "recorded under other credentials" in other.stderr
    assert list((tmp_path / "state/otel-distro/spool").rglob("*.spool"))
    state = tmp_path / "state"
    assert not any(b"tenant-a" in f.read_bytes() for f in state.rglob("about.json"))
    same = instrumented(PROGRAM + "import time; time.sleep(1)", environment("tenant-a", away=False))
    assert "other credentials" not in same.stderr
    assert not list((tmp_path / "state/otel-distro/spool").rglob("*.spool"))


def test_the_digest_of_credentials_needs_the_installations_key() -> None:
    from otel_distro.export.spool.address import digest_of

    assert digest_of([], b"k" * 32) == digest_of([""], None) == ""
    one, other = digest_of(["x=1"], b"k" * 32), digest_of(["x=1"], b"l" * 32)
    assert len({one, other, digest_of(["x=2"], b"k" * 32), digest_of(["x=1"], None)}) == 4


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_private_names_with_credentials_exist(protocol: str) -> None:
    exporter: Any
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        exporter = Grpc(endpoint="http://127.0.0.1:1", headers={"x-key": "secret"})
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(
            endpoint="http://127.0.0.1:1/v1/traces", headers={"x-key": "secret"}
        )
    port = adapter_for(exporter, "traces")
    assert port is not None
    assert "x-key=secret" in list(port.credentials())
    exporter.shutdown()


def test_grpc_reports_rejected_records() -> None:
    grpc = pytest.importorskip("grpc")
    from concurrent.futures import ThreadPoolExecutor

    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service

    class Servicer(service.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            return _partial("traces", 1, "no")

    server = grpc.server(ThreadPoolExecutor(1))
    register: Any = service.add_TraceServiceServicer_to_server
    register(Servicer(), server)
    number = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{number}", insecure=True)
        port = adapter_for(exporter, "traces")
        assert port is not None
        assert port.send(b"").rejected == 1
        results: list[Any] = []

        def carry(payload: bytes, send: Any) -> Any:
            results.append(send(payload, None))
            return results[-1]

        port.intercept(carry)
        provider = TracerProvider()
        span = provider.get_tracer("t").start_span("one")
        span.end()
        exporter.export([span])  # type: ignore[list-item]
        assert [answer.rejected for answer in results] == [1]
        exporter.shutdown()
    finally:
        server.stop(None)
