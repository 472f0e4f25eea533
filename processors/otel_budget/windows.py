"""Windows of budgets: calendar windows in a time zone, and rolling windows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
_NS = 1_000_000_000


class WindowKind(StrEnum):
    """Length of a budget's window, after which spending restarts at zero."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ROLLING = "rolling"


@dataclass(frozen=True, slots=True)
class Window:
    """One window, in nanoseconds since the Unix epoch; spending is recorded under `account_ns`."""

    since_ns: int
    """Spending recorded at or after this counts."""
    account_ns: int
    """Time under which spending is recorded now; equal to `since_ns` for calendar windows."""
    until_ns: int
    """Time at which spending begins to expire: the end of a calendar window."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Finds the window of a point in time."""

    kind: WindowKind = WindowKind.DAY
    zone: tzinfo = UTC
    rolling_hours: int = 24
    """Length of a rolling window; it moves in steps of one twenty-fourth of itself."""

    def window(self, now_ns: int) -> Window:
        """Return the window at *now_ns*."""
        if self.kind is WindowKind.ROLLING:
            step = self.rolling_hours * HOUR_NS // 24
            account = now_ns // step * step
            # The oldest step is counted whole, so a rolling window is never shorter than it says.
            return Window(account - 24 * step, account, account + step)
        start = self._start(datetime.fromtimestamp(now_ns // _NS, self.zone))
        since, until = _ns(start), _ns(self._next(start))
        return Window(since, since, until)

    def _start(self, now: datetime) -> datetime:
        if self.kind is WindowKind.HOUR:
            # In UTC: a zone that turns its clocks back has one hour twice.
            return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        day = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if self.kind is WindowKind.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.kind is WindowKind.MONTH else day

    def _next(self, start: datetime) -> datetime:
        if self.kind is WindowKind.HOUR:
            return start + timedelta(hours=1)
        if self.kind is WindowKind.MONTH:
            return (start + timedelta(days=32)).replace(day=1)
        # Wall-clock arithmetic: a day with a change of clocks has 23 or 25 hours.
        return start + timedelta(days=7 if self.kind is WindowKind.WEEK else 1)


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * _NS
