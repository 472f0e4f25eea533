"""Process exits: recorded telemetry arrives, in bounded time, with the app's exit code."""

from __future__ import annotations

import operator
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink
from support.process import BIN, Finished, clean_environment, free_port, instrumented

pytestmark = pytest.mark.process

SPANS = """
from opentelemetry import trace
tracer = trace.get_tracer("app")
def work(count=100):
    for number in range(count):
        tracer.start_span("work").end()
"""
LEAVE = "work()\nimport time; print(time.time())"
SLOWEST_EXIT = 2.5
"""Seconds from the app's last line to the end of its process: two, plus Python's exit."""


def quickest_exit(home: Path, endpoint: str) -> tuple[Finished, float]:
    """The quickest of three exits, with its seconds: load of the machine only adds time."""
    found: list[tuple[float, Finished]] = []
    for attempt in range(3):
        environ = clean_environment(
            home / str(attempt),
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_DISTRO_EXIT_TIMEOUT="",
        )
        done = instrumented(f"{SPANS}\n{LEAVE}\n", environ)
        found.append((time.time() - float(done.stdout), done))
        if found[-1][0] < SLOWEST_EXIT:
            break
    seconds, quickest = min(found, key=operator.itemgetter(0))
    return quickest, seconds


def traces_to(sink: OtlpSink, home: Path, **more: str) -> dict[str, str]:
    return clean_environment(
        home,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        **more,
    )


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("work()", 0),
        ("work(); raise SystemExit(3)", 3),
        ("work(); raise ValueError('no')", 1),
        ("work(); import os; os._exit(5)", 5),
        ("work(); import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("work(); import os, signal; os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
        (
            """
import signal, sys, os
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
work()
os.kill(os.getpid(), signal.SIGTERM)""",
            7,
        ),
        (
            """
import multiprocessing
child = multiprocessing.get_context('fork').Process(target=work)
child.start()
child.join()""",
            0,
        ),
        ("import os; child = os.fork(); child or work(); child and os.waitpid(child, 0)", 0),
    ],
    ids=[
        "end",
        "sys.exit",
        "exception",
        "os._exit",
        "SIGTERM",
        "SIGINT",
        "own handler",
        "multiprocessing",
        "fork",
    ],
)
def test_all_spans_arrive_and_the_exit_code_is_kept(
    tmp_path: Path, sink: OtlpSink, ending: str, code: int
) -> None:
    """For every kind of exit except SIGKILL."""
    done = instrumented(f"{SPANS}\n{ending}\n", traces_to(sink, tmp_path))

    assert done.returncode == code, done.stderr
    assert len(sink.spans()) == 100


@pytest.mark.slow
def test_a_burst_of_twenty_thousand_spans_arrives_complete(tmp_path: Path, sink: OtlpSink) -> None:
    """The SDK's own processor loses about a fifth of them."""
    done = instrumented(f"{SPANS}\nwork(20_000)\n", traces_to(sink, tmp_path))

    assert done.returncode == 0, done.stderr
    assert len(sink.spans()) == 20_000


@pytest.mark.slow
def test_requests_can_be_compressed_also_those_that_waited_on_disk(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """By OpenTelemetry's variable; the next process sends undelivered requests."""
    environ = traces_to(sink, tmp_path, OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    # The spool belongs to an endpoint, so the collector must be down at its later address.
    port = free_port()
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
    offline_run = instrumented(f"{SPANS}\nwork()\n", environ)
    with Forward(port, sink):
        online_run = instrumented(f"{SPANS}\nwork(1)\n", environ)

    assert (offline_run.returncode, online_run.returncode) == (0, 0)
    assert len(sink.spans()) == 101
    assert sink.codings == {"gzip"}


def test_without_a_collector_the_process_ends_in_time_with_one_message(tmp_path: Path) -> None:
    """One line with the records kept for the next start, no stack trace."""
    done, seconds = quickest_exit(tmp_path, f"http://127.0.0.1:{free_port()}")

    (line,) = done.stderr.splitlines()
    assert "100 spans, 1 metric export could not be delivered" in line
    assert "the connection was refused" in line
    assert seconds < SLOWEST_EXIT


def test_a_collector_that_never_answers_does_not_delay_the_exit(tmp_path: Path) -> None:
    """It accepts the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done, seconds = quickest_exit(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")

    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert seconds < SLOWEST_EXIT


@pytest.mark.slow
def test_an_outage_is_reported_once_and_so_is_its_end(tmp_path: Path, sink: OtlpSink) -> None:
    """Not once for every batch."""
    script = f"""
{SPANS}
import time
provider = trace.get_tracer_provider()
for attempt in range(3):
    work(1)
    provider.force_flush(500)
print("down", flush=True)
import sys; sys.stdin.readline()
time.sleep(4)
work(1)
provider.force_flush(15_000)
"""
    port = free_port()
    environ = traces_to(sink, tmp_path) | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }
    process = subprocess.Popen(
        [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", script],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "down\n"
    with Forward(port, sink):
        _, stderr = process.communicate("go\n", timeout=30)

    lines = stderr.splitlines()
    assert [line.split(" to http")[0] for line in lines] == [
        "otel_distro: cannot deliver telemetry",
        "otel_distro: telemetry is delivered",
    ], stderr
    assert len(sink.spans()) == 4


class Forward:
    """Listens on *port* and answers like a collector."""

    def __init__(self, port: int, sink: OtlpSink) -> None:
        from http.server import ThreadingHTTPServer

        handler = sink._server.RequestHandlerClass
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)

    def __enter__(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


WSGI = """
from opentelemetry import trace
tracer = trace.get_tracer("app")
def app(environ, start_response):
    tracer.start_span("request").end()
    start_response("200 OK", [("content-length", "2")])
    return [b"ok"]
"""
ASGI = """
from opentelemetry import trace
tracer = trace.get_tracer("app")
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    tracer.start_span("request").end()
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "command"),
    [
        (ASGI, ["uvicorn", "server:app", "--port", "PORT", "--log-level", "warning"]),
        (WSGI, ["gunicorn", "server:app", "-b", "127.0.0.1:PORT", "-w", "2"]),
        (WSGI, ["gunicorn", "server:app", "-b", "127.0.0.1:PORT", "-w", "2", "--preload"]),
    ],
    ids=["uvicorn", "gunicorn", "gunicorn --preload"],
)
def test_a_web_server_that_is_stopped_by_sigterm_delivers_everything(
    tmp_path: Path, sink: OtlpSink, source: str, command: list[str]
) -> None:
    """As containers are stopped."""
    (tmp_path / "server.py").write_text(source)
    port = free_port()
    program = [str(BIN / command[0]), *(word.replace("PORT", str(port)) for word in command[1:])]
    environ = traces_to(sink, tmp_path, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*")
    server = subprocess.Popen(
        [str(BIN / "opentelemetry-instrument"), *program],
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        for _ in range(40):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=20)
    finally:
        if server.poll() is None:
            os.kill(server.pid, signal.SIGKILL)

    assert len(sink.spans()) == 40


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port}")


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), 15)", "os._exit(0)"])
def test_the_last_metrics_arrive_however_the_process_ends(
    tmp_path: Path, sink: OtlpSink, ending: str
) -> None:
    """The export interval is a minute, and a process ends at any time."""
    script = f"""
import os
from opentelemetry import metrics
metrics.get_meter("app").create_counter("orders").add(3)
{ending}
"""
    instrumented(script, clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url))

    (point,) = sink.metrics()["orders"].sum.data_points
    assert point.as_int == 3
