"""Histogram of durations: eight buckets per power of two, so percentiles are accurate to 4.4 %."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SCALE: Final = 8


def bucket_of(duration_us: int) -> int:
    """Return the bucket of a duration in microseconds."""
    return int(math.log2(duration_us) * SCALE) if duration_us > 0 else 0


def middle_us(bucket: int) -> float:
    """Return the middle of *bucket* in microseconds."""
    return float(2.0 ** ((bucket + 0.5) / SCALE))


def percentile_us(counts: Mapping[int, int], share: float) -> float | None:
    """Return the duration below which *share* of the counted ones lie; None without any."""
    total = sum(counts.values())
    if not total:
        return None
    rank = max(1, math.ceil(total * share))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return middle_us(bucket)
    return None
