"""Programs whose threads gevent replaces after the start of the distribution."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from otel_distro.demo.provider import FakeProvider
from support.otlp_sink import OtlpSink
from support.process import BIN, clean_environment, free_port, instrumented

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process
pytest.importorskip("gevent", reason="gevent is not installed")

APP = """
from gevent import monkey
monkey.patch_all()
import time
from opentelemetry import trace
for _ in range(20):
    trace.get_tracer("app").start_span("work").end()
print(time.time())
"""
TOGETHER = """
from gevent import monkey
monkey.patch_all()
import gevent
from opentelemetry import trace
def work(number):
    trace.get_tracer("app").start_span("chat gpt-4o", attributes={
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": number}).end()
gevent.joinall([gevent.spawn(work, number) for number in range(50)], raise_error=True)
"""
CALL_USD = 0.006
"""1,200 input and 300 output tokens of gpt-4o, from the fake provider."""
CALLS_IN_THE_BUDGET = 20
ASKING = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
import httpx
asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 300}
def ask(_number):
    print(httpx.post(f"{sys.argv[1]}/v1/chat/completions", json=asked, timeout=30).status_code)
gevent.joinall([gevent.spawn(ask, number) for number in range(30)], raise_error=True)
"""
SERVER = """
from opentelemetry import trace
def app(environ, start_response):
    trace.get_tracer("app").start_span("work").end()
    start_response("200 OK", [("content-length", "2")])
    return [b"ok"]
"""


def quiet(sink: OtlpSink, home: Path) -> dict[str, str]:
    return clean_environment(
        home,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_BSP_SCHEDULE_DELAY="60000",
        OTEL_DISTRO_EXIT_TIMEOUT="60",
    )


def test_a_program_exits_as_soon_as_all_is_delivered(tmp_path: Path, sink: OtlpSink) -> None:
    """A wait for deliveries must let them run: there is only one thread."""
    done = instrumented(APP, quiet(sink, tmp_path))
    seconds = time.time() - float(done.stdout)

    assert (done.returncode, len(sink.spans())) == (0, 20), done.stderr
    assert seconds < 40
    assert "Traceback" not in done.stderr


def test_greenlets_that_all_record_their_first_span_at_once_do_not_wait_for_each_other(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """One of them starts the worker, which needs others to run."""
    done = instrumented(TOGETHER, quiet(sink, tmp_path), timeout=30)

    assert (done.returncode, len(sink.spans())) == (0, 50), done.stderr


def test_greenlets_share_a_budget_with_another_process(tmp_path: Path, sink: OtlpSink) -> None:
    """A wait for the other process lets other greenlets run, and the budget holds."""
    environ = quiet(sink, tmp_path) | {
        "OTEL_DISTRO_BUDGET_USD_PER_DAY": str(CALLS_IN_THE_BUDGET * CALL_USD),
        "OTEL_DISTRO_BUDGET_ACTION": "refuse",
    }
    with FakeProvider() as provider:
        started = [
            subprocess.Popen(
                [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", ASKING, provider.url],
                env=environ,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        try:
            answers = "".join(process.communicate(timeout=60)[0] for process in started)
        finally:
            for process in started:
                process.kill()

    assert set(answers.split()) == {"200", "402"}
    assert len(answers.split()) == 60
    assert answers.split().count("200") <= CALLS_IN_THE_BUDGET


def test_gunicorn_with_gevent_workers_is_stopped_and_loses_nothing(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """By SIGTERM, without error output."""
    (tmp_path / "server.py").write_text(SERVER)
    port = free_port()
    options = ["-k", "gevent", "-b", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [str(BIN / "opentelemetry-instrument"), str(BIN / "gunicorn"), "server:app", *options],
        env=quiet(sink, tmp_path),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 30
        requests = 0
        while requests < 30 and time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
                requests += 1
            except OSError:
                time.sleep(0.05)  # not there yet
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        _, stderr = server.communicate(timeout=60)
    finally:
        if server.poll() is None:
            server.kill()

    assert len(sink.spans()) == requests == 30
    assert time.monotonic() - began < 40
    assert "Traceback" not in stderr
