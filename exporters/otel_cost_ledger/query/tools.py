"""Tool executions: counts, durations and failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.entries import ToolKey
from otel_cost_ledger.model.filters import Window, check_names
from otel_cost_ledger.model.histogram import percentile
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_cost_ledger.model.sums import SINCE_VERSION
from otel_cost_ledger.query.grouping import day_name
from otel_cost_ledger.query.name_lookup import NameLookup
from otel_cost_ledger.query.sources import count_up_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from otel_cost_ledger.query.ledger import Ledger

TOOL_GROUPS: Final = ("tool", "agent", "service", "source", "error_type", "day")
"""Allowed names in `by`."""
MOST_TIMED: Final = 100_000
"""Up to this many executions the 95th percentile is computed from the rows."""


@dataclass(frozen=True, slots=True)
class ToolLine:
    """The executions of one group of tools, or of all of them."""

    key: tuple[str, ...]
    """One value for each name in `by`; "" for a tool without one."""
    calls: int
    failed_calls: int
    mean_ms: float | None
    """None without a timed execution, as for tools that the provider ran."""
    p95_ms: float | None
    """None if the required rows are gone, or too many."""
    longest_ms: float | None


@dataclass(frozen=True, slots=True)
class ToolReport:
    """Executions in total and by group, the most frequent first."""

    by: tuple[str, ...]
    total: ToolLine
    groups: tuple[ToolLine, ...]
    complete: bool
    """False if the window needs rows that retention has removed: the counts are too low."""


@dataclass(slots=True)
class _Sums:
    calls: int = 0
    failed: int = 0
    timed: int = 0
    duration_us: int = 0
    longest_us: int = 0

    def add(self, counted: Sequence[int], *, failed: bool) -> None:
        calls, timed, duration_us, longest_us = counted
        self.calls += calls
        self.failed += calls if failed else 0
        self.timed += timed
        self.duration_us += duration_us
        self.longest_us = max(self.longest_us, longest_us)


def tool_report(
    ledger: Ledger,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    by: Sequence[str] = ("tool",),
) -> ToolReport:
    """Return the tool executions that began between *since* and *until*.

    Times are aware; None means unbounded. *by* names any of `TOOL_GROUPS`. Whole UTC days come from
    the daily sums, which stay for ever; the rest is read from the rows.
    """
    check_names("group", by, TOOL_GROUPS)
    by = tuple(by)
    window = Window.between(since, until)
    if ledger.version < SINCE_VERSION:
        return ToolReport(by, _line((), _Sums(), Counter()), (), complete=True)
    names = NameLookup(lambda: _tool_names(ledger), _UNKNOWN)
    sums: dict[tuple[str, ...], _Sums] = {}
    total = _Sums()
    for day, tool_id, *counted in _counted(ledger, window):
        found = names[tool_id]
        key = _key(by, found, day)
        sums.setdefault(key, _Sums()).add(counted, failed=bool(found.failed))
        total.add(counted, failed=bool(found.failed))
    durations = _durations(ledger, window, by, names)
    groups = [_line(key, counted, durations.get(key, Counter())) for key, counted in sums.items()]
    every: Counter[int] = Counter()
    for counted_durations in durations.values():
        every.update(counted_durations)
    kept_since = ledger.rows_kept_since_ns
    return ToolReport(
        by=by,
        total=_line((), total, every),
        groups=tuple(sorted(groups, key=lambda line: (-line.calls, line.key))),
        complete=all(edge.since_ns >= kept_since for edge in window.edges()),
    )


def _tool_names(ledger: Ledger) -> Iterator[tuple[int, ToolKey]]:
    for id_, *values in ledger.rows(_NAMES):
        yield id_, ToolKey(*values)


def _counted(ledger: Ledger, window: Window) -> Iterator[tuple[int, ...]]:
    """Yield (day, tool, calls, timed, microseconds, longest) of the whole days and the edges."""
    yield from ledger.rows(_DAILY, window.whole_days())
    for edge in window.edges():
        yield from ledger.rows(_ROWS, [edge.since_ns, edge.until_ns])


def _durations(
    ledger: Ledger, window: Window, by: tuple[str, ...], names: dict[int, ToolKey]
) -> dict[tuple[str, ...], Counter[int]]:
    counts: dict[tuple[str, ...], Counter[int]] = {}
    many = count_up_to(ledger, "tool_calls", "start_ns", window, MOST_TIMED + 1) > MOST_TIMED
    if many or window.since_ns < ledger.rows_kept_since_ns:
        return counts
    sql = (
        f"SELECT start_ns / {NS_PER_DAY}, tool_id, duration_us FROM tool_calls"
        " WHERE start_ns >= ? AND start_ns < ? AND duration_us IS NOT NULL"
    )
    for day, tool_id, duration_us in ledger.rows(sql, [window.since_ns, window.until_ns]):
        counts.setdefault(_key(by, names[tool_id], day), Counter())[int(duration_us)] += 1
    return counts


def _key(by: tuple[str, ...], tool: ToolKey, day: int) -> tuple[str, ...]:
    return tuple(day_name(day) if name == "day" else str(getattr(tool, name)) for name in by)


def _line(key: tuple[str, ...], sums: _Sums, durations: Counter[int]) -> ToolLine:
    p95_us = percentile(durations, 95)
    return ToolLine(
        key=key,
        calls=sums.calls,
        failed_calls=sums.failed,
        mean_ms=sums.duration_us / sums.timed / 1000 if sums.timed else None,
        p95_ms=None if p95_us is None else p95_us / 1000,
        longest_ms=sums.longest_us / 1000 if sums.timed else None,
    )


_UNKNOWN: Final = ToolKey("", "", "", "", "", 0)
_NAMES: Final = f"SELECT id, {', '.join(ToolKey._fields)} FROM tools"
_DAILY: Final = (
    "SELECT day, tool_id, calls, timed, duration_us, longest_us FROM daily_tools"
    " WHERE day >= ? AND day < ?"
)
_ROWS: Final = (
    f"SELECT start_ns / {NS_PER_DAY}, tool_id, count(*), count(duration_us),"
    " coalesce(sum(duration_us), 0), coalesce(max(duration_us), 0) FROM tool_calls"
    " WHERE start_ns >= ? AND start_ns < ? GROUP BY 1, 2"
)  # built from constants
