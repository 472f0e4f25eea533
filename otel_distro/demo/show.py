"""Runs the demo's app and collects the results."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otel_distro.base.errors import OtelDistroError
from otel_distro.bootstrap.launch import launch_environment
from otel_distro.demo.planted import API_KEY, EMAIL
from otel_distro.demo.provider import FakeProvider
from otel_distro.demo.receiver import Receiver
from otel_distro.settings import DO_NOT_TRACK, process_environment
from otel_distro.settings.variables import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

_APP = Path(__file__).with_name("app.py")
_SECRETS = (EMAIL, API_KEY)
_TIMEOUT_SECONDS = 120


class DemoFailedError(OtelDistroError):
    """The demo's app failed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Results of the demo."""

    requests: int
    """Requests that reached the fake provider."""
    redactions: dict[str, int]
    """Values redacted before export, by kind."""
    planted: int
    leaked: tuple[str, ...]
    """Planted secrets found in exported or stored data; none unless redaction failed."""
    exported_bytes: int
    ledger: Path


def run_demo(folder: Path) -> Shown:
    """Run the app under our launcher with a new ledger in *folder*; raises DemoFailedError."""
    ledger = folder / "ledger.db"
    for suffix in ("", "-wal", "-shm"):
        ledger.with_name(ledger.name + suffix).unlink(missing_ok=True)
    with FakeProvider() as provider, Receiver() as receiver:
        done = subprocess.run(
            [sys.executable, str(_APP), f"{provider.url}/v1"],
            env=_environment(process_environment(), folder, receiver.url),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise DemoFailedError(f"the demo's app ended with {done.returncode}: {last[0]}")
        exported = receiver.everything()
        ledger_bytes = b"".join(path.read_bytes() for path in folder.glob("ledger.db*"))
        leaked = tuple(s for s in _SECRETS if s.encode() in exported + ledger_bytes)
        return Shown(
            requests=len(provider.requests),
            redactions=receiver.redactions(),
            planted=len(_SECRETS),
            leaked=leaked,
            exported_bytes=len(exported),
            ledger=ledger,
        )


def _environment(environ: Mapping[str, str], folder: Path, endpoint: str) -> dict[str, str]:
    # The user's own telemetry settings are left out: the demo shows the defaults.
    plain = {
        name: value
        for name, value in environ.items()
        # Nothing leaves the machine: the receiver is part of the demo too.
        if name != DO_NOT_TRACK and not name.startswith(("OTEL_", PREFIX))
    }
    return launch_environment(plain) | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SERVICE_NAME": "demo",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
        "OTEL_DISTRO_STATE_DIR": str(folder),
        "OTEL_DISTRO_LEDGER": str(folder / "ledger.db"),
        "NO_PROXY": "127.0.0.1",
    }
