"""Taking a user out of log files: every line that carries the pseudonym goes."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING, Any

from otel_distro.logs.rotation import locked

if TYPE_CHECKING:
    from pathlib import Path


def forget_in_files(path: Path, shown: str) -> int:
    """Delete the lines of the user known as *shown* from the log at *path* and its older parts.

    Returns how many lines that were; raises OSError.
    """
    if not path.parent.is_dir():
        return 0
    with locked(path):
        deleted = _rewrite(path, shown, _plain) if path.exists() else 0
        for part in sorted(path.parent.glob(f"{path.name}.*.gz")):
            deleted += _rewrite(part, shown, _packed)
    return deleted


def _rewrite(path: Path, shown: str, opened: Any) -> int:
    mark = shown.encode()
    with opened(path, "rb") as file:
        lines = file.readlines()
    kept = [line for line in lines if mark not in line]
    if len(kept) < len(lines):
        aside = path.with_name(f".{path.name}.forgetting")
        with opened(aside, "wb") as new:
            new.writelines(kept)
        aside.chmod(0o600)
        os.utime(aside, (path.stat().st_atime, path.stat().st_mtime))
        aside.replace(path)
    return len(lines) - len(kept)


def _plain(path: Path, mode: str) -> Any:
    return path.open(mode)


def _packed(path: Path, mode: str) -> Any:
    return gzip.open(path, mode)
