"""What somebody looks at: a window of time, a breakdown and filters, all of it in the URL."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from otel_cost_ledger.model.filters import EPOCH, LATEST, Filters, Window
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_distro.ui.steps import floor, steps_between

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_cost_ledger.query.timeline import Extent
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
"""What spend can be broken down by."""

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
"""The filters in the URL; `failed` is one more, a switch."""

FIRST_FILTERS: Final = FILTERS[:3]
"""Those that are always in sight."""

_DAYS: Final = {"7d": 7, "30d": 30, "90d": 90}
_MOST_DAY_STEPS: Final = 93
_MOST_WEEK_STEPS: Final = 110
_LONGEST_VALUE: Final = 200


@dataclass(frozen=True)
class View:
    """A window, a breakdown and filters; made from a URL, and able to make URLs."""

    window_name: str
    since: datetime
    until: datetime | None
    """None while the window is open towards now."""
    now: datetime
    by: str = "model"
    filters: Filters = field(default_factory=Filters)
    live: bool = True
    chosen: bool = False
    """Whether the window was asked for, rather than picked to fit what there is."""
    problems: tuple[str, ...] = ()
    """What could not be understood in the URL, and what was done instead."""

    @property
    def window(self) -> Window:
        """The window as the ledger takes it."""
        return Window.between(self.since, self.until)

    @cached_property
    def step_ns(self) -> int:
        """How long the steps are that the ledger is asked for."""
        if self.window_name == "1h":
            return MINUTE_NS
        short = self.window_name == "custom" and self._end - self.since <= timedelta(days=2)
        return HOUR_NS if self.window_name == "24h" or short else NS_PER_DAY

    @cached_property
    def unit(self) -> str:
        """What one bar is: minute, hour, day, week or month."""
        if self.step_ns < NS_PER_DAY:
            return "minute" if self.step_ns == MINUTE_NS else "hour"
        days = (self._end - self.since).days + 1
        if days <= _MOST_DAY_STEPS:
            return "day"
        return "week" if days / 7 <= _MOST_WEEK_STEPS else "month"

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The bars of this window, the first one first, empty ones too."""
        return steps_between(self.since, self._end, self.unit)

    @cached_property
    def _starts(self) -> list[int]:
        return [step.start_ns for step in self.steps]

    def place(self, at_ns: int) -> int:
        """Return the number of the step that *at_ns* falls in."""
        return min(max(0, bisect_right(self._starts, at_ns) - 1), len(self._starts) - 1)

    @property
    def _end(self) -> datetime:
        return self.until or self.now

    @property
    def title(self) -> str:
        """The window in words."""
        return WINDOWS.get(self.window_name, "") or f"{self.since:%Y-%m-%d} to {self._last_day()}"

    def _last_day(self) -> str:
        last = self._end if self.until is None else self.until - timedelta(microseconds=1)
        return f"{last:%Y-%m-%d}"

    def before(self) -> View | None:
        """Return the window of the same length just before; None for all time."""
        if self.window_name == "all":
            return None
        # As much of it as has passed of this one, so that a day half gone is not "half the spend".
        passed = self._end - self.since
        length = self._length()
        return replace(
            self,
            window_name="custom" if self.step_ns == NS_PER_DAY else self.window_name,
            since=self.since - length,
            until=self.since - length + passed,
        )

    def _length(self) -> timedelta:
        if self.window_name in _DAYS:
            return timedelta(days=_DAYS[self.window_name])
        if self.window_name == "24h":
            return timedelta(hours=24)
        return timedelta(hours=1) if self.window_name == "1h" else self._end - self.since

    def active_filters(self) -> dict[str, str]:
        """Return the filters that are set, by their name in the URL."""
        found = {
            name: str(getattr(self.filters, name))
            for name in FILTERS
            if getattr(self.filters, name) is not None
        }
        if self.filters.failed:
            found["failed"] = "1"
        return found

    def parameters(self) -> dict[str, str]:
        """Return this view as URL parameters; what is as it comes by itself is left out."""
        found: dict[str, str] = {}
        if self.window_name == "custom":
            found |= {"since": f"{self.since:%Y-%m-%d}", "until": self._last_day()}
        elif self.chosen:
            found["window"] = self.window_name
        if self.by != BY[0]:
            found["by"] = self.by
        found |= self.active_filters()
        if not self.live:
            found["live"] = "0"
        return found

    def url(self, path: str = "/", **changes: str | None) -> str:
        """Return *path* with this view's parameters and *changes*; None removes one."""
        merged = {**self.parameters(), **changes}
        query = urlencode({name: value for name, value in merged.items() if value})
        return f"{path}?{query}" if query else path


def read_view(query: Mapping[str, str], now: datetime, extent: Extent) -> View:
    """Return the view that a URL's *query* asks for; never raises.

    What cannot be understood is told in `problems` and left as it comes by itself. Without a
    window the smallest one is taken that holds all calls, or that the last ones are in.
    """
    problems: list[str] = []
    name = query.get("window", "")
    chosen = name in WINDOWS
    if name and not chosen:
        problems.append(f"There is no window {name[:40]!r}; one of {', '.join(WINDOWS)} is meant.")
    since, until = _custom(query, problems)
    if since is not None:
        name, chosen = "custom", True
    elif not chosen:
        name = fitting_window(now, extent)
    by = query.get("by", BY[0])
    if by not in BY:
        problems.append(f"Spend cannot be broken down by {by[:40]!r}; it is shown by {BY[0]}.")
        by = BY[0]
    return View(
        window_name=name,
        since=since or _since(name, now, extent),
        until=until,
        now=now,
        by=by,
        filters=_filters(query, problems),
        live=query.get("live") != "0",
        chosen=chosen,
        problems=tuple(problems),
    )


def fitting_window(now: datetime, extent: Extent) -> str:
    """Return the window to show when none is asked for."""
    if extent.calls == 0 or extent.first_day_ns is None:
        return "24h"
    last = _moment(extent.last_ns if extent.last_ns is not None else extent.first_day_ns)
    first = _moment(extent.first_ns if extent.first_ns is not None else extent.first_day_ns)
    if now - last > timedelta(days=30):
        return "all"
    for name, length in (("24h", timedelta(hours=24)), ("7d", timedelta(days=7))):
        if now - first <= length:
            return name
    return "30d" if now - last <= timedelta(days=29) else "90d"


def _since(name: str, now: datetime, extent: Extent) -> datetime:
    if name == "1h":
        return floor(now, "minute") - timedelta(minutes=59)
    if name == "24h":
        return floor(now, "hour") - timedelta(hours=23)
    today = floor(now, "day")
    if name in _DAYS:
        return today - timedelta(days=_DAYS[name] - 1)
    first = extent.first_day_ns
    return min(today, _moment(first)) if first is not None else today


def _custom(
    query: Mapping[str, str], problems: list[str]
) -> tuple[datetime, datetime] | tuple[None, None]:
    if not query.get("since"):
        return None, None
    try:
        since = _midnight(date.fromisoformat(query["since"]))
        last = query.get("until") or query["since"]
        until = _midnight(date.fromisoformat(last)) + timedelta(days=1)
        if not EPOCH <= since < until <= LATEST:
            raise ValueError(last)
    except (ValueError, OverflowError):
        problems.append(
            "since and until are dates such as 2026-01-31, the earlier one first, from 1970 on; "
            "the usual window is shown."
        )
        return None, None
    return since, until


def _filters(query: Mapping[str, str], problems: list[str]) -> Filters:
    values: dict[str, Any] = {
        name: value[:_LONGEST_VALUE] for name in FILTERS if (value := query.get(name, "").strip())
    }
    for name in ("user", "session"):
        if name in values and not _is_pseudonym(str(values[name])):
            problems.append(
                f"A {name} is named by its pseudonym of twelve hexadecimal digits, "
                "as the tables show it."
            )
            del values[name]
    if query.get("failed") == "1":
        values["failed"] = True
    known = {one.name for one in fields(Filters)}
    return Filters(**{name: value for name, value in values.items() if name in known})


def _is_pseudonym(text: str) -> bool:
    return len(text) == 12 and all(char in "0123456789abcdef" for char in text)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _moment(ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=ns // 1000)


def described_filters(view: View, path: str) -> Iterable[tuple[str, str, str]]:
    """Yield each active filter as (name, value, URL without it)."""
    for name, value in view.active_filters().items():
        yield name, value, view.url(path, **{name: None})
