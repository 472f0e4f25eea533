"""Retention limits and folder names of trace stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GIGABYTE: Final = 2**30
DEFAULT_DAYS: Final = 7
DEFAULT_BYTES: Final = 4 * GIGABYTE
_LARGEST_SEGMENT: Final = GIGABYTE // 2


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Retention of a store; the first limit reached removes the oldest segment."""

    days: float = DEFAULT_DAYS
    max_bytes: int = DEFAULT_BYTES

    @property
    def segment_bytes(self) -> int:
        """Size at which a new file is started, so that retention removes little at a time."""
        return min(_LARGEST_SEGMENT, self.max_bytes // 8)


DEFAULT_LIMITS: Final = StoreLimits()

METRIC_LIMITS: Final = StoreLimits(max_bytes=GIGABYTE // 4)
"""Retention of metrics that programs write themselves, without `otel-distro serve`."""

METRICS_FOLDER: Final = "metrics"
"""Name of the folder of those metrics in the state folder."""
FOLDER: Final = "traces"
"""Name of a store's folder in the state folder."""
