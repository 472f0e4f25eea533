"""Percentiles by nearest rank: one of the values, without interpolation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_distro.base.percentiles import percentile


def test_the_percentile_is_the_nearest_rank() -> None:
    """Rank 95 of 100, 19 of 20; the only one of one; none of none."""
    assert percentile(range(100, 0, -1), 95) == 95
    assert percentile(range(1, 21), 95) == 19
    assert percentile([7.5], 95) == 7.5
    assert percentile([], 95) is None


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_so_many_percent_are_at_most_the_percentile(values: list[int], percent: int) -> None:
    """And no smaller value satisfies that."""
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)
