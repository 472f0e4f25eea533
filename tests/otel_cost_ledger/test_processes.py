"""Many processes write one ledger; some of them fork, some are killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_cost_ledger import open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.query.queries import calls, costs

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and kill"),
]

COMMON = """
import os, sys
from pathlib import Path
from otel_cost_ledger import LedgerWriter
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage

path = Path(sys.argv[1])

def call(span_id):
    start = 1_763_812_800_000_000_000 + span_id * 1000
    return PricedCall(
        call=ModelCall(trace_id=span_id, span_id=span_id, start_ns=start, end_ns=start + 10**9,
                       scope="s", operation="chat", provider="openai", response_model="gpt-4o",
                       usage=Usage(input_tokens=2, output_tokens=1)),
        status=CostStatus.PRICED, cost_nano_usd=span_id)
"""


def start(path: Path, script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process that runs *script* on the ledger."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMON + script, str(path), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        # A separate process group, so that a hanging child can be ended with its parent.
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Return the output of *process* after it has exited with 0."""
    try:
        output, _ = process.communicate(timeout=30)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0
    return output


def test_processes_that_start_together_share_a_new_ledger(path: Path) -> None:
    """Creating, migrating and writing at once loses nothing and meets no error."""
    script = """
writer = LedgerWriter(path)
first = int(sys.argv[2]) * 10_000
faults = [writer.write([call(first + n) for n in range(at, at + 20)]).fault
          for at in range(1, 400, 20)]
result = writer.shutdown()
print(writer.counters.written, [f for f in faults if f], result.fault)
"""
    processes = [start(path, script, number) for number in range(4)]

    outputs = [finish(process).strip() for process in processes]

    assert outputs == ["400 [] None"] * 4
    with open_ledger(path) as ledger:
        assert check_integrity(ledger).problems == ()
        assert costs(ledger).total.calls == 1600


@pytest.mark.slow
def test_a_killed_process_loses_no_acknowledged_call(path: Path) -> None:
    """Four writers are killed at a random moment; acknowledged calls are stored, and exact."""
    script = """
writer = LedgerWriter(path)
at = int(sys.argv[2])
while True:
    batch = [call(at + n) for n in range(1, 8)]
    assert writer.write(batch).durable
    print(at, flush=True)
    at += 7
"""
    acknowledged: list[int] = []
    for round_, seconds in enumerate((0.0, 0.09, 0.21)):
        processes = [start(path, script, (round_ * 4 + n) * 10_000_000) for n in range(4)]
        for process in processes:
            assert process.stdout is not None
            acknowledged.append(int(process.stdout.readline()))
        time.sleep(seconds)
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            output, _ = process.communicate(timeout=30)
            # The last line may have been cut short by the kill.
            acknowledged += [int(line) for line in output.split("\n")[:-1]]

    with open_ledger(path) as ledger:
        assert check_integrity(ledger).problems == ()
        stored = {call.priced.call.span_id for call in calls(ledger, limit=None)}
    missing = {at + n for at in acknowledged for n in range(1, 8)} - stored
    assert missing == set()


@pytest.mark.parametrize("moment", ["before the first write", "after a write", "in an outage"])
def test_a_forked_child_writes_beside_its_parent(path: Path, moment: str) -> None:
    """The child opens the ledger itself and leaves waiting calls to the parent."""
    script = """
import sqlite3
moment = sys.argv[2]
writer = LedgerWriter(path, busy_timeout_ms=50 if moment == "in an outage" else 10_000)
if moment != "before the first write":
    writer.write([call(1)])
if moment == "in an outage":
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert writer.write([call(2)]).waiting == 1
    other.execute("ROLLBACK")
    other.close()
child = os.fork()
mine = range(100, 150) if child == 0 else range(200, 250)
for n in mine:
    assert writer.write([call(n)]).fault is None or moment == "in an outage"
result = writer.shutdown()
print(writer.counters.handed_in, result.fault, flush=True)
if child == 0:
    os._exit(0)
_, status = os.waitpid(child, 0)
sys.exit(status)
"""
    lines = finish(start(path, script, moment)).splitlines()

    before = {"before the first write": 0, "after a write": 1, "in an outage": 2}[moment]
    assert sorted(lines) == sorted(["50 None", f"{50 + before} None"])
    with open_ledger(path) as ledger:
        assert check_integrity(ledger).problems == ()
        assert costs(ledger).total.calls == 100 + before


def test_a_fork_while_another_thread_writes_leaves_the_child_able_to_write(path: Path) -> None:
    """The lock of that thread is released in the child."""
    script = """
import threading, time
writer = LedgerWriter(path)
stop = threading.Event()
def work():
    at = 1000
    while not stop.is_set():
        writer.write([call(at + n) for n in range(50)])
        at += 50
thread = threading.Thread(target=work)
thread.start()
children = []
for number in range(5):
    time.sleep(0.02)
    child = os.fork()
    if child == 0:
        done = writer.write([call(number + 1)])
        os._exit(0 if done.written == 1 else 1)
    children.append(child)
codes = [os.waitpid(child, 0)[1] for child in children]
stop.set()
thread.join()
print(codes, writer.shutdown().fault)
"""
    assert finish(start(path, script)).strip() == "[0, 0, 0, 0, 0] None"
    with open_ledger(path) as ledger:
        assert check_integrity(ledger).problems == ()


@pytest.mark.parametrize("limit", [200_000, 60_000])
def test_a_file_size_limit_is_a_full_disk(path: Path, limit: int) -> None:
    """A quota stops the ledger, never the program; the rest is kept and counted."""
    script = """
import resource
limit = int(sys.argv[2])
writer = LedgerWriter(path, ring_calls=100, say=lambda message: None)
writer.write([])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for at in range(1, 5001, 100):
    fault = writer.write([call(at + n) for n in range(100)]).fault
c = writer.counters
waits = c.spilled - c.replayed + 100
print(fault, c.handed_in == c.written + waits + c.dropped, c.faults > 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
result = writer.force_flush()
print(result.fault, result.waiting, c.dropped)
"""
    first, second = finish(start(path, script, limit)).splitlines()

    assert first == "disk_full True True"
    fault, waiting, dropped = second.split()
    assert (fault, waiting) == ("None", "0")
    with open_ledger(path) as ledger:
        assert check_integrity(ledger).problems == ()
        assert costs(ledger).total.calls == 5000 - int(dropped)


@pytest.fixture
def readable_path() -> Iterator[Path]:
    """A ledger path below a directory that every user can enter."""
    directory = Path(tempfile.mkdtemp(prefix="ledger-test-"))
    directory.chmod(0o755)
    yield directory / "state" / "ledger.db"
    shutil.rmtree(directory)


AS_SOMEBODY_ELSE = """
from otel_cost_ledger import open_ledger
from otel_cost_ledger.query.queries import costs

writer = LedgerWriter(path)
writer.write([call(1)])
writer.shutdown()
os.chmod(path.parent, 0o755)
os.chmod(path, 0o644)
path.with_name("ledger.db.lock").unlink()

def try_to_write():
    warnings = []
    writer = LedgerWriter(path, say=warnings.append)
    faults = [writer.write([call(n)]).fault for n in (2, 3)]
    with open_ledger(path) as ledger:
        print(*faults, len(warnings), costs(ledger).total.calls)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_ledger_of_another_user_is_refused_and_can_be_read(readable_path: Path) -> None:
    """Users with access to the directory may query it, though SQLite cannot share it."""
    script = AS_SOMEBODY_ELSE + "os.setuid(65534)\ntry_to_write()"

    assert finish(start(readable_path, script)).split() == ["refused", "refused", "1", "1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="root may write everywhere")
def test_a_read_only_ledger_is_left_alone_and_can_be_read(readable_path: Path) -> None:
    """One message, then no attempt for a while; queries still work."""
    script = (
        AS_SOMEBODY_ELSE
        + """
for file in (path.parent, path):
    os.chown(file, 65534, 65534)
os.chmod(path.parent, 0o555)
os.chmod(path, 0o444)
os.setuid(65534)
try_to_write()
"""
    )

    assert finish(start(readable_path, script)).split() == ["read_only", "read_only", "1", "1"]


def test_a_child_forked_in_mid_use_spills_instead_of_trusting_locks(path: Path) -> None:
    """The file was open at the fork; the parent stores the calls that the child spilled."""
    script = """
from otel_cost_ledger import open_ledger
from otel_cost_ledger.query.queries import costs
writer = LedgerWriter(path, say=lambda message: None)
writer.write([call(1)])
with open_ledger(path) as ledger:
    child = os.fork()
    if child == 0:
        fault = writer.write([call(2)]).fault
        writer.shutdown()
        os._exit(0 if fault == "unavailable" and writer.counters.spilled == 1 else 1)
    print(os.waitpid(child, 0)[1])
print(writer.write([]).written)
"""
    assert finish(start(path, script)).split() == ["0", "1"]
    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 2
