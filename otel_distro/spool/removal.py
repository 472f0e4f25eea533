"""Removing what waits on disk: its user no longer wants it to leave."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from otel_distro.spool.address import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_LOCKS: Final = ".lock"


def remove_waiting(state_dir: Path) -> int:
    """Delete every file of telemetry below *state_dir*; return how many that were.

    A process that has one of them open goes on writing to it, and nobody will ever read that.
    """
    removed = 0
    for path in (state_dir / ROOT).rglob("*"):
        if path.is_symlink() or not path.is_file() or path.suffix == _LOCKS:
            continue
        with suppress(OSError):
            path.unlink()
            removed += 1
    return removed
