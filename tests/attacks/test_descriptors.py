"""Files of a program that closes every descriptor and opens its own stay unchanged."""

from __future__ import annotations

import itertools
import sqlite3
from typing import TYPE_CHECKING

import pytest

from support.otlp_sink import OtlpSink
from support.process import clean_environment, free_port, instrumented

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

PROGRAM = """
import os, signal, sqlite3, sys, threading, time

from opentelemetry import trace

folder, how, when = sys.argv[1], sys.argv[2], sys.argv[3]
tracer = trace.get_tracer("app")
CALL = {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini", "gen_ai.response.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 10,
}

def record(name):
    with tracer.start_as_current_span(name, kind=trace.SpanKind.CLIENT, attributes=CALL):
        pass

def flush():
    trace.get_tracer_provider().force_flush(3000)

for n in range(5):
    record(f"before-{n}")
flush()
time.sleep(0.3)
if how == "fork":
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 255)
    if when == "busy":
        record("child")
        flush()
        time.sleep(0.3)

os.closerange(3, 4200)
files = [os.open(f"{folder}/app-{n}", os.O_RDWR) for n in range(60)]
assert max(files) < 100, files  # the numbers that were ours

for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGALRM):
    signal.signal(number, lambda *_: None)
    os.kill(os.getpid(), number)
    time.sleep(0.02)
for n in range(5):
    record(f"after-{n}")
flush()
time.sleep(0.3)
for number in (signal.SIGUSR1, signal.SIGUSR2):
    os.kill(os.getpid(), number)
for n in range(5):
    record(f"late-{n}")
for descriptor in files:
    os.fstat(descriptor)  # none was closed under the program
assert sqlite3.connect(f"{folder}/app-0").execute("SELECT x FROM t").fetchall() == [(1,)]
sys.stdout.flush()
if how == "term":
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(20)
if how == "leave":
    os._exit(0)
"""


def without_python_itself(stderr: str) -> str:
    """Drop Python's message for a signal between the closing and its detection."""
    parts = stderr.split("Exception ignored when trying to write to the signal wakeup fd:")
    ends = [part.partition("Bad file descriptor")[2] for part in parts[1:]]
    return parts[0] + "".join(ends)


def _own_files(folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    connection = sqlite3.connect(folder / "app-0")
    connection.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (1);")
    connection.close()
    for number in range(1, 60):
        (folder / f"app-{number}").write_bytes(f"content of file {number}\n".encode() * 4000)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


CASES = [
    (spool, how, when, listening)
    for spool, how, listening in itertools.product(
        ("none", "undelivered", "everything"), ("exit", "fork", "term"), (True, False)
    )
    for when in (("idle", "busy") if how == "fork" else ("busy",))
]


@pytest.mark.slow
@pytest.mark.parametrize(("spool", "how", "when", "listening"), CASES)
def test_the_programs_files_are_unchanged_and_telemetry_continues(
    tmp_path: Path, spool: str, how: str, when: str, listening: bool
) -> None:
    """With ledger and budget open, signals, and with or without a collector."""
    files = tmp_path / "files"
    before = _own_files(files)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with OtlpSink() as sink:
        endpoint = sink.url if listening else f"http://127.0.0.1:{free_port()}"
        environ = clean_environment(
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_DISTRO_SPOOL=spool,
            OTEL_DISTRO_BUDGET_USD_PER_DAY="1",
            OTEL_BSP_SCHEDULE_DELAY="50",
        )
        done = instrumented(program, environ, str(files), how, when)
        assert done.returncode == (-15 if how == "term" else 0), done.stderr
        after = {path.name: path.read_bytes() for path in files.iterdir()}
        assert [name for name in before if before[name] != after.get(name)] == []
        assert "Traceback" not in without_python_itself(done.stderr)
        if not listening:
            return
        names = {span.name for span in sink.spans()}
    expected = {f"{stage}-{n}" for stage in ("before", "after", "late") for n in range(5)}
    assert expected <= names


HEALTH = """
import os, socket, sys, time, urllib.request
port = int(sys.argv[1])

def get():
    for _ in range(100):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.05)
    return 0

idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
assert get() in {200, 503}  # the idle ones have been accepted, too
os.closerange(3, 4200)
listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(30)]
assert get() in {200, 503}
for listener in listeners:  # a connection to the program is the program's
    client = socket.create_connection(listener.getsockname())
    ours, _ = listener.accept()
    client.sendall(b"x")
    assert ours.recv(1) == b"x"
    ours.close()
"""


def test_the_health_endpoint_never_takes_the_programs_connections(tmp_path: Path) -> None:
    """It opens another socket; connections that it had accepted are closed without harm."""
    port = free_port()
    environ = clean_environment(
        tmp_path,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_DISTRO_HEALTH_PORT=str(port),
    )
    done = instrumented(HEALTH, environ, str(port))
    assert done.returncode == 0, done.stderr
