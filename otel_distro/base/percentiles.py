"""Percentiles of values in memory; the ledger uses its histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def percentile(values: Iterable[float], percent: int) -> float | None:
    """Return the nearest-rank percentile of *values*; None without values."""
    ordered = sorted(values)
    # Rounded up without floats: 95 % of 20 is the nineteenth, not the twentieth.
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None
