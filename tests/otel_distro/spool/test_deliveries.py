"""Deliveries of whole programs, counted on arrival, with any behaviour of the collector."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.faulty_sink import FaultySink
from support.process import BIN, Finished, clean_environment, instrumented, run

pytestmark = pytest.mark.process

WORK = """
import logging, sys, time
from opentelemetry import metrics, trace
tracer = trace.get_tracer("app")
def work(count, seconds=0.0):
    for number in range(count):
        tracer.start_span("work", attributes={"text": "x" * 1000}).end()
        if seconds:
            time.sleep(seconds / count)
"""
LEAVE = """
from otel_distro.base.current_runtime import running
began = time.monotonic()
running().close(running().settings.exit_timeout)
print(time.monotonic() - began)
"""


@pytest.fixture
def sink() -> Iterator[FaultySink]:
    with FaultySink() as receiver:
        yield receiver


def variables(sink: FaultySink, home: Path, **more: str) -> dict[str, str]:
    quiet = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    return environment_for(sink, home, **quiet, **more)


def environment_for(sink: FaultySink, home: Path, **more: str) -> dict[str, str]:
    return clean_environment(
        home,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="system_metrics,openai,anthropic,flask,sqlite3",
        **more,
    )


def app(script: str, environ: dict[str, str]) -> tuple[Finished, float]:
    """Run *script*; return its result and the seconds of our part of its exit."""
    done = instrumented(WORK + script + LEAVE, environ)
    assert done.returncode == 0, done.stderr
    return done, float(done.stdout.split()[-1])


def counters(environ: dict[str, str]) -> dict[str, Any]:
    path = Path(environ["XDG_STATE_HOME"]) / "otel-distro/spool/deliveries.json"
    days: dict[str, dict[str, Any]] = json.loads(path.read_text())["days"]
    return days[max(days)]


@pytest.mark.slow
def test_undelivered_records_of_processes_arrive_with_the_next(
    tmp_path: Path, sink: FaultySink
) -> None:
    """All three signals, each once; exits keep their time limit, with one line of report."""
    environ = environment_for(sink, tmp_path, OTEL_DISTRO_EXIT_TIMEOUT="")
    emit = "metrics.get_meter('a').create_counter('orders').add(3); logging.warning('hello')\n"
    sink.away()
    refused, refused_exit = app(emit + "work(700)", environ)
    sink.silent()
    _, silent_exit = app(emit + "work(30)", environ)
    sink.back()
    sink.status = 503
    _, unavailable_exit = app(emit + "work(70)", environ)
    sink.status = 200

    next_start = start(WORK + "sys.stdin.readline()", environ)
    sink.wait_for_spans(800)
    wait_until(lambda: len(sink.log_bodies) == sink.metric_exports == 3)
    next_start.communicate("go\n", timeout=30)

    assert len(sink.spans) == 800
    assert sink.duplicates == 0
    assert sink.log_bodies == ["hello"] * 3
    assert sink.metric_exports == 4
    assert "kept in" in refused.stderr.splitlines()[-1]
    assert max(refused_exit, unavailable_exit) < 0.25 + BUSY
    assert silent_exit < 1.5 + BUSY


def wait_until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not so() and time.monotonic() < deadline:
        time.sleep(0.02)


BUSY = 0.5
"""Seconds that a busy machine may take longer."""


@pytest.mark.slow
def test_an_outage_costs_no_memory_and_spooled_records_are_sent_afterwards(
    tmp_path: Path, sink: FaultySink
) -> None:
    """The same process sends it."""
    script = """
import psutil
me = psutil.Process()
work(300, 1.0)
before = me.memory_info().rss
work(900, 3.0)
print("grown", me.memory_info().rss - before, flush=True)
sys.stdin.readline()
"""
    sink.away()
    environ = variables(sink, tmp_path, OTEL_BSP_SCHEDULE_DELAY="200")
    process = start(WORK + script, environ)
    assert process.stdout is not None
    grown = int(process.stdout.readline().split()[1])
    sink.back()
    arrived = sink.wait_for_spans(1200)
    _, stderr = process.communicate("go\n", timeout=30)

    assert arrived == 1200
    assert sink.duplicates == 0
    assert grown < 10_000_000
    assert [line.split(" to http")[0] for line in stderr.splitlines()] == [
        "otel_distro: cannot deliver telemetry",
        "otel_distro: telemetry is delivered",
    ]


@pytest.mark.slow
def test_a_slow_collector_receives_everything(tmp_path: Path, sink: FaultySink) -> None:
    """Batches grow meanwhile; requests unanswered at exit are sent again."""
    sink.seconds = 1.0
    environ = variables(sink, tmp_path)
    app("work(6000, 2.0)", environ)
    sink.seconds = 0.0

    assert arrived_with_next_start(environ, sink, 6000) == 6000


def start(script: str, environ: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", script, *arguments],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def arrived_with_next_start(environ: dict[str, str], sink: FaultySink, count: int) -> int:
    """Start another process, and return the number of spans received after its work."""
    process = start(WORK + "sys.stdin.readline()", environ)
    arrived = sink.wait_for_spans(count)
    process.communicate("go\n", timeout=30)
    return arrived


@pytest.mark.slow
def test_kill_9_loses_no_ended_span_if_everything_is_spooled(
    tmp_path: Path, sink: FaultySink
) -> None:
    """With OTEL_DISTRO_SPOOL=everything; the next process sends the rest, each span once."""
    script = """
number = 0
while True:
    tracer.start_span(f"{sys.argv[1]}-{number}").end()
    number += 1
    print(number, flush=True)
    time.sleep(0.002)
"""
    environ = variables(
        sink, tmp_path, OTEL_DISTRO_SPOOL="everything", OTEL_BSP_SCHEDULE_DELAY="300"
    )
    ended = []
    for run_number in range(3):
        process = start(WORK + script, environ, str(run_number))
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2 + run_number * 0.17)
        process.kill()
        ended.append(int(process.communicate()[0].split()[-1]))
    arrived_with_next_start(environ, sink, sum(ended))

    names = {
        f"{run_number}-{number}"
        for run_number, count in enumerate(ended)
        for number in range(count)
    }
    assert not names - set(sink.names)
    assert sink.duplicates == 0


@pytest.mark.slow
def test_a_forked_child_neither_loses_nor_repeats_spooled_records(
    tmp_path: Path, sink: FaultySink
) -> None:
    """Parent and child write separate files."""
    script = """
import os
work(50)
trace.get_tracer_provider().force_flush()
for _ in range(3):
    if os.fork() == 0:
        work(20)
        os._exit(0)
work(50)
for _ in range(3):
    os.wait()
"""
    sink.away()
    for mode in ("undelivered", "everything"):
        app(script, variables(sink, tmp_path, OTEL_DISTRO_SPOOL=mode))
    sink.back()

    assert arrived_with_next_start(variables(sink, tmp_path), sink, 320) == 320
    assert sink.duplicates == 0


@pytest.mark.slow
def test_many_processes_that_start_at_once_send_the_spool_once(
    tmp_path: Path, sink: FaultySink
) -> None:
    """One at a time, by a lock."""
    sink.away()
    environ = variables(sink, tmp_path)
    app("work(3000)", environ)
    sink.back()
    crowd = [start(WORK + "sys.stdin.readline()", environ) for _ in range(3)]
    arrived = sink.wait_for_spans(3000)
    for process in crowd:
        process.communicate("go\n", timeout=60)

    assert arrived == 3000
    assert sink.duplicates == 0


def test_an_unwritable_state_folder_is_reported_and_the_app_runs(
    tmp_path: Path, sink: FaultySink
) -> None:
    """Without a disk telemetry waits in memory, and is counted as dropped at exit."""
    (tmp_path / "state").write_text("a file where a folder should be")
    sink.away()
    done, seconds = app("work(100); time.sleep(0.3)", variables(sink, tmp_path))

    assert "100 spans" in done.stderr
    assert "lost at exit" in done.stderr
    assert seconds < 2 + BUSY


@pytest.mark.slow
def test_without_a_spool_a_short_outage_is_sat_out_in_memory(
    tmp_path: Path, sink: FaultySink
) -> None:
    """With OTEL_DISTRO_SPOOL=none, without files."""
    sink.status = 503
    environ = variables(sink, tmp_path, OTEL_DISTRO_SPOOL="none", OTEL_BSP_SCHEDULE_DELAY="100")
    process = start(WORK + "work(600, 1.0); print(flush=True); sys.stdin.readline()", environ)
    assert process.stdout is not None
    process.stdout.readline()
    sink.status = 200
    arrived = sink.wait_for_spans(600)
    process.communicate("go\n", timeout=30)

    assert arrived == 600
    assert not (tmp_path / "state/otel-distro/spool").exists()


@pytest.mark.slow
def test_the_counters_add_up_and_health_shows_them(tmp_path: Path, sink: FaultySink) -> None:
    """emitted = delivered + spooled + dropped, over successful and failing processes."""
    environ = environment_for(sink, tmp_path)
    app("work(300)", environ)
    sink.away()
    app("work(200)", environ)
    app("work(700)", {**environ, "OTEL_BSP_MAX_QUEUE_SIZE": "100"})
    found = counters(environ)["spans"]
    health = run([str(BIN / "otel-distro"), "reports", "health"], environ).stdout

    dropped = sum(found.get("dropped", {}).values())
    assert found["emitted"] == 1200
    assert found["delivered"] == len(sink.spans) == 300
    assert found["delivered"] + found["spooled"] + dropped == 1200
    assert "today 1,200 emitted = 300 delivered + " in health


@pytest.mark.slow
def test_spooled_records_can_be_listed_and_sent_manually(tmp_path: Path, sink: FaultySink) -> None:
    """By an operator whose shell has only the endpoint."""
    sink.away()
    environ = variables(sink, tmp_path, OTEL_SERVICE_NAME="shop")
    app("work(25)", environ)
    operator = {name: value for name, value in environ.items() if name != "OTEL_SERVICE_NAME"}
    command = str(BIN / "otel-distro")
    (seen,) = json.loads(run([command, "spool", "status", "--json"], operator).stdout)["folders"]
    too_early = run([command, "spool", "drain"], operator)
    sink.back()
    elsewhere = run(
        [command, "spool", "drain"],
        {**operator, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    )
    sent = run([command, "spool", "drain"], operator)
    after = run([command, "spool", "status"], operator).stdout

    assert (seen["service"], seen["signal"], seen["records"]) == ("shop", "traces", 25)
    assert (too_early.returncode, elsewhere.returncode) == (1, 1)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in elsewhere.stdout
    assert sent.stdout == "shop, traces: 25 sent\n"
    assert len(sink.spans) == 25
    assert after == "nothing waits\n"


def test_the_spool_has_no_secret(tmp_path: Path, sink: FaultySink) -> None:
    """It has the requests, without headers of the exporter."""
    sink.away()
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url.replace("//", "//ada:opensesame@"),
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer sk-live-0123456789abcdef",
        OTEL_DISTRO_SPOOL="everything",
    )
    span = "tracer.start_span('mail ada@lovelace.example').end()"
    app(f"{span}; logging.warning('card 4111111111111111')", environ)
    written = b"".join(
        path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()
    )

    assert b"[EMAIL]" in written
    for secret in (b"ada@lovelace", b"4111111111111111", b"opensesame", b"sk-live"):
        assert secret not in written


def test_a_signal_without_a_receiver_is_dropped_and_reported_once(
    tmp_path: Path, sink: FaultySink
) -> None:
    """Kept, it would displace accepted records."""
    sink.status = 404
    environ = variables(sink, tmp_path, OTEL_BSP_SCHEDULE_DELAY="50")
    done, _ = app("work(10); time.sleep(0.2); work(10)", environ)
    found = counters(environ)["spans"]

    assert done.stderr.count("rejects spans: it answered 404") == 1
    assert "OTEL_TRACES_EXPORTER=none" in done.stderr
    assert found["dropped"] == {"rejected": 20}


@pytest.mark.slow
def test_grpc_exporters_have_the_spool_too(tmp_path: Path) -> None:
    """Undelivered requests wait for the next process."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from opentelemetry.proto.collector.trace.v1 import (
        trace_service_pb2,
        trace_service_pb2_grpc,
    )

    from support.process import free_port

    names: list[str] = []

    class Service(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:
            for resource in request.resource_spans:
                names.extend(span.name for scope in resource.scope_spans for span in scope.spans)
            return trace_service_pb2.ExportTraceServiceResponse()

    port = free_port()
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    done, seconds = app("work(30)", environ)
    server = grpc.server(ThreadPoolExecutor(2))
    add_service: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    add_service(Service(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        process = start(WORK + "sys.stdin.readline()", environ)
        wait_until(lambda: len(names) == 30)
        process.communicate("go\n", timeout=30)
    finally:
        server.stop(None).wait()

    assert "30 spans could not be delivered" in done.stderr
    assert seconds < 2 + BUSY
    assert len(names) == 30
