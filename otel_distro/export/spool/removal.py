"""Removal of spooled telemetry after consent is withdrawn."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from otel_distro.export.spool.address import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_LOCKS: Final = ".lock"


def waiting_files(state_dir: Path) -> list[Path]:
    """Return the spool files below *state_dir*."""
    return [
        path
        for path in (state_dir / ROOT).rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != _LOCKS
    ]


def remove_waiting(state_dir: Path) -> int:
    """Delete every spool file below *state_dir*; return their number.

    A process with an open file keeps writing to it; those records are never read.
    """
    removed = 0
    for path in waiting_files(state_dir):
        with suppress(OSError):
            path.unlink()
            removed += 1
    return removed
