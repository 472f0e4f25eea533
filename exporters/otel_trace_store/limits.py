"""How long and how much a trace store keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GIGABYTE: Final = 2**30
DEFAULT_DAYS: Final = 7
DEFAULT_BYTES: Final = 4 * GIGABYTE
_LARGEST_SEGMENT: Final = GIGABYTE // 2


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Retention of a store; whichever limit is met first removes the oldest."""

    days: float = DEFAULT_DAYS
    max_bytes: int = DEFAULT_BYTES

    @property
    def segment_bytes(self) -> int:
        """Size at which a new file is begun, so that little is removed at a time."""
        return min(_LARGEST_SEGMENT, self.max_bytes // 8)


DEFAULT_LIMITS: Final = StoreLimits()

METRIC_LIMITS: Final = StoreLimits(max_bytes=GIGABYTE // 4)
"""What programs keep of their own metrics, without `otel-distro serve`."""

METRICS_FOLDER: Final = "metrics"
"""Name of the folder of those metrics in the state folder."""
FOLDER: Final = "traces"
"""Name of a store's folder in the state folder."""
