"""Two virtual environments that differ only in their distribution: upstream's, and this one."""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib.metadata import distributions
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
COMMON = (
    "opentelemetry-exporter-otlp",
    "opentelemetry-instrumentation-logging",
    "opentelemetry-instrumentation-system-metrics",
)


def make_environments(root: Path, *packages: str) -> tuple[Path, Path]:
    """Return the folders of commands of upstream's environment and of ours, under *root*.

    Both hold *packages* in the versions that are installed here, where they are. Environments
    that are there already are used as they are.
    """
    root.mkdir(parents=True, exist_ok=True)
    constraints = root / "constraints.txt"
    constraints.write_text(
        "".join(
            f"{each.metadata['Name']}=={each.version}\n"
            for each in distributions()
            if each.metadata["Name"] != "otel-distro"
        )
    )
    upstream = _environment(root / "theirs", constraints, *packages, "opentelemetry-distro")
    distro = _environment(root / "ours", constraints, *packages, "-e", str(PROJECT))
    return upstream, distro


def _environment(folder: Path, constraints: Path, *packages: str) -> Path:
    commands = folder / "bin"
    if not (commands / "opentelemetry-instrument").exists():
        venv.create(folder, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(commands / "python")]
        install = [*pip, "install", "-q", "-c", str(constraints), *COMMON, *packages]
        subprocess.run(install, check=True)
    return commands
