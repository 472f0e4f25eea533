"""Quarantine of a damaged ledger, so that a new one can replace it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.sqlite.paths import identity

if TYPE_CHECKING:
    from pathlib import Path

_FILES: Final = ("-wal", "-shm", "")


def set_aside(path: Path, damaged: tuple[int, int] | None) -> Path | None:
    """Rename the *damaged* ledger at *path* and its side files; return its new name.

    Does nothing and returns None if another process was faster and the file at *path* is no longer
    the damaged one. The caller holds the writer lock.
    """
    if damaged is None or identity(path) != damaged:
        return None
    target = _free_name(path)
    # The main file moves last: then no file at `path` also means no stale WAL.
    for side in _FILES:
        source = path.with_name(path.name + side)
        if source.exists():
            source.rename(target.with_name(target.name + side))
    return target


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for attempt in range(1000):
        suffix = f"-{attempt}" if attempt else ""
        target = path.with_name(f"{path.name}.damaged-{stamp}{suffix}")
        if not target.exists():
            return target
    raise FileExistsError(f"no free name beside {path} for the damaged ledger")
