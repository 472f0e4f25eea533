"""What start-up costs: `opentelemetry-instrument python -c pass` beside upstream's distribution.

    python benchmarks/startup.py [--rounds N]

Both run in a virtual environment of their own, made for this run, with the same exporters and the
same instrumentations installed. Each round runs every variant once, so that a slow moment of the
machine meets all of them; figures are medians, and the ratio is that of the rounds' pairs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
COMMON = [
    "opentelemetry-exporter-otlp",
    "opentelemetry-instrumentation-logging",
    "opentelemetry-instrumentation-system-metrics",
    "opentelemetry-instrumentation-genai-openai",
    "openai",
]


@dataclass(frozen=True)
class Run:
    """Figures of one process, from start to end."""

    wall_ms: float
    cpu_ms: float
    rss_mb: float


def make_environment(folder: Path, *packages: str) -> Path:
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *COMMON, *packages]
    subprocess.run(pip, check=True)
    return folder / "bin"


def measure(command: list[str], environ: dict[str, str]) -> Run:
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.execve(command[0], command, environ)
    _, _, usage = os.wait4(child, 0)
    wall = (time.monotonic() - began) * 1000
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return Run(wall, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / unit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        ours = make_environment(root / "ours", str(PROJECT))
        theirs = make_environment(root / "theirs", "opentelemetry-distro")
        base = {"PATH": os.environ["PATH"], "HOME": scratch}
        exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
        script = ["-c", "pass"]

        def agent(bin_folder: Path) -> list[str]:
            return [
                str(bin_folder / "opentelemetry-instrument"),
                str(bin_folder / "python"),
                *script,
            ]

        variants = {
            "python -c pass": ([str(ours / "python"), *script], base),
            "upstream distro": (agent(theirs), base | exporters),
            "otel_distro": (agent(ours), base | exporters),
            "otel_distro, disabled": (agent(ours), base | {"OTEL_SDK_DISABLED": "true"}),
            "upstream, disabled": (agent(theirs), base | {"OTEL_SDK_DISABLED": "true"}),
        }
        results: dict[str, list[Run]] = {name: [] for name in variants}
        for number in range(rounds + 1):
            for name, (command, environ) in variants.items():
                run = measure(command, environ)
                if number:  # the first round fills caches
                    results[name].append(run)
    upstream = results["upstream distro"]
    print(f"{'':<24}{'wall ms':>9}{'CPU ms':>9}{'RSS MB':>9}{'CPU, x upstream':>18}")
    for name, runs in results.items():
        ratio = statistics.median(
            run.cpu_ms / other.cpu_ms for run, other in zip(runs, upstream, strict=True)
        )
        print(
            f"{name:<24}"
            f"{statistics.median(r.wall_ms for r in runs):>9.0f}"
            f"{statistics.median(r.cpu_ms for r in runs):>9.0f}"
            f"{statistics.median(r.rss_mb for r in runs):>9.1f}"
            f"{ratio:>18.2f}"
        )


if __name__ == "__main__":
    main()
