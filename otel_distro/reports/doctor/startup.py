"""Start-up time by phase and package, measured in fresh processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_distro.base.errors import OtelDistroError
from otel_distro.base.startup_phases import INSTRUMENTOR
from otel_distro.bootstrap.launch import launch_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TIMEOUT_S: Final = 60
_ROUNDS: Final = 3
_WORTH_A_WORD_MS: Final = 20.0
_AGENT: Final = "agent of OpenTelemetry"
_WORK: Final = "(the start's own work)"
_REST: Final = "the other instrumentors, with their discovery"

# It exits at once: exports at exit are not part of the start.
_PROGRAM: Final = """
import time
ready = time.monotonic_ns()
import json, os, sys
cpu = sum(os.times()[:2])
memory = None
if sys.platform == "linux":  # what getrusage says includes the process that started this one
    with open("/proc/self/status") as status:
        memory = next((int(l.split()[1]) / 1024 for l in status if l.startswith("VmHWM")), None)
taken = getattr(sys.modules.get("otel_distro.base.startup_phases"), "taken", [])
found = {"ready": ready, "cpu": cpu, "memory": memory, "phases": taken}
print("\\n" + json.dumps(found), flush=True)
os._exit(0)
"""

_IMPORT: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of a start."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class Imports:
    """Load time of the modules of one package, without their imports."""

    package: str
    ms: float
    modules: int


@dataclass(frozen=True, slots=True)
class Startup:
    """Start-up time and memory in this environment."""

    ms: float
    """From process start to the program's first line; the best of three."""
    cpu_ms: float
    memory_mb: float | None
    """Largest resident size so far; None if the platform does not report it."""
    bare_ms: float
    """The same time without the agent."""
    bare_memory_mb: float | None
    launcher_ms: float
    """Time of `opentelemetry-instrument` before that; `otel-distro run` avoids it."""
    phases: tuple[Phase, ...]
    imports: tuple[Imports, ...]
    remedies: tuple[str, ...]


def measure(environ: Mapping[str, str]) -> Startup:
    """Start Python in *environ* several times, with and without the agent.

    Raises OtelDistroError if it does not start.
    """
    watched = launch_environment(environ)
    bare = min((_run(environ) for _ in range(_ROUNDS)), key=_ms)
    full = min((_run(watched) for _ in range(_ROUNDS)), key=_ms)
    launcher = _run(environ, "import opentelemetry.instrumentation.auto_instrumentation")
    phases = phases_of(full["phases"], full["began"], full["ready"], _ms(bare))
    return Startup(
        ms=_ms(full),
        cpu_ms=full["cpu"] * 1000,
        memory_mb=full["memory"],
        bare_ms=_ms(bare),
        bare_memory_mb=bare["memory"],
        launcher_ms=_ms(launcher),
        phases=phases,
        imports=imports_of(_run(watched, options=("-X", "importtime"))["stderr"]),
        remedies=tuple(remedies_for(phases, watched)),
    )


def _run(
    environ: Mapping[str, str], first: str = "", options: tuple[str, ...] = ()
) -> dict[str, Any]:
    began = time.monotonic_ns()
    try:
        done = subprocess.run(
            [sys.executable, *options, "-c", first + _PROGRAM],
            env=dict(environ), capture_output=True, text=True, errors="replace",
            timeout=_TIMEOUT_S, check=True,
        )  # fmt: skip
        measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        raise OtelDistroError(
            f"a Python program could not be started to be measured ({type(error).__name__}); "
            f"run `otel-distro run {sys.executable} -c pass` to see why"
        ) from error
    return {**measured, "began": began, "stderr": done.stderr}


def _ms(run: Mapping[str, Any]) -> float:
    return float(run["ready"] - run["began"]) / 1e6


def phases_of(
    taken: Iterable[tuple[str, int, int]], began: int, ready: int, bare_ms: float
) -> tuple[Phase, ...]:
    """Return the parts of a start in order; they add up to the total.

    *taken* has the parts with start and end, in nanoseconds like *began* and *ready*; *bare_ms* is
    the interpreter's time.
    """
    steps = sorted(taken, key=lambda each: each[1])
    phases = [Phase("interpreter", bare_ms)]
    if steps:
        agent = (steps[0][1] - began) / 1e6 - bare_ms
        phases.append(Phase(_AGENT, max(0.0, agent)))
    phases += [Phase(name, (end - begin) / 1e6) for name, begin, end in steps]
    rest = (ready - began) / 1e6 - sum(phase.ms for phase in phases)
    if steps and rest > 0:
        phases.append(Phase(_REST, rest))
    return tuple(phases)


def imports_of(report: str) -> tuple[Imports, ...]:
    """Return the times in *report* (`python -X importtime`) by package, largest first."""
    times: defaultdict[str, float] = defaultdict(float)
    counts: defaultdict[str, int] = defaultdict(int)
    for microseconds, module in _IMPORT.findall(report):
        package = _package(module)
        times[package] += int(microseconds) / 1000
        counts[package] += 1
    imports = [Imports(package, ms, counts[package]) for package, ms in times.items()]
    return tuple(sorted(imports, key=lambda each: -each.ms))


def _package(module: str) -> str:
    first, *rest = module.split(".")
    if module in {"site", "sitecustomize"}:
        return _WORK
    if first in sys.stdlib_module_names:
        return "(standard library)"
    return f"{first}.{rest[0]}" if first == "opentelemetry" and rest else first


def remedies_for(phases: Iterable[Phase], environ: Mapping[str, str]) -> Iterable[str]:
    """Yield settings that shorten *phases*."""
    known = environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").strip()
    for phase in phases:
        if phase.name.startswith(INSTRUMENTOR) and phase.ms >= _WORTH_A_WORD_MS:
            name = phase.name.removeprefix(INSTRUMENTOR)
            chosen = f"{known},{name}" if known else name
            yield (
                f"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={chosen} leaves out {name}: {phase.ms:.0f} "
                "ms and its telemetry"
            )
    if "grpc" in environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", ""):
        yield "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf starts faster and in less memory than grpc"
    yield "otel-distro run instead of opentelemetry-instrument saves the launcher's time"
    yield "OTEL_SDK_DISABLED=true for programs that need no telemetry"
