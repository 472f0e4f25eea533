"""The URL is the view: windows, breakdowns and filters round-trip."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_cost_ledger.model.filters import to_ns
from otel_cost_ledger.query.timeline import Extent
from otel_distro.ui.view import BY, FILTERS, WINDOWS
from otel_distro.ui.view_query import fitting_window, read_view

NOW = datetime(2026, 3, 18, 15, 30, 12, tzinfo=UTC)


def extent(first: datetime | None, last: datetime | None = None) -> Extent:
    if first is None:
        return Extent(0, None, None, None, "")
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    return Extent(5, to_ns(first), to_ns(last or NOW), to_ns(midnight), "m")


FULL = extent(NOW - timedelta(days=400))


@pytest.mark.parametrize(
    ("window", "since", "unit", "steps"),
    [
        ("1h", datetime(2026, 3, 18, 14, 31, tzinfo=UTC), "minute", 60),
        ("24h", datetime(2026, 3, 17, 16, tzinfo=UTC), "hour", 24),
        ("7d", datetime(2026, 3, 12, tzinfo=UTC), "day", 7),
        ("30d", datetime(2026, 2, 17, tzinfo=UTC), "day", 30),
        ("90d", datetime(2025, 12, 19, tzinfo=UTC), "day", 90),
        ("all", datetime(2025, 2, 11, tzinfo=UTC), "week", 58),
    ],
)
def test_windows_begin_on_a_step_and_have_their_length(
    window: str, since: datetime, unit: str, steps: int
) -> None:
    """So that every bar but the last is complete, and days come from the daily sums."""
    view = read_view({"window": window}, NOW, FULL)

    assert (view.since, view.until, view.unit, len(view.steps)) == (since, None, unit, steps)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, "24h"),
        (NOW - timedelta(hours=2), NOW, "24h"),
        (NOW - timedelta(days=3), NOW, "7d"),
        (NOW - timedelta(days=90), NOW, "30d"),
        (NOW - timedelta(days=200), NOW - timedelta(days=90), "all"),
    ],
)
def test_the_default_window_fits_the_calls(
    first: datetime | None, last: datetime | None, expected: str
) -> None:
    """A first run fills the chart, and old calls are shown."""
    assert fitting_window(NOW, extent(first, last)) == expected


def test_a_window_of_own_dates_is_whole_days_both_ends_included() -> None:
    """From the first to the last."""
    view = read_view({"since": "2026-01-30", "until": "2026-02-02"}, NOW, FULL)

    assert view.since == datetime(2026, 1, 30, tzinfo=UTC)
    assert view.until == datetime(2026, 2, 3, tzinfo=UTC)
    assert [step.label for step in view.steps] == ["30 Jan", "31 Jan", "1 Feb", "2 Feb"]
    assert view.url() == "/?since=2026-01-30&until=2026-02-02"


def test_a_single_day_is_shown_by_the_hour() -> None:
    """24 bars, not one."""
    view = read_view({"since": "2026-01-30"}, NOW, FULL)

    assert (view.unit, len(view.steps)) == ("hour", 24)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"window": "1y"}, "Unknown window '1y'"),
        ({"by": "colour"}, "cannot be broken down by 'colour'"),
        ({"since": "yesterday"}, "dates such as 2026-01-31"),
        ({"since": "2026-02-02", "until": "2026-01-01"}, "the earlier one first"),
        ({"since": "9999-12-31"}, "dates such as 2026-01-31"),
        ({"session": "ada"}, "pseudonym of twelve hexadecimal digits"),
    ],
)
def test_invalid_parameters_are_reported_and_ignored(query: dict[str, str], message: str) -> None:
    """The page is still shown."""
    view = read_view(query, NOW, FULL)

    (problem,) = view.problems
    assert message in problem
    assert view.window_name == "30d"
    assert view.active_filters() == {}


def test_the_window_before_has_as_much_of_it_as_has_passed() -> None:
    """A half day is compared with a half day."""
    before = read_view({"window": "7d"}, NOW, FULL).before()

    assert before is not None
    assert before.since == datetime(2026, 3, 5, tzinfo=UTC)
    assert before.until == datetime(2026, 3, 11, 15, 30, 12, tzinfo=UTC)
    assert read_view({"window": "all"}, NOW, FULL).before() is None


names = st.text(max_size=30).map(str.strip).filter(bool)
pseudonyms = st.text("0123456789abcdef", min_size=12, max_size=12)
queries = st.fixed_dictionaries(
    {},
    optional={
        "window": st.sampled_from(list(WINDOWS)),
        "by": st.sampled_from(BY),
        "live": st.sampled_from(["0", "1"]),
        "failed": st.sampled_from(["1", "0"]),
        **{n: pseudonyms if n in {"user", "session"} else names for n in FILTERS},
    },
)


@given(queries)
def test_a_url_made_of_a_view_makes_that_view(query: dict[str, str]) -> None:
    """With any names."""
    view = read_view(query, NOW, FULL)
    reread = read_view(dict(parse_qsl(urlsplit(view.url()).query)), NOW, FULL)

    assert reread.parameters() == view.parameters()
    assert (reread.window, reread.by, reread.filters) == (view.window, view.by, view.filters)


@given(st.dictionaries(st.sampled_from([*FILTERS, "window", "by", "since", "until"]), st.text()))
def test_no_url_breaks_it(query: dict[str, str]) -> None:
    """And there is always at least one step to draw."""
    view = read_view(query, NOW, FULL)

    assert view.steps
    assert len(view.steps) < 500


@given(st.sampled_from(list(WINDOWS)), st.integers(0, 10**9))
def test_every_moment_of_the_window_has_its_step(window: str, back_s: int) -> None:
    """The last one that begins before it."""
    view = read_view({"window": window}, NOW, FULL)
    at = to_ns(NOW) - back_s * 10**9
    place = view.place(at)

    if at >= view.steps[0].start_ns:
        assert view.steps[place].start_ns <= at
        assert place + 1 == len(view.steps) or at < view.steps[place + 1].start_ns
