"""Baseline of cost and duration of tests: worse means beyond chance."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from otel_distro.api.cost_baseline import Baseline, Measured, most_usual, slower
from otel_distro.base.errors import OtelDistroError

if TYPE_CHECKING:
    from pathlib import Path

STEADY = (24_000_000,) * 5
VARYING = (20_000_000, 30_000_000, 24_000_000, 26_000_000, 22_000_000)


@pytest.mark.parametrize(
    ("before", "now", "worse"),
    [
        (STEADY, 24_000_000, False),
        (STEADY, 26_000_000, False),
        (STEADY, 27_000_000, True),
        (STEADY, 12_000_000, False),
        (VARYING, 33_000_000, False),
        (VARYING, 50_000_000, True),
        ((24_000_000,), 26_000_000, False),
        ((24_000_000,), 27_000_000, True),
    ],
    ids=[
        "as ever",
        "a little dearer",
        "dearer than a tenth",
        "cheaper",
        "as it varies",
        "more than it varies",
        "one run is all there is",
        "and is no reason to let everything pass",
    ],
)
def test_a_run_that_costs_more(before: tuple[int, ...], now: int, worse: bool) -> None:
    """Beyond the prediction interval of one more run."""
    baseline = Baseline({"t": Measured(before)})

    assert bool(baseline.worse("t", Measured((now,)))) is worse


def latencies(ms: float, calls: int, seed: int) -> tuple[float, ...]:
    chance = random.Random(seed)
    return tuple(ms * chance.lognormvariate(0, 0.2) for _ in range(calls))


def test_calls_that_take_longer() -> None:
    """50 % longer shows in twenty calls; equal is not worse; three calls may vary."""
    before = latencies(800, 40, 1)
    baseline = Baseline({"t": Measured((), before)})

    (said,) = baseline.worse("t", Measured((), latencies(1200, 20, 2)))
    assert said.startswith("model calls took 1.")
    assert baseline.worse("t", Measured((), latencies(800, 20, 3))) == []
    assert baseline.worse("t", Measured((), latencies(880, 3, 4))) == []


def test_the_interval_covers_the_true_ratio_at_its_confidence_level() -> None:
    """Of 400 comparisons of calls twice as slow, about 95 %."""
    hits = 0
    for seed in range(400):
        interval = slower(latencies(500, 12, seed), latencies(1000, 8, 1000 + seed))
        assert interval is not None
        hits += interval[0] <= 2 <= interval[1]

    assert 0.92 <= hits / 400 <= 0.98


def test_few_calls_are_not_compared() -> None:
    """Two are too few."""
    assert slower((1.0, 2.0), latencies(1, 9, 1)) is None


def test_the_prediction_interval_of_one_more_run() -> None:
    """mean 24.4, spread 3.85 x 2.78 x sqrt(1.2) = 11.7 millions."""
    assert most_usual(VARYING) == pytest.approx(24_400_000 + 11_700_000, rel=0.01)


def test_a_baseline_is_written_one_line_a_test_and_read_again(tmp_path: Path) -> None:
    """So that a review sees what changed."""
    path = tmp_path / "baseline.json"
    baseline = Baseline()
    for _ in range(30):
        baseline.add({"b": Measured((1,), (2.0, 3.0)), "a": Measured((5,))})
    baseline.write(path)

    again = Baseline.read(path)

    assert again.tests == baseline.tests
    assert len(again.tests["b"].cost_nano_usd) == 20
    assert [line.strip()[:3] for line in path.read_text().splitlines()[3:5]] == ['"a"', '"b"']


def test_an_unknown_test_is_not_worse(tmp_path: Path) -> None:
    """A new test, a new file."""
    assert Baseline.read(tmp_path / "none.json").worse("t", Measured((1,), (1.0,))) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2, "tests": {}}'])
def test_a_file_that_is_not_a_baseline_is_reported(tmp_path: Path, text: str) -> None:
    """And how to make one."""
    (tmp_path / "b.json").write_text(text)

    with pytest.raises(OtelDistroError, match="--cost-baseline-update"):
        Baseline.read(tmp_path / "b.json")
