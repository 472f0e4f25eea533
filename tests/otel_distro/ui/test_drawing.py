"""Formatted numbers, round axes, and marks in proportion to their values."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.base import formatting as figures
from otel_distro.ui.charts import Series, bars, lines
from otel_distro.ui.markup import element
from otel_distro.ui.scale import scale, spread
from otel_distro.ui.steps import Step


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"), (7, "7"), (950, "950"), (999.4, "999"), (1234, "1.23k"), (999_600, "1M"),
        (12_345_678, "12.3M"), (4_410_000_000, "4.41B"), (2.5, "2.5"),
    ],
)  # fmt: skip
def test_large_numbers_are_short(value: float, shown: str) -> None:
    """Three digits and a unit."""
    assert figures.compact(value) == shown


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0"), (None, "unknown"), (1, "$0.000000001"), (2_424_123, "$0.00242"),
        (12_345_678, "$0.0123"), (1_234_567_890, "$1.23"), (5_000_000_000_000, "$5,000.00"),
        (-2_424_123, "-$0.00242"),
    ],
)  # fmt: skip
def test_money_is_short_and_never_shown_as_zero(nano: int | None, shown: str) -> None:
    """A call of a thousandth of a cent is not free."""
    assert figures.usd_short(nano) == shown


@pytest.mark.parametrize(
    ("nano", "calls", "unpriced", "shown"),
    [
        (0, 0, 0, "$0"), (0, 3, 0, "$0"), (0, 3, 3, "unknown"), (0, 3, 1, "unknown"),
        (10**9, 3, 1, "> $1.00"), (10**9, 3, 0, "$1.00"),
    ],
)  # fmt: skip
def test_unknown_cost_is_never_zero(nano: int, calls: int, unpriced: int, shown: str) -> None:
    """A sum with an unknown part is a lower bound; one of unknown parts only is unknown."""
    assert figures.cost(nano, calls=calls, unpriced=unpriced) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(None, "-"), (0, "0 ms"), (0.025, "25 µs"), (4.25, "4.2 ms"), (850, "850 ms"),
     (1500, "1.50 s"), (59_940, "59.9 s"), (90_000, "1.5 min")],
)  # fmt: skip
def test_durations_are_in_the_unit_that_suits_them(ms: float | None, shown: str) -> None:
    """Milliseconds, seconds, minutes."""
    assert figures.duration(ms) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0, "0 %"), (0.0004, "< 0.1 %"), (0.016, "1.6 %"), (0.5, "50 %"), (0.9999, "> 99.9 %"),
     (1, "100 %")],
)  # fmt: skip
def test_a_small_share_is_never_shown_as_zero(share: float, shown: str) -> None:
    """And nearly all is never shown as all."""
    assert figures.percent(share) == shown


@given(st.floats(1e-9, 1e15))
def test_an_axis_holds_its_largest_value_and_has_few_round_steps(largest: float) -> None:
    """At most one step above it, so that charts use their height."""
    axis = scale(largest, height=100, above=0)

    assert axis.top >= largest * (1 - 1e-9)
    assert 2 <= len(axis.ticks) <= 6
    assert axis.top - largest <= axis.ticks[1] * (1 + 1e-6)
    mantissa = axis.ticks[1] / 10 ** math.floor(math.log10(axis.ticks[1]) + 1e-9)
    assert any(math.isclose(mantissa, nice) for nice in (1, 2, 2.5, 5, 10))


@given(st.integers(1, 10**6))
def test_an_axis_of_things_has_whole_steps(largest: int) -> None:
    """Failed calls are whole numbers."""
    axis = scale(largest, height=100, above=0, whole=True)

    assert all(tick == int(tick) for tick in axis.ticks)
    assert axis.top >= largest


@pytest.mark.parametrize("largest", [0, -1, math.nan, math.inf])
def test_an_axis_of_nothing_can_be_drawn(largest: float) -> None:
    """All values are on the baseline."""
    assert scale(largest, height=100, above=10).y(0) == 110


@given(st.integers(1, 500), st.integers(2, 12))
def test_labels_are_few_and_the_last_is_among_them(count: int, most: int) -> None:
    """Users look for the present."""
    chosen = spread(count, most)

    assert len(chosen) <= most
    assert count - 1 in chosen


STEPS = [Step(n, f"day {n}", f"day {n} 2026") for n in range(4)]
values = st.lists(st.integers(0, 10**12), min_size=4, max_size=4)


@given(values, values)
def test_bars_are_as_long_as_their_values(low: list[int], high: list[int]) -> None:
    """One pixel separates colours."""
    top = max(a + b for a, b in zip(low, high, strict=True))
    drawn = bars("t", STEPS, [Series("a", low, "s0"), Series("b", high, "s1")], str, str)
    found = re.findall(r'class="bar s\d".*?height="([\d.]+)" data-value="([\d.]+)"', str(drawn))

    assert sorted(float(value) for _, value in found) == sorted(v for v in low + high if v)
    if top:
        full = scale(top, height=178, above=14)
        for height, value in found:
            assert float(height) == pytest.approx(full.length(float(value)), abs=1.02)


def test_every_step_lists_its_values_the_largest_first() -> None:
    """As read by pointer and arrow keys."""
    drawn = bars(
        "t", STEPS[:1], [Series("a", [1], "s0"), Series("b", [3], "s1")], "${:.0f}".format, str
    )

    assert "<title>day 0 2026: $4\nb $3\na $1</title>" in drawn


def test_a_line_is_broken_where_nothing_is_known() -> None:
    """Unknown is not zero."""
    drawn = str(lines("t", STEPS, [Series("p50", [5, None, 7, 8], "p50")], str, str))

    (path,) = re.findall(r' d="([^"]*)"', drawn)
    assert path.count("M") == 2
    assert len(re.findall("<circle", drawn)) == 3


def test_markup_of_values_is_text() -> None:
    """In content and in attributes."""
    made = element("p", '<script>"&', title='"><script>', data_x=None)

    assert made == '<p title="&#34;&gt;&lt;script&gt;">&lt;script&gt;&#34;&amp;</p>'
