"""Runs real programs under the real agent, without settings of this machine."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
_KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SYSTEMROOT",
    "COVERAGE_PROCESS_CONFIG",  # so that the coverage of a program counts
    "COVERAGE_PROCESS_START",
)


@dataclass(frozen=True)
class Finished:
    """How a program ended."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


def clean_environment(home: Path, **variables: str) -> dict[str, str]:
    """Return an environment with its own home and no telemetry settings but *variables*.

    One is added: by default a process that needs more than two seconds to flush its queues at exit
    leaves them on disk, which happens on a busy machine. Tests of that limit set it.
    """
    variables = {EXIT_TIMEOUT: "30", **variables}
    if not variables[EXIT_TIMEOUT]:
        del variables[EXIT_TIMEOUT]
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environ["PATH"] = f"{BIN}{os.pathsep}{environ.get('PATH', '')}"
    return {**environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state"), **variables}


def unmeasured(environ: dict[str, str]) -> dict[str, str]:
    """Return *environ* without coverage, for a program in which it would be visible.

    It imports modules and replaces functions of `os`.
    """
    return {name: value for name, value in environ.items() if not name.startswith("COVERAGE_")}


def run(
    command: list[str],
    environ: dict[str, str],
    *,
    timeout: float = 240,
    stdin: str | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Run *command* to its end."""
    began = time.monotonic()
    done = subprocess.run(
        command, env=environ, timeout=timeout, capture_output=True, text=True, input=stdin, cwd=cwd
    )
    return Finished(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def instrumented(
    script: str | Path,
    environ: dict[str, str],
    *arguments: str,
    timeout: float = 240,
    cwd: Path | None = None,
) -> Finished:
    """Run a Python script, given as text or file, under `opentelemetry-instrument`."""
    command = [str(BIN / "opentelemetry-instrument"), sys.executable]
    if isinstance(script, Path):
        command += [str(script), *arguments]
    else:
        command += ["-c", textwrap.dedent(script), *arguments]
    return run(command, environ, timeout=timeout, cwd=cwd)


EXIT_TIMEOUT = "OTEL_DISTRO_EXIT_TIMEOUT"
"""Empty for the default."""
_PORTS = range(12_000, 32_000)
"""Below the kernel's ephemeral ports."""
_MOST_WORKERS = 16
_given: set[int] = set()


def free_port() -> int:
    """Return a free loopback port that stays free while its server is down.

    Each worker of a test run has separate ports: a server on the port of another one would get its
    requests.
    """
    import socket

    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _MOST_WORKERS
    ports = [port for port in _PORTS if port % _MOST_WORKERS == worker and port not in _given]
    # Not the seeded generator: two concurrent runs would choose the same ports.
    random.SystemRandom().shuffle(ports)
    for port in ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError("no loopback port is free")
