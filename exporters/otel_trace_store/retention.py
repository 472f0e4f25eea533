"""Retention: whole segments are removed, the oldest first."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from otel_trace_store.segments import made_at, remove, segment_files, size_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from otel_trace_store.limits import StoreLimits


def remove_old(folder: Path, limits: StoreLimits, now: datetime) -> list[Path]:
    """Remove segments beyond the age or size limit; return them. The newest always stays."""
    files = segment_files(folder)
    sizes = {path: size_of(path) for path in files}
    total = sum(sizes.values())
    removed: list[Path] = []
    for path, following in pairwise(files):
        ended = made_at(following)
        too_old = ended is not None and now - ended >= timedelta(days=limits.days)
        if not too_old and total <= limits.max_bytes - limits.segment_bytes:
            break
        with suppress(OSError):
            remove(path)
            total -= sizes[path]
            removed.append(path)
    return removed
