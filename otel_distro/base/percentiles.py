"""Percentiles of values in memory; those of the ledger come from its histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def percentile(values: Iterable[float], percent: int) -> float | None:
    """Return the nearest-rank percentile of *values*, which is one of them; None of nothing."""
    ordered = sorted(values)
    # Rounded up without a float: 95 % of 20 is the nineteenth, not the twentieth.
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None
