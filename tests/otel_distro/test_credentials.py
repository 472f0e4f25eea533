"""Credentials of exporters: sent to their endpoint only, never printed."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from otel_distro.export.otlp.credentials import sent_in_the_clear
from otel_distro.export.spool.endpoints import without_credentials
from support.process import BIN, clean_environment, free_port, instrumented, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "plainlooking"
"""A value that redaction does not recognise as a key."""

ALL_SIGNALS = """
import logging
from opentelemetry import trace
trace.get_tracer("app").start_span("work").end()
logging.getLogger("app").warning("hello")
"""


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("https://collector.example:4318/v1/traces", "https://collector.example:4318/v1/traces"),
        ("https://ann:pw@collector.example/v1?key=k#f", "https://collector.example/v1"),
        ("https://ann:p/w@collector.example/v1", "https://collector.example/v1"),
        ("ann:pw@collector.example:4317", "collector.example:4317"),
        ("localhost:4317", "localhost:4317"),
        ("http://[::1]:4318", "http://[::1]:4318"),
        ("http://ann:[@", "http://"),
    ],
)
def test_an_endpoint_is_shown_without_credentials(endpoint: str, shown: str) -> None:
    """With a scheme or, as for gRPC, without one."""
    assert without_credentials(endpoint) == shown


HEADERS = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=k"}


@pytest.mark.parametrize(
    ("environ", "places"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://ann:pw@c.example:4318/x"},
            ["http://c.example:4318"],
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.2:4318"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1]:4318"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, []),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://c.example"}, ["http://c.example"]),
        (
            {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://c.example", "OTEL_LOGS_EXPORTER": "none"},
            [],
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "c.example:4317"}, []),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "c.example:1", "OTEL_EXPORTER_OTLP_INSECURE": "true"},
            ["http://c.example:1"],
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[broken"}, []),
        ({}, []),
    ],
)
def test_headers_that_leave_the_machine_in_the_clear_are_noticed(
    environ: dict[str, str], places: list[str]
) -> None:
    """One line per endpoint; without headers none."""
    assert list(sent_in_the_clear(environ | HEADERS)) == places
    assert not list(sent_in_the_clear(environ))


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(
    ("headers", "protocol"),
    [
        (f"authorization: Bearer {SECRET}", "http/protobuf"),
        (f"authorization: Bearer {SECRET}", "grpc"),
        (f"authorization=Bearer%20{SECRET}%0A", "http/protobuf"),
        (f"authorization=Bearer%20{SECRET}%0A", "grpc"),
        (f"api-key%0A{SECRET}=x", "http/protobuf"),
    ],
    ids=["not parsed", "not parsed, grpc", "not sent", "not sent, grpc", "bad name"],
)
def test_headers_are_never_printed(tmp_path: Path, headers: str, protocol: str) -> None:
    """Neither by the app, whose exporter cannot use them, nor by a command."""
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://ann:{SECRET}@127.0.0.1:{free_port()}",
        OTEL_EXPORTER_OTLP_HEADERS=headers,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*",
    )
    done = instrumented(ALL_SIGNALS, environ)
    shown = [done.stdout, done.stderr]
    commands = [["doctor"], ["doctor", "--json"], ["spool", "status"], ["spool", "drain"]]
    for command in commands if protocol == "grpc" else commands[-1:]:
        ran = run([str(BIN / "otel-distro"), *command], environ)
        shown += [ran.stdout, ran.stderr]

    assert done.returncode == 0
    assert "otel_distro: " in done.stderr
    assert SECRET not in "".join(shown)


@pytest.mark.process
def test_plaintext_is_reported_once_at_start(tmp_path: Path) -> None:
    """For all three signals together."""
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.invalid:4318",
        OTEL_EXPORTER_OTLP_HEADERS=f"api-key={SECRET}",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*",
    )
    done = instrumented("pass", environ)

    line = "headers are sent to http://collector.invalid:4318 unencrypted; use an https endpoint"
    assert done.stderr.count(line) == 1
    assert SECRET not in done.stderr


class Listener:
    """Answers every request with *status* and *location*, and records it."""

    def __init__(self, status: int, location: str = "") -> None:
        self.requests: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                listener.requests.append(str(self.headers.get("api-key")))
                self.send_response(status)
                self.send_header("content-length", "0")
                if location:
                    self.send_header("location", location + self.path)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Listener]:
    listener = Listener(200)
    yield listener
    listener.close()


@pytest.fixture(params=[301, 302, 303, 307, 308])
def redirecting(request: pytest.FixtureRequest, elsewhere: Listener) -> Iterator[Listener]:
    # Another name for this machine, so another host to a client.
    listener = Listener(request.param, elsewhere.url.replace("127.0.0.1", "localhost"))
    yield listener
    listener.close()


def test_a_redirect_is_not_followed(redirecting: Listener, elsewhere: Listener) -> None:
    """The receiver could otherwise redirect headers and telemetry to any host."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter = OTLPSpanExporter(
        f"{redirecting.url}/v1/traces", headers={"api-key": SECRET}, timeout=2
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("app").start_span("work").end()
    provider.shutdown()

    assert redirecting.requests == [SECRET]
    assert elsewhere.requests == []


@pytest.mark.process
def test_no_signal_of_an_app_follows_a_redirect(tmp_path: Path, elsewhere: Listener) -> None:
    """Spans, log records and metrics, from the app and sent manually later."""
    redirecting = Listener(307, elsewhere.url.replace("127.0.0.1", "localhost"))
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=redirecting.url,
        OTEL_EXPORTER_OTLP_HEADERS=f"api-key={SECRET}",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*",
    )
    done = instrumented(ALL_SIGNALS, environ)
    run([str(BIN / "otel-distro"), "spool", "drain"], environ)
    redirecting.close()

    assert done.returncode == 0
    assert set(redirecting.requests) == {SECRET}
    assert len(redirecting.requests) >= 2
    assert elsewhere.requests == []
