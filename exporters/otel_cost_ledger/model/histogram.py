"""Latency as an exponential histogram, and percentiles read from it.

The buckets are those of the OpenTelemetry exponential histogram at scale 4: each is 2^(1/16), or
4.4 %, wider than the one below, so a value read from the middle of a bucket is at most 2.2 % off.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUCKETS_PER_DOUBLING: Final = 16
MAX_LATENCY_US: Final = 2**40
"""Twelve days. A longer latency is a clock error and is stored as this value."""


def _latency_buckets() -> list[tuple[int, int]]:
    # In whole microseconds the lowest buckets share bounds. The last of such a group has this
    # integer as its exponential bound, so that one is kept.
    bucket_at = {0: -1}
    for bucket in range(40 * BUCKETS_PER_DOUBLING + 1):
        bucket_at[math.ceil(2 ** (bucket / BUCKETS_PER_DOUBLING))] = bucket
    return sorted(bucket_at.items())


LATENCY_BUCKETS: Final[Sequence[tuple[int, int]]] = _latency_buckets()
"""(lowest latency in microseconds, bucket index), ascending; the content of `latency_buckets`."""

_LOWER_BOUNDS: Final = [lower for lower, _ in LATENCY_BUCKETS]
_POSITION: Final = {bucket: place for place, (_, bucket) in enumerate(LATENCY_BUCKETS)}


def bucket_of(latency_us: int) -> int:
    """Return the bucket index of *latency_us*."""
    return LATENCY_BUCKETS[bisect_right(_LOWER_BOUNDS, latency_us) - 1][1]


def middle_us(bucket: int) -> float:
    """Return the latency in microseconds that represents *bucket*: its geometric middle."""
    place = _POSITION[bucket]
    lowest = _LOWER_BOUNDS[place]
    if place + 1 == len(_LOWER_BOUNDS):
        return float(lowest)
    # Latencies are whole microseconds, so the highest one of a bucket is known.
    return math.sqrt(lowest * (_LOWER_BOUNDS[place + 1] - 1))


def percentile(counts: Mapping[int, int], percent: int) -> int | None:
    """Return the nearest-rank percentile of (value, count) pairs.

    It is always one of the values; None without values.
    """
    total = sum(counts.values())
    if total <= 0:
        return None
    rank = max(1, -(-total * percent // 100))
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= rank:
            return value
    raise AssertionError("the ranks end at the total")
