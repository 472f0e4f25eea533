"""Export counters of all processes of a host by day, in one small file.

`otel-distro reports health` reads it.

Each process adds its changes every few seconds and at exit. The last records of a killed process
are counted as emitted only.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from otel_distro.base.errors import OtelDistroError
from otel_distro.export.counts import Tally
from otel_distro.export.spool.address import ROOT
from otel_distro.export.spool.private_folders import prepare_folder
from otel_distro.export.spool.segments import locked
from otel_host.private_files import open_private, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE: Final = "deliveries.json"
_LOCK: Final = "deliveries.lock"
_DAYS_KEPT: Final = 8

Columns = dict[str, Any]
"""`emitted`, `delivered`, `spooled`, `resent`, and by reason `dropped` and `spool_dropped`."""


def add(state_dir: Path, changes: Mapping[str, Columns]) -> bool:
    """Add *changes*, columns by signal, to today's counters; return whether it succeeded."""
    try:
        folder = prepare_folder(state_dir, ROOT)
        lock = open_private(folder / _LOCK, os.O_RDWR | os.O_CREAT)
        with locked(lock, folder / _LOCK) as acquired:
            if not acquired:
                return False
            _add(folder / _FILE, changes)
    except (OSError, OtelDistroError, ValueError):
        return False
    return True


def _add(path: Path, changes: Mapping[str, Columns]) -> None:
    days = _read(path)
    today = days.setdefault(datetime.now(UTC).date().isoformat(), {})
    for signal, columns in changes.items():
        _merge(today.setdefault(signal, {}), columns)
    for day in sorted(days)[:-_DAYS_KEPT]:
        del days[day]
    with replacing(path) as file:
        file.write(json.dumps({"days": days}).encode())


def _merge(into: Columns, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        if isinstance(value, dict):
            _merge(into.setdefault(name, {}), value)
        elif value:
            into[name] = into.get(name, 0) + value


def _read(path: Path) -> dict[str, dict[str, Columns]]:
    try:
        days = json.loads(path.read_text(encoding="utf-8"))["days"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return days if isinstance(days, dict) else {}


def today(state_dir: Path) -> dict[str, Columns]:
    """Return today's counters (UTC), columns by signal; empty if there are none."""
    return _read(state_dir / ROOT / _FILE).get(datetime.now(UTC).date().isoformat(), {})


def changes_since(before: Mapping[str, Tally], tallies: Mapping[str, Tally]) -> dict[str, Columns]:
    """Return the changes from *before* to *tallies*, columns by signal."""
    found: dict[str, Columns] = {}
    for signal, now in tallies.items():
        then = before.get(signal, Tally())
        columns: Columns = {
            "emitted": now.emitted - then.emitted,
            "delivered": now.delivered - then.delivered,
            "spooled": now.spooled - then.spooled,
            "dropped": {
                reason: count - then.dropped.get(reason, 0)
                for reason, count in now.dropped.items()
                if count != then.dropped.get(reason, 0)
            },
        }
        if any(columns.values()):
            found[signal] = columns
    return found
