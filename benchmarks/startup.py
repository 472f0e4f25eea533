"""Cost of start-up: `opentelemetry-instrument python -c pass` beside upstream's distribution.

    python benchmarks/startup.py [--rounds N] [--environments FOLDER]

Each runs in its own virtual environment with the same packages in the same versions. The
collector is absent, so a run includes its last export, and no waiting. Each round runs each variant
once, so that a slow moment of the machine meets all of them; figures are medians, and the ratio is
that of the overhead in the same round. Peak memory below that of this program cannot be measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests"))

from support.side_by_side import make_environments  # noqa: E402

PACKAGES = (
    "flask",
    "openai",
    "opentelemetry-instrumentation-flask",
    "opentelemetry-instrumentation-genai-openai",
)
SDK_ALONE = "".join(
    f"import opentelemetry.{name}\n"
    for name in (
        "sdk.trace.export",
        "sdk.metrics.export",
        "sdk._logs.export",
        "exporter.otlp.proto.http.trace_exporter",
        "exporter.otlp.proto.http.metric_exporter",
        "exporter.otlp.proto.http._log_exporter",
    )
)
"""Imports of any set-up of all three signals."""


@dataclass(frozen=True)
class Run:
    """Figures of one process, from start to end."""

    wall_ms: float
    cpu_ms: float
    rss_mb: float


def measure(command: list[str], environ: dict[str, str]) -> Run:
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.execve(command[0], command, environ)
    _, _, usage = os.wait4(child, 0)
    wall = (time.monotonic() - began) * 1000
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return Run(wall, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / unit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--environments", type=Path, help="reuse these, made at the first run")
    asked = parser.parse_args()
    rounds = asked.rounds
    with tempfile.TemporaryDirectory() as scratch:
        theirs, ours = make_environments(asked.environments or Path(scratch) / "envs", *PACKAGES)
        # No collector, which fails at once: only this process is measured.
        base = {
            "PATH": os.environ["PATH"],
            "HOME": scratch,
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        silent = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
        off = {"OTEL_SDK_DISABLED": "true"}
        script = ["-c", "pass"]

        def agent(bin_folder: Path) -> list[str]:
            return [f"{bin_folder}/opentelemetry-instrument", f"{bin_folder}/python", *script]

        launcher = [f"{ours}/otel-distro", "run", f"{ours}/python", *script]
        in_code = "import otel_distro; otel_distro.configure()"
        variants = {
            "python -c pass": ([f"{ours}/python", *script], base),
            "import of SDK, exporters": ([f"{ours}/python", "-c", SDK_ALONE], base),
            "upstream": (agent(theirs), base),
            "ours": (agent(ours), base),
            "ours, otel-distro run": (launcher, base),
            "upstream, no exporter": (agent(theirs), base | silent),
            "ours, no exporter": (agent(ours), base | silent),
            "upstream, off": (agent(theirs), base | off),
            "ours, off": (agent(ours), base | off),
            "ours, off, run": (launcher, base | off),
            "ours, off, in code": ([f"{ours}/python", "-c", in_code], base | off),
        }
        results: dict[str, list[Run]] = {name: [] for name in variants}
        for number in range(rounds + 1):
            for name, (command, environ) in variants.items():
                run = measure(command, environ)
                if number:  # the first round fills caches
                    results[name].append(run)
    bare, upstream = results["python -c pass"], results["upstream"]
    print(f"{'':<26}{'wall ms':>9}{'CPU ms':>9}{'RSS MB':>9}{'CPU added, x upstream':>24}")
    for name, runs in results.items():
        ratio = statistics.median(
            (run.cpu_ms - none.cpu_ms) / (other.cpu_ms - none.cpu_ms)
            for run, other, none in zip(runs, upstream, bare, strict=True)
        )
        print(
            f"{name:<26}"
            f"{statistics.median(r.wall_ms for r in runs):>9.0f}"
            f"{statistics.median(r.cpu_ms for r in runs):>9.0f}"
            f"{statistics.median(r.rss_mb for r in runs):>9.1f}"
            f"{ratio:>24.2f}"
        )


if __name__ == "__main__":
    main()
