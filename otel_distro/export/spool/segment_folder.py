"""Segments of a folder: names, sizes, and which of them are in use."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from otel_distro.export.spool.records import (
    count_waiting,
    read_done,
)
from otel_distro.export.spool.segments import LARGEST_BYTES, SUFFIX, Segment
from otel_host.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def names(folder: Path) -> list[str]:
    """Return the names of all segments in *folder*, oldest first; none if it cannot be read."""
    try:
        return sorted(name for name in os.listdir(folder) if _is_segment(name))
    except OSError:
        return []


def sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield name and size of every file in *folder* that counts toward its limit."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.name.endswith(SUFFIX):
                    file_stat = entry.stat(follow_symlinks=False)
                    # For a sparse file, which we never write, its disk usage counts.
                    on_disk = getattr(file_stat, "st_blocks", file_stat.st_size // 512 + 1) * 512
                    size = file_stat.st_size
                    yield entry.name, min(size, on_disk) if size > LARGEST_BYTES else size


def waiting_in(path: Path) -> int:
    """Return the number of unsent spans in the segment at *path*, locked or not."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except OSError:
        return 0
    with os.fdopen(descriptor, "rb") as file:
        return count_waiting(file.read(LARGEST_BYTES))


def in_use(path: Path) -> bool:
    """Whether a running process has locked the segment at *path*."""
    segment = Segment.take(path)
    if segment is None:
        return True
    segment.release()
    return False


def sent_up_to(data: bytes) -> int | None:
    """Return the position up to which this segment was sent; None if it is no segment."""
    return read_done(data)


def _is_segment(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".")
