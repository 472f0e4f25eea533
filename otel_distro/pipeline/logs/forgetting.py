"""Removes a user from log files: every line that carries the pseudonym is deleted."""

from __future__ import annotations

import gzip
import io
import os
from typing import TYPE_CHECKING

from otel_distro.pipeline.logs.rotation import locked
from otel_host.private_files import replacing

if TYPE_CHECKING:
    from pathlib import Path


def forget_in_files(path: Path, shown: str) -> int:
    """Delete the lines of the pseudonym *shown* from the log at *path* and its older parts.

    Returns the number of lines deleted; raises OSError.
    """
    if not path.parent.is_dir():
        return 0
    with locked(path):
        deleted = _rewrite(path, shown) if path.exists() else 0
        for part in sorted(path.parent.glob(f"{path.name}.*.gz")):
            deleted += _rewrite(part, shown)
    return deleted


def _rewrite(path: Path, shown: str) -> int:
    packed = path.suffix == ".gz"
    data = path.read_bytes()
    lines = io.BytesIO(gzip.decompress(data) if packed else data).readlines()
    kept = [line for line in lines if shown.encode() not in line]
    if len(kept) < len(lines):
        file_stat = path.stat()
        left = b"".join(kept)
        with replacing(path) as new:
            new.write(gzip.compress(left) if packed else left)
            new.flush()
            os.utime(
                new.fileno(), ns=(file_stat.st_atime_ns, file_stat.st_mtime_ns)
            )  # rotation reads it
    return len(lines) - len(kept)
