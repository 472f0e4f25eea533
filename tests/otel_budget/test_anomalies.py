"""Anomalies: an hour compared with the same hour of earlier days."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.reports.alerts.anomaly import HOUR_NS, Hour, anomalies, usual

NOW_NS = 1_763_812_800_000_000_000  # noon
LAST_NS = NOW_NS - HOUR_NS
DAY_NS = 24 * HOUR_NS


def hour(cost_usd: float = 1.0, *, calls: int = 100, failed: int = 1, ms: float = 800) -> Hour:
    return Hour(calls, failed, int(cost_usd * 1e9), int(ms * 1000 * calls))


def days(like: Hour, count: int = 14) -> dict[int, Hour]:
    """The hour before noon of each earlier day."""
    return {LAST_NS - day * DAY_NS: like for day in range(1, count + 1)}


def found(hours: dict[int, Hour]) -> list[str]:
    return [anomaly.figure for anomaly in anomalies(hours, NOW_NS + 60)]


@pytest.mark.parametrize(
    ("last", "figures"),
    [
        (hour(), []),
        (hour(1.4), []),
        (hour(1.6), ["cost"]),
        (hour(ms=2000), ["latency"]),
        (hour(failed=30), ["error_rate"]),
        (hour(9, ms=9000, failed=90), ["cost", "latency", "error_rate"]),
        (hour(0.1), []),
        (hour(9, calls=19, failed=0), []),
    ],
    ids=[
        "as ever",
        "a little more",
        "much more",
        "slow",
        "errors",
        "all of it",
        "less is no harm",
        "too few calls say nothing",
    ],
)
def test_an_hour_unlike_the_days_before(last: Hour, figures: list[str]) -> None:
    """At least half as much again as usual."""
    assert found({**days(hour()), LAST_NS: last}) == figures


def test_the_season_counts() -> None:
    """Ten dollars are usual at this hour, though one is at all others."""
    busy = {**days(hour(10)), LAST_NS: hour(10.5)}
    quiet = {ns - 3 * HOUR_NS: hour(1) for ns in days(hour())}

    assert found({**quiet, **busy}) == []


def test_figures_that_vary_leave_room() -> None:
    """One to five dollars a day: seven raise no alert."""
    varying = {ns: hour(1 + number % 5) for number, ns in enumerate(days(hour()))}

    assert found({**varying, LAST_NS: hour(7)}) == []
    assert found({**varying, LAST_NS: hour(40)}) == ["cost"]


def test_in_the_first_days_all_hours_are_the_measure() -> None:
    """Two days are too few for a season, and enough for an average."""
    two_days = {LAST_NS - number * HOUR_NS: hour() for number in range(1, 49)}

    assert found({**two_days, LAST_NS: hour(5)}) == ["cost"]


@pytest.mark.parametrize(
    "hours", [{}, {LAST_NS: hour(100)}, {**days(hour(), 4), LAST_NS: hour(100)}]
)
def test_without_history_nothing_is_an_anomaly(hours: dict[int, Hour]) -> None:
    """No data is no alert."""
    assert found(hours) == []


def test_the_latest_days_weigh_more() -> None:
    """A level that has been there for a week is usual."""
    old = {LAST_NS - day * DAY_NS: hour(1) for day in range(8, 22)}
    new = {LAST_NS - day * DAY_NS: hour(5) for day in range(1, 8)}

    assert found({**old, **new, LAST_NS: hour(5.2)}) == []


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_the_usual_value_is_between_minimum_and_maximum(values: list[float]) -> None:
    """For any values."""
    found = usual(values)

    assert min(values) - 1e-6 <= found.mean <= max(values) + 1e-6
    assert found.deviation <= max(values) - min(values) + 1e-6
