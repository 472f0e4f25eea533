"""Delivery of all telemetry, counted at the receiving end, and its overhead.

    python benchmarks/delivery.py burst [--spans 1000000]     flat out: time, losses, counters
    python benchmarks/delivery.py outage [--seconds 60]       collector refused, silent, 503, slow
    python benchmarks/delivery.py kill [--kills 100]          kill -9 at random moments
    python benchmarks/delivery.py append                      cost of writing every span to disk
    python benchmarks/delivery.py soak [--seconds 3600]       2,000 spans a second: memory, threads

Each variant runs real programs under `opentelemetry-instrument` against a receiver in another
process of this machine.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests"))

from support.faulty_sink import FaultySink  # noqa: E402
from support.process import BIN, clean_environment  # noqa: E402

BURST = """
import json, resource, sys, time
from opentelemetry import trace
tracer = trace.get_tracer("app")
attributes = {f"app.attribute_{n}": f"value number {n}" for n in range(int(sys.argv[2]))}
times = []
clock = time.perf_counter_ns
began = clock()
for number in range(int(sys.argv[1])):
    start = clock()
    tracer.start_span("work", attributes=attributes).end()
    times.append(clock() - start)
seconds = (clock() - began) / 1e9
times.sort()
at = lambda share: times[int(share * (len(times) - 1))] / 1000
print(json.dumps({
    "p50_us": at(0.5), "p99_us": at(0.99), "max_ms": at(1) / 1000, "seconds": seconds,
    "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "ended": time.time(),
}))
"""
PACED = """
import json, sys, time, psutil
from opentelemetry import trace
tracer = trace.get_tracer("app")
me, attributes = psutil.Process(), {"text": "x" * 1000}
rate, seconds = float(sys.argv[1]), float(sys.argv[2])
began, number, memory, threads, files = time.monotonic(), 0, [], [], []
look = 0.0
while time.monotonic() - began < seconds:
    tracer.start_span("work", attributes=attributes).end()
    number += 1
    if time.monotonic() - began >= look:
        memory.append(me.memory_info().rss / 1e6)
        threads.append(me.num_threads())
        files.append(me.num_fds())
        look += seconds / 12
    time.sleep(max(0.0, began + number / rate - time.monotonic()))
print(json.dumps({"emitted": number, "memory_mb": memory, "threads": threads, "files": files,
                  "ended": time.time()}))
"""
WORKING = """
import sys, time
from opentelemetry import trace
tracer = trace.get_tracer("app")
number = 0
while True:
    tracer.start_span(f"{sys.argv[1]}-{number}").end()
    number += 1
    sys.stdout.write(f"{number} {time.time()}\\n")
    sys.stdout.flush()
    time.sleep(0.003)
"""


class Place:
    """A home folder and the variables of a program that sends to *sink*."""

    def __init__(self, sink: FaultySink, **more: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.home = Path(self._folder.name)
        self.environ = clean_environment(
            self.home,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
            **more,
        )

    def start(self, script: str, *arguments: object) -> subprocess.Popen[str]:
        """Start *script* under the agent."""
        command = [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", script]
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: object) -> dict[str, object]:
        """Run *script* to its end and return its output, and the duration of its exit."""
        process = self.start(script, *arguments)
        stdout, stderr = process.communicate()
        figures: dict[str, object] = json.loads(stdout)
        figures["exit_seconds"] = time.time() - float(str(figures["ended"]))
        figures["said"] = stderr.strip()
        return figures

    def counters(self) -> dict[str, object]:
        """Return today's counters of spans."""
        path = self.home / "state/otel-distro/spool/deliveries.json"
        try:
            days = json.loads(path.read_text())["days"]
        except OSError:
            return {}
        found: dict[str, object] = days[max(days)]["spans"]
        return found


def burst(spans: int, attributes: int, **more: str) -> None:
    with FaultySink() as sink:
        place = Place(sink, **more)
        figures = place.run(BURST, spans, attributes)
        lost = spans - len(sink.spans)
        print(
            f"{spans:,} spans with {attributes} attributes: {lost:,} lost, "
            f"{sink.duplicates:,} twice; a span p50 {figures['p50_us']:.1f} us, "
            f"p99 {figures['p99_us']:.1f} us, max {figures['max_ms']:.1f} ms; "
            f"{figures['seconds']:.1f} s, {figures['rss_mb']:.0f} MB, "
            f"exit {figures['exit_seconds']:.2f} s"
        )
        print(f"    counters: {place.counters()}")


def outage(seconds: float) -> None:
    for kind in ("refused", "silent", "503", "slow"):
        with FaultySink() as sink:
            place = Place(sink)
            begin = {"refused": sink.away, "silent": sink.silent}.get(kind, lambda: None)
            begin()
            sink.status, sink.seconds = 503 if kind == "503" else 200, 5.0 if kind == "slow" else 0
            figures = place.run(PACED, 300, seconds)
            memory = figures["memory_mb"]
            assert isinstance(memory, list)
            sink.back()
            sink.status, sink.seconds = 200, 0.0
            again = place.run(PACED, 300, 5)
            emitted = int(str(figures["emitted"])) + int(str(again["emitted"]))
            print(
                f"{kind:<8} {emitted - sink.wait_for_spans(emitted):,} of {emitted:,} lost, "
                f"{sink.duplicates:,} twice; exit {figures['exit_seconds']:.2f} s; memory "
                f"{memory[1]:.1f} -> {memory[-1]:.1f} MB (most {max(memory):.1f})"
            )


def kill(kills: int, mode: str) -> None:
    lost = late = emitted = 0
    with FaultySink() as sink:
        place = Place(sink, OTEL_DISTRO_SPOOL=mode)
        killed: list[tuple[int, list[float]]] = []
        for number in range(kills):
            process = place.start(WORKING, number)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random.uniform(0.0, 1.5))
            process.send_signal(signal.SIGKILL)
            stdout, _ = process.communicate()
            times = [float(line.split()[1]) for line in stdout.splitlines() if " " in line]
            killed.append((number, times))
        place.run(PACED, 10, 3)
        for number, times in killed:
            for index in range(len(times) + 1):
                if index < len(times) and not sink.names[f"{number}-{index}"]:
                    lost += 1
                    late += times[-1] - times[index] > 1
            emitted += len(times) + 1
        print(
            f"{mode:<12} {kills} kills, {emitted:,} spans: {lost:,} lost, {late:,} of them older "
            f"than a second, {sink.duplicates:,} arrived twice"
        )


def soak(seconds: float) -> None:
    with FaultySink() as sink:
        place = Place(sink)
        figures = place.run(PACED, 2000, seconds)
        print(f"emitted {figures['emitted']:,}, arrived {len(sink.spans):,}")
        for name in ("memory_mb", "threads", "files"):
            values = figures[name]
            assert isinstance(values, list)
            print(f"    {name}: {' '.join(f'{value:.0f}' for value in values)}")
        print(f"    counters: {place.counters()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["burst", "outage", "kill", "append", "soak"])
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--attributes", type=int, default=0)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--mode", default="everything", help="OTEL_DISTRO_SPOOL for `kill`")
    chosen = parser.parse_args()
    if chosen.what == "burst":
        burst(chosen.spans, chosen.attributes)
    elif chosen.what == "outage":
        outage(chosen.seconds or 60)
    elif chosen.what == "kill":
        kill(chosen.kills, chosen.mode)
    elif chosen.what == "soak":
        soak(chosen.seconds or 3600)
    else:
        for mode in ("none", "undelivered", "everything"):
            print(f"OTEL_DISTRO_SPOOL={mode}")
            for attributes in (0, 10):
                burst(chosen.spans, attributes, OTEL_DISTRO_SPOOL=mode)


if __name__ == "__main__":
    main()
