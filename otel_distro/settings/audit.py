"""Audit of changes to the settings of recording, retention and export.

An effective setting that differs from the program's last start is recorded as a change, without
secrets. A program with only defaults leaves no record.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from otel_distro.privacy import audit
from otel_distro.settings import Settings
from otel_distro.settings.variables import PREFIX, VARIABLES
from otel_host.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "settings.seen.json"
_MOST_PROGRAMS = 200
_LEFT_OUT = frozenset(
    {"state_dir", "exit_timeout", "span_limits", "log_limits", "value_limits", "exit_line"}
)
_DIGESTS = frozenset(
    {"policy", "cost_budgets", "latency_budgets"}
    | {variable.name.removeprefix(PREFIX).lower() for variable in VARIABLES if variable.secret}
)
"""Settings stored only as a digest, because they are long or may contain secrets."""


def note(settings: Settings, program: str) -> None:
    """Record changes since the last start of *program*; never raises."""
    with suppress(Exception):
        _note(settings, program)


def _note(settings: Settings, program: str) -> None:
    now = _described(settings)
    seen = _seen(settings.state_dir)
    before = seen.get(program)
    standard = _described(Settings(state_dir=settings.state_dir, ledger=_usual_ledger(settings)))
    if before == now or (before is None and now == standard):
        return
    reference = before if before is not None else standard
    names = sorted(n for n in now.keys() | reference.keys() if now.get(n) != reference.get(n))
    audit.record(
        settings.state_dir,
        "settings.changed",
        by="",
        program=program,
        changed={
            name: "(changed)" if name in _DIGESTS else f"{reference.get(name)} -> {now.get(name)}"
            for name in names
        },
    )
    seen.pop(program, None)
    while len(seen) >= _MOST_PROGRAMS:
        del seen[next(iter(seen))]
    seen[program] = now
    write_private(settings.state_dir / FILE_NAME, json.dumps(seen).encode())


def _described(settings: Settings) -> dict[str, str]:
    described: dict[str, str] = {}
    for field in fields(settings):
        if field.name in _LEFT_OUT:
            continue
        text = str(getattr(settings, field.name))
        if field.name in _DIGESTS:
            text = hashlib.sha256(text.encode()).hexdigest()[:16]
        described[field.name] = text
    return described


def _usual_ledger(settings: Settings) -> Path:
    return settings.state_dir / "ledger.db"


def _seen(state_dir: Path) -> dict[str, Any]:
    try:
        digests = json.loads((state_dir / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return digests if isinstance(digests, dict) else {}
