"""The overview's window, breakdown and filters, all in the URL."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from otel_cost_ledger.model.filters import Filters, Window
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_distro.ui.steps import steps_between

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_distro.ui.steps import Step

HOUR_NS: Final = 3_600_000_000_000
MINUTE_NS: Final = 60_000_000_000

WINDOWS: Final = {
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "all": "All time",
}
BY: Final = ("model", "provider", "service", "tenant", "operation", "agent", "user", "session")
"""Dimensions of the spend breakdown."""

FILTERS: Final = (
    "model",
    "service",
    "tenant",
    "provider",
    "operation",
    "agent",
    "feature_flag",
    "status",
    "error_type",
    "user",
    "session",
)
"""The filters in the URL; `failed` is another, a flag."""

FIRST_FILTERS: Final = FILTERS[:3]
"""Filters that are always visible."""

DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}
_MOST_DAY_STEPS: Final = 93
_MOST_WEEK_STEPS: Final = 110


@dataclass(frozen=True)
class View:
    """A window, a breakdown and filters; parsed from a URL, and able to build URLs."""

    window_name: str
    since: datetime
    until: datetime | None
    """None for a window that ends now."""
    now: datetime
    by: str = "model"
    filters: Filters = field(default_factory=Filters)
    live: bool = True
    chosen: bool = False
    """Whether the window was requested, rather than chosen to fit the data."""
    problems: tuple[str, ...] = ()
    """Invalid parameters of the URL, and their replacements."""

    @property
    def window(self) -> Window:
        """The window as the ledger takes it."""
        return Window.between(self.since, self.until)

    @cached_property
    def step_ns(self) -> int:
        """Length of the steps of ledger queries."""
        if self.window_name == "1h":
            return MINUTE_NS
        short = self.window_name == "custom" and self._end - self.since <= timedelta(days=2)
        return HOUR_NS if self.window_name == "24h" or short else NS_PER_DAY

    @cached_property
    def unit(self) -> str:
        """Unit of one bar: minute, hour, day, week or month."""
        if self.step_ns < NS_PER_DAY:
            return "minute" if self.step_ns == MINUTE_NS else "hour"
        days = (self._end - self.since).days + 1
        if days <= _MOST_DAY_STEPS:
            return "day"
        return "week" if days / 7 <= _MOST_WEEK_STEPS else "month"

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The bars of this window in order, empty ones included."""
        return steps_between(self.since, self._end, self.unit)

    @cached_property
    def _starts(self) -> list[int]:
        return [step.start_ns for step in self.steps]

    def place(self, at_ns: int) -> int:
        """Return the index of the step that contains *at_ns*."""
        return min(max(0, bisect_right(self._starts, at_ns) - 1), len(self._starts) - 1)

    @property
    def _end(self) -> datetime:
        return self.until or self.now

    @property
    def title(self) -> str:
        """The window as text."""
        return WINDOWS.get(self.window_name, "") or f"{self.since:%Y-%m-%d} to {self._last_day()}"

    def _last_day(self) -> str:
        last = self._end if self.until is None else self.until - timedelta(microseconds=1)
        return f"{last:%Y-%m-%d}"

    def before(self) -> View | None:
        """Return the preceding window of the same length; None for all time."""
        if self.window_name == "all":
            return None
        # As much of it as has elapsed of this one, so that half a day is not "half the spend".
        passed = self._end - self.since
        length = self._length()
        return replace(
            self,
            window_name="custom" if self.step_ns == NS_PER_DAY else self.window_name,
            since=self.since - length,
            until=self.since - length + passed,
        )

    def _length(self) -> timedelta:
        if self.window_name in DAYS:
            return timedelta(days=DAYS[self.window_name])
        if self.window_name == "24h":
            return timedelta(hours=24)
        return timedelta(hours=1) if self.window_name == "1h" else self._end - self.since

    def active_filters(self) -> dict[str, str]:
        """Return the active filters, by their name in the URL."""
        filters = {
            name: str(getattr(self.filters, name))
            for name in FILTERS
            if getattr(self.filters, name) is not None
        }
        if self.filters.failed:
            filters["failed"] = "1"
        return filters

    def parameters(self) -> dict[str, str]:
        """Return this view as URL parameters, without those at their defaults."""
        query: dict[str, str] = {}
        if self.window_name == "custom":
            query |= {"since": f"{self.since:%Y-%m-%d}", "until": self._last_day()}
        elif self.chosen:
            query["window"] = self.window_name
        if self.by != BY[0]:
            query["by"] = self.by
        query |= self.active_filters()
        if not self.live:
            query["live"] = "0"
        return query

    def url(self, path: str = "/", **changes: str | None) -> str:
        """Return *path* with this view's parameters and *changes*; None removes one."""
        merged = {**self.parameters(), **changes}
        query = urlencode({name: value for name, value in merged.items() if value})
        return f"{path}?{query}" if query else path


def described_filters(view: View, path: str) -> Iterable[tuple[str, str, str]]:
    """Yield each active filter as (name, value, URL without it)."""
    for name, value in view.active_filters().items():
        yield name, value, view.url(path, **{name: None})
