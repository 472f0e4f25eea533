"""Process exits, for calls in the ledger as well as spans: signals, exec, pools, workers."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink
from support.process import (
    BIN,
    Finished,
    clean_environment,
    free_port,
    instrumented,
    run,
    unmeasured,
)

pytestmark = pytest.mark.process

CALLS = """
from opentelemetry import trace
tracer = trace.get_tracer("app")
def call(number=0):
    tracer.start_span("chat gpt-4o", attributes={
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
    }).end()
def calls(count=20):
    for number in range(count):
        call(number)
"""


def quiet(sink: OtlpSink, home: Path) -> dict[str, str]:
    return clean_environment(
        home,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_SERVICE_NAME="shop",  # the spool is sent by the same service only
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*",
        OTEL_DISTRO_EXIT_LINE="false",
        OTEL_DISTRO_EXIT_TIMEOUT="10",  # several processes end at once, perhaps on a busy machine
    )


def statuses(home: Path) -> dict[str, int]:
    """Return the number of calls in the ledger by cost status."""
    (path,) = home.rglob("ledger.db")
    with closing(sqlite3.connect(path)) as ledger:
        return dict(ledger.execute("SELECT status, count(*) FROM calls_v GROUP BY 1"))


def rows(home: Path) -> int:
    """Return the number of calls in the ledger."""
    return sum(statuses(home).values())


def program(source: str, sink: OtlpSink, home: Path) -> Finished:
    """Run *source* from a file, as children started by spawn need it."""
    script = home / "app.py"
    script.write_text(f"{CALLS}\n{source}")
    return instrumented(script, quiet(sink, home))


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("import os; os.kill(os.getpid(), 1)", -signal.SIGHUP),
        ("import os; os.execv('/bin/sh', ['sh', '-c', 'exit 3'])", 3),
        (
            """
import os, signal, threading, time
def again():
    time.sleep(0.02)
    os.kill(os.getpid(), 15)
threading.Thread(target=again, daemon=True).start()
os.kill(os.getpid(), 15)""",
            -signal.SIGTERM,
        ),
        (
            """
import os, signal, threading, time
def interrupt():
    time.sleep(0.02)
    os.kill(os.getpid(), 10)
def leave(*_):
    raise SystemExit(9)
signal.signal(10, leave)
threading.Thread(target=interrupt, daemon=True).start()
os._exit(4)""",
            4,
        ),
        (
            """
import asyncio, os, signal
async def main():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(15, print)
    loop.remove_signal_handler(15)
asyncio.run(main())
os.kill(os.getpid(), 15)""",
            -signal.SIGTERM,
        ),
        (
            """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_DFL)
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
os.kill(os.getpid(), 15)""",
            -signal.SIGTERM,
        ),
    ],
    ids=[
        "SIGHUP",
        "exec",
        "SIGTERM twice",
        "a handler that raises while leaving",
        "asyncio handler removed",
        "default action set again",
    ],
)
def test_spans_and_calls_are_kept(tmp_path: Path, sink: OtlpSink, ending: str, code: int) -> None:
    """For every kind of exit, with the app's exit code."""
    done = program(f"calls()\n{ending}\n", sink, tmp_path)

    assert done.returncode == code, done.stderr
    assert (len(sink.spans()), rows(tmp_path)) == (20, 20)


SLOW_PRICES = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "genai_prices":
            time.sleep({seconds})
sys.meta_path.insert(0, Slow())
calls()
print(time.time())
"""


def leave_before_prices_are_there(sink: OtlpSink, home: Path, seconds: float) -> tuple[str, float]:
    """Make calls just before an exit limited to a second; return stderr and seconds."""
    environ = quiet(sink, home) | {"OTEL_DISTRO_EXIT_TIMEOUT": "1"}
    done = instrumented(CALLS + SLOW_PRICES.format(seconds=seconds), environ)
    assert done.returncode == 0, done.stderr
    return done.stderr, time.time() - float(done.stdout)


def test_calls_priced_a_moment_too_late_are_still_in_the_ledger(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """Spans can be sent later, but calls not stored at exit would be lost."""
    stderr, _ = leave_before_prices_are_there(sink, tmp_path, 1.0)

    assert rows(tmp_path) == 20
    assert "cost ledger" not in stderr


@pytest.mark.slow
def test_calls_that_cannot_be_priced_before_the_end_are_kept_as_unpriced(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """The report names the setting for more time; the process does not wait."""
    stderr, seconds = leave_before_prices_are_there(sink, tmp_path, 15.0)

    assert "20 model calls could not be priced before the process ended" in stderr
    assert "OTEL_DISTRO_EXIT_TIMEOUT is 1 s" in stderr
    assert seconds < 12
    assert len(sink.spans()) == 0  # they are in the spool
    program("call()", sink, tmp_path)
    assert len(sink.spans()) == 21
    assert statuses(tmp_path) == {"unpriced": 20, "priced": 1}
    repriced = run(
        [str(BIN / "otel-distro"), "ledger", "reprice", "--since", "1d"],
        clean_environment(tmp_path),
    )
    assert repriced.stdout.startswith("20 of 21 calls changed"), repriced.stdout
    assert statuses(tmp_path) == {"priced": 21}


@pytest.mark.slow
def test_calls_that_end_while_another_program_locks_the_ledger_are_stored_later(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """A backup or a database browser may lock it longer than a process takes to exit."""
    program("calls()", sink, tmp_path)
    (path,) = tmp_path.rglob("ledger.db")
    environ = quiet(sink, tmp_path) | {"OTEL_DISTRO_EXIT_TIMEOUT": "1"}
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        locked_run = instrumented(f"{CALLS}\ncalls()\nimport time; print(time.time())", environ)
        seconds = time.time() - float(locked_run.stdout)

    assert (rows(tmp_path), seconds < 12) == (20, True), locked_run.stderr
    costs = run([str(BIN / "otel-distro"), "doctor"], clean_environment(tmp_path))
    assert "20 calls" in costs.stdout + costs.stderr
    assert "ledger.db.spill.jsonl" in costs.stdout + costs.stderr
    run([str(BIN / "otel-distro"), "costs"], clean_environment(tmp_path))
    assert rows(tmp_path) == 40
    program("call()", sink, tmp_path)
    assert rows(tmp_path) == 41


POOL = "with context.Pool(3) as pool: pool.map(call, range(20), chunksize=1)"
EXECUTOR = "with ProcessPoolExecutor(2, context) as pool: list(pool.map(call, range(20)))"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "work"),
    [("fork", POOL), ("forkserver", POOL), ("fork", EXECUTOR), ("spawn", EXECUTOR)],
    ids=["fork, Pool", "forkserver, Pool", "fork, executor", "spawn, executor"],
)
def test_worker_processes_lose_nothing(
    tmp_path: Path, sink: OtlpSink, method: str, work: str
) -> None:
    """`with Pool()` sends SIGTERM to workers that may already be exiting."""
    source = f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    {work}
"""
    done = program(source, sink, tmp_path)

    assert done.returncode == 0, done.stderr
    assert (len(sink.spans()), rows(tmp_path)) == (20, 20)


def test_a_program_that_cannot_be_started_leaves_the_app_and_its_telemetry_running(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """`os.execv` raises, and the app continues."""
    source = """
import os
calls(10)
try:
    os.execv("/no/such/program", ["x"])
except FileNotFoundError:
    calls(10)
"""
    done = program(source, sink, tmp_path)

    assert done.returncode == 0, done.stderr
    assert (len(sink.spans()), rows(tmp_path)) == (20, 20)


def test_spans_that_never_ended_are_named_at_exit(tmp_path: Path, sink: OtlpSink) -> None:
    """No exporter receives them; their redacted names are printed."""
    source = """
tracer.start_span("ended").end()
one, two, three = (tracer.start_span(name) for name in ("upload", "upload", "mail a@example.org"))
"""
    done = program(source, sink, tmp_path)

    assert done.stderr == (
        "otel_distro: 3 spans never ended, so not exported: 'upload' (2), 'mail [EMAIL]'\n"
    )


def test_with_no_time_to_spend_signals_and_os_functions_are_left_alone(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """OTEL_DISTRO_EXIT_TIMEOUT=0 disables the shutdown hooks."""
    source = """
import os, signal, posix
assert os._exit is posix._exit and os.execv is posix.execv
assert signal.signal.__module__ == "signal" and signal.getsignal(15) is signal.SIG_DFL
"""
    environ = quiet(sink, tmp_path) | {"OTEL_DISTRO_EXIT_TIMEOUT": "0"}
    done = instrumented(source, unmeasured(environ))

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "before",
    ["", "import signal; assert signal.set_wakeup_fd(-1) == -1"],
    ids=["", "another user of the wakeup descriptor has left"],
)
def test_a_main_thread_that_is_deep_in_c_code_does_not_keep_sigterm_waiting(
    tmp_path: Path, sink: OtlpSink, before: str
) -> None:
    """Python runs no handler then; the default action would end the process."""
    source = f"""
import hashlib, os, threading, time
{before}
calls()
threading.Timer(0.2, os.kill, (os.getpid(), 15)).start()
hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000_000)
"""
    done = program(source, sink, tmp_path)

    assert done.returncode == 128 + signal.SIGTERM
    assert (len(sink.spans()), rows(tmp_path)) == (20, 20)


def test_a_subinterpreter_starts_and_ends_beside_us(tmp_path: Path, sink: OtlpSink) -> None:
    """Its work is not recorded; records of the main interpreter arrive."""
    interpreters = pytest.importorskip("_xxsubinterpreters", reason="no subinterpreters here")
    assert interpreters
    source = """
import _xxsubinterpreters as interpreters
calls(10)
other = interpreters.create()
interpreters.run_string(other, "import json, logging; logging.getLogger('x').warning('hello')")
interpreters.destroy(other)
calls(10)
"""
    done = program(source, sink, tmp_path)

    assert done.returncode == 0, done.stderr
    assert (len(sink.spans()), rows(tmp_path)) == (20, 20)


SERVER = f"""{CALLS}
def app(environ, start_response):
    call()
    start_response("200 OK", [("content-length", "2")])
    return [b"ok"]
"""


@pytest.mark.slow
def test_gunicorn_workers_that_are_replaced_lose_nothing(tmp_path: Path, sink: OtlpSink) -> None:
    """`--max-requests` ends a worker after so many, in the middle of the traffic."""
    (tmp_path / "server.py").write_text(SERVER)
    port = free_port()
    options = ["-b", f"127.0.0.1:{port}", "-w", "2", "--max-requests", "7", "--preload"]
    server = subprocess.Popen(
        [str(BIN / "opentelemetry-instrument"), str(BIN / "gunicorn"), "server:app", *options],
        env=quiet(sink, tmp_path),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(30):
            _ask(port)
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=20)
    finally:
        if server.poll() is None:
            os.kill(server.pid, signal.SIGKILL)

    assert (len(sink.spans()), rows(tmp_path)) == (30, 30)


def _ask(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).close()
        except OSError:
            time.sleep(0.05)  # not there yet, or a worker that has just been replaced
        else:
            return
    raise TimeoutError(f"nothing answers on {port}")


TASKS = f"""{CALLS}
import os, pathlib
from celery import Celery
folder = os.environ["QUEUE"]
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {{
    "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "/control"
}}
app.conf.task_ignore_result = True
@app.task
def ask(number):
    call()
    pathlib.Path(os.environ["DONE"], str(number)).touch()
"""


@pytest.mark.slow
def test_celery_workers_that_are_replaced_lose_nothing(tmp_path: Path, sink: OtlpSink) -> None:
    """Celery kills an exiting worker when the main process ends first."""
    pytest.importorskip("celery", reason="Celery is not installed")
    queue, finished = tmp_path / "queue", tmp_path / "done"
    (queue / "control").mkdir(parents=True)
    finished.mkdir()
    (tmp_path / "tasks.py").write_text(TASKS)
    environ = quiet(sink, tmp_path) | {"QUEUE": str(queue), "DONE": str(finished)}
    enqueue = "import tasks\nfor number in range(10): tasks.ask.delay(number)"
    subprocess.run([sys.executable, "-c", enqueue], env=environ, cwd=tmp_path, check=True)
    options = ["-c", "2", "-l", "error", "--max-tasks-per-child", "3", "--without-mingle"]
    worker = subprocess.Popen(
        [
            *(str(BIN / "opentelemetry-instrument"), str(BIN / "celery")),
            *("-A", "tasks", "worker", *options),
        ],
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while len(list(finished.iterdir())) < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=120)
    finally:
        if worker.poll() is None:
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()

    assert (len(sink.spans()), rows(tmp_path)) == (10, 10)
