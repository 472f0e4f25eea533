"""Kill `otel-distro serve` at random moments while programs send, and count lost records.

    python benchmarks/serve_kill.py [--kills 100] [--minutes N] [--slow-disk] [--full-disk]

Four senders send batches of spans, a model call in each, without rest. The server is killed with
SIGKILL at a random moment after it answers, and started again on the same folder. At the end every
span whose request was answered with 200 has to be in the store and every such call in the ledger;
SQLite's own checks have to find nothing. Ends with 1 if anything is missing.

`--slow-disk` delays each write and sync of the server by 5 ms (with a library made by `cc`);
`--full-disk` puts the store on a disk of 12 MB that is full for half of the time (a tmpfs, which
needs root).
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from serve import add

from otel_trace_store import Arrivals, StoreReader, TraceStoreWriter

PORTS = {"--otlp-http-port": 24418, "--otlp-grpc-port": 24417, "--ui-port": 24420}
BATCH = 50
SENDERS = 4
SLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>
#define SLOW(result, name, parameters, arguments) \\
    result name parameters { \\
        static result (*real) parameters; \\
        if (!real) real = dlsym(RTLD_NEXT, #name); \\
        usleep(5000); \\
        return real arguments; \\
    }
SLOW(ssize_t, pwrite64, (int f, const void *b, size_t n, off64_t o), (f, b, n, o))
SLOW(ssize_t, pwrite, (int f, const void *b, size_t n, off_t o), (f, b, n, o))
SLOW(int, fsync, (int f), (f))
SLOW(int, fdatasync, (int f), (f))
"""

Ids = set[tuple[bytes, bytes]]


class Senders:
    """Sends from several threads until closed, and records acknowledged requests."""

    def __init__(self, seed: int) -> None:
        self.acknowledged: Ids = set()
        self.calls: Ids = set()
        self.sent = 0
        self.refused = 0
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed * 100 + n),))
            for n in range(SENDERS)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for_more(self, seconds: float) -> None:
        """Wait until another request is acknowledged, at most *seconds*."""
        before, until = len(self.acknowledged), time.monotonic() + seconds
        while len(self.acknowledged) == before and time.monotonic() < until:
            time.sleep(0.005)

    def close(self) -> None:
        """Stop sending."""
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def _run(self, rng: random.Random) -> None:
        while not self._closed.is_set():
            body, ids = _request(rng)
            try:
                with closing(
                    http.client.HTTPConnection("127.0.0.1", PORTS["--otlp-http-port"], timeout=30)
                ) as connection:
                    headers = {"content-type": "application/x-protobuf"}
                    connection.request("POST", "/v1/traces", body, headers)
                    status = connection.getresponse().status
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
                continue
            with self._lock:
                self.sent += 1
                if status == 200:
                    self.acknowledged.update(ids)
                    self.calls.add(ids[0])
                else:
                    self.refused += 1
            if status != 200:
                time.sleep(0.05)


def _request(rng: random.Random) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    add(group.resource, "service.name", "killed")
    scope = group.scope_spans.add()
    trace, ids = rng.randbytes(16), []
    for number in range(BATCH):
        span = scope.spans.add(trace_id=trace, span_id=rng.randbytes(8), name=f"step {number}")
        span.start_time_unix_nano = time.time_ns() - 1_000_000
        span.end_time_unix_nano = span.start_time_unix_nano + 900_000
        add(span, "app.note", rng.randbytes(12).hex())
        if number == 0:
            add(span, "gen_ai.operation.name", "chat")
            add(span, "gen_ai.provider.name", "openai")
            add(span, "gen_ai.request.model", "gpt-4o")
            add(span, "gen_ai.usage.input_tokens", 100)
        ids.append((trace, span.span_id))
    return request.SerializeToString(), ids


def start(state: Path, preload: Path | None) -> subprocess.Popen[str]:
    """Start the server and wait until it answers."""
    env = {**os.environ, "OTEL_DISTRO_STATE_DIR": str(state), "HOME": str(state)}
    if preload is not None:
        env["LD_PRELOAD"] = str(preload)
    command = [sys.executable, "-m", "otel_distro", "serve", "--no-browser"]
    command += [str(part) for pair in PORTS.items() for part in pair]
    server = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith("Ctrl-C"):
            return server
    raise SystemExit("the server did not start")


def stored(state: Path) -> tuple[Ids, list[str]]:
    """Return the spans in the store, and the problems that SQLite finds in its files."""
    found: Ids = set()
    wrong: list[str] = []
    with StoreReader(state / "traces") as reader:
        for segment in reader:
            (verdict,) = segment.connection.execute("PRAGMA integrity_check").fetchone()
            if verdict != "ok":
                wrong.append(f"{segment.name}: {verdict}")
            for trace, span_ids in segment.connection.execute(
                "SELECT trace_id, span_ids FROM traces JOIN trace_blocks ON trace = no"
            ):
                for at in range(0, len(span_ids), 8):
                    one = (trace, span_ids[at : at + 8])
                    if one in found:
                        wrong.append(f"{one} is stored twice")
                    found.add(one)
    return found, wrong


def billed(state: Path) -> Ids:
    """Return the calls in the ledger."""
    with closing(sqlite3.connect(state / "ledger.db")) as connection:
        query = "SELECT trace_id, span_id FROM calls"
        return {(_bytes(trace, 16), _bytes(span, 8)) for trace, span in connection.execute(query)}


def _bytes(value: bytes | str | int, size: int) -> bytes:
    if isinstance(value, bytes):
        return value
    return bytes.fromhex(value) if isinstance(value, str) else (value % 2**64).to_bytes(size, "big")


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60, help="no further kills after these")
    parser.add_argument("--writers", action="store_true", help="kill writers of the store alone")
    parser.add_argument("--slow-disk", action="store_true")
    parser.add_argument("--full-disk", action="store_true")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.writers:
            return kill_writers(folder / "traces", args.kills, rng)
        preload = None
        if args.slow_disk:
            preload = folder / "slow.so"
            (folder / "slow.c").write_text(SLOW)
            compiler = ["cc", "-shared", "-fPIC", "-o", str(preload), str(folder / "slow.c")]
            subprocess.run(compiler, check=True)
        state = folder / "state"
        state.mkdir(mode=0o700)
        if args.full_disk:
            options = ["-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", str(state)]
            subprocess.run(["mount", *options], check=True)
        try:
            until = time.monotonic() + 60 * args.minutes
            return _run(state, preload, args.kills, rng, until, full=args.full_disk)
        finally:
            if args.full_disk:
                subprocess.run(["umount", "-l", str(state)], check=False)


def _run(
    state: Path,
    preload: Path | None,
    kills: int,
    rng: random.Random,
    until: float,
    *,
    full: bool,
) -> int:
    ballast = state / "ballast"
    senders = None
    done = 0
    while done < kills and time.monotonic() < until:
        ballast.unlink(missing_ok=True)
        server = start(state, preload)
        senders = senders or Senders(rng.randrange(10**6))
        senders.wait_for_more(30)
        time.sleep(rng.uniform(0.0, 1.0))
        if full:
            _fill(ballast)
            time.sleep(rng.uniform(0.0, 1.0))
        server.send_signal(signal.SIGKILL)
        server.wait()
        done += 1
        if done % 10 == 0:
            print(f"{done} kills, {len(senders.acknowledged):,} acknowledged", flush=True)
    assert senders is not None
    senders.close()
    ballast.unlink(missing_ok=True)
    last = start(state, preload)
    last.send_signal(signal.SIGTERM)
    last.wait(60)
    spans, wrong = stored(state)
    lost = senders.acknowledged - spans
    unbilled = senders.calls - billed(state)
    print(
        f"{done} kills, {len(senders.acknowledged):,} spans acknowledged, {len(lost)} lost; "
        f"{len(senders.calls):,} calls acknowledged, {len(unbilled)} not in the ledger; "
        f"{senders.refused:,} requests answered with 503"
    )
    for problem in wrong[:5]:
        print(problem)
    return 1 if lost or unbilled or wrong else 0


def kill_writers(folder: Path, kills: int, rng: random.Random) -> int:
    """Kill forked writers of the store instead of whole servers, which start slowly."""
    acknowledged: Ids = set()
    for _ in range(kills):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            mine = random.Random(os.getpid())
            writer = TraceStoreWriter(folder)
            while True:
                body, ids = _request(mine)
                request = ExportTraceServiceRequest.FromString(body)
                writer.write(Arrivals(spans=list(request.resource_spans)))
                os.write(writing, b"".join(trace + span for trace, span in ids))
        os.close(writing)
        time.sleep(rng.uniform(0.05, 0.4))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        for at in range(0, len(said) - 23, 24):
            acknowledged.add((said[at : at + 16], said[at + 16 : at + 24]))
    spans, wrong = stored(folder.parent)
    lost = acknowledged - spans
    print(f"{kills} kills of writers, {len(acknowledged):,} spans acknowledged, {len(lost)} lost")
    for problem in wrong[:5]:
        print(problem)
    return 1 if lost or wrong else 0


def _fill(ballast: Path) -> None:
    """Write until the disk is full."""
    try:
        with ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 65_536)
    except OSError:
        return


if __name__ == "__main__":
    raise SystemExit(main())
