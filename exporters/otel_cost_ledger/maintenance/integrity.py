"""Integrity checks of the file, and of the sums against the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.errors import LedgerError
from otel_cost_ledger.model.location import ClickHouseUrl, PostgresUrl
from otel_cost_ledger.model.schema import COUNTERS, NS_PER_DAY
from otel_cost_ledger.model.sums import (
    DAILY_AGENTS,
    DAILY_PEOPLE,
    HOURLY_COSTS,
    HOURLY_PEOPLE,
    SUM_TABLES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_cost_ledger.query.ledger import Ledger

_MOST_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """Result of a check of the whole ledger."""

    calls: int
    """Number of rows read."""
    problems: tuple[str, ...]
    """Human-readable sentences; empty if the ledger is sound."""

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


def check_integrity(ledger: Ledger) -> IntegrityReport:
    """Check the file's structure and recompute every sum from the rows.

    Days from which retention has removed rows are left out: only their sums exist. The check takes
    about eight seconds per million calls. Raises `LedgerError` for ClickHouse, which recomputes its
    sums from the rows.
    """
    if isinstance(ledger.location, ClickHouseUrl):
        raise LedgerError(
            f"{ledger.location} is checked by: otel-distro stack clickhouse check URL"
        )
    ((calls,),) = ledger.rows("SELECT count(*) FROM calls")
    problems = _damage(ledger)
    if not problems:
        first_day = -(-ledger.rows_kept_since_ns // NS_PER_DAY)
        for table, stored, recomputed in _SUMS:
            problems += _compare(ledger, table, stored, recomputed, first_day)
        problems += _compare_later_sums(ledger, first_day)
        if ledger.summed is not None:
            problems += _compare(ledger, "daily_tools", _TOOLS, _TOOLS_FROM_ROWS, first_day, keys=2)
    return IntegrityReport(calls, tuple(problems[:_MOST_PROBLEMS]))


def _damage(ledger: Ledger) -> list[str]:
    if isinstance(ledger.location, PostgresUrl):
        # A server checks its pages itself, if configured.
        return []
    return [
        f"the file is damaged: {text}"
        for (text,) in ledger.rows(f"PRAGMA quick_check({_MOST_PROBLEMS})")
        if text != "ok"
    ]


def _compare(
    ledger: Ledger, table: str, stored: str, recomputed: str, first_day: int, *, keys: int = 3
) -> list[str]:
    stored_rows = ledger.rows(stored, [first_day])
    recomputed_rows = ledger.rows(recomputed, [first_day * NS_PER_DAY])
    return _differences(table, keys, stored_rows, recomputed_rows)


def _compare_later_sums(ledger: Ledger, first_day: int) -> list[str]:
    summed = ledger.summed
    if summed is None:
        return []
    starts = {
        HOURLY_COSTS.name: summed.hours_since_ns,
        DAILY_AGENTS.name: summed.days_since_ns,
        HOURLY_PEOPLE.name: summed.people_hours_since_ns,
        DAILY_PEOPLE.name: summed.days_since_ns,
    }
    problems: list[str] = []
    for table in SUM_TABLES:
        # Whole days only: retention and these sums end at midnight.
        since_ns = max(first_day * NS_PER_DAY, starts[table.name])
        stored = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {table.period} >= ?"
        recomputed = table.from_rows("calls", "c.start_ns >= ? AND c.start_ns < ?")
        problems += _differences(
            table.name,
            1 + len(table.keys),
            ledger.rows(stored, [since_ns // table.unit_ns]),
            ledger.rows(recomputed, [since_ns, summed.until_ns]),
        )
    return problems


def _differences(
    table: str, keys: int, kept: Iterable[tuple[Any, ...]], made: Iterable[tuple[Any, ...]]
) -> list[str]:
    """Return the differences between the stored sums and those computed from the rows."""
    stored = {row[:keys]: row[keys:] for row in kept}
    recomputed = {row[:keys]: row[keys:] for row in made}
    return [
        f"{table} {key}: stored {stored.get(key)}, the rows add up to {recomputed.get(key)}"
        for key in sorted(stored.keys() | recomputed.keys())
        if stored.get(key) != recomputed.get(key)
    ]


_DAILY_SUMS: Final = ", ".join(f"sum(coalesce({name}, 0))" for name in COUNTERS[1:])
_BUCKET: Final = (
    "(SELECT bucket FROM latency_buckets WHERE lower_us <= c.latency_us"
    " ORDER BY lower_us DESC LIMIT 1)"
)

# Built from constants only.
_DAILY: Final = (
    f"SELECT day, dim_id, outcome_id, {', '.join(COUNTERS)} FROM daily_costs WHERE day >= ?"
)
_DAILY_FROM_ROWS: Final = (
    f"SELECT start_ns / {NS_PER_DAY}, dim_id, outcome_id, count(*), {_DAILY_SUMS}"
    " FROM calls WHERE start_ns >= ? GROUP BY 1, 2, 3"
)
_LATENCY: Final = "SELECT day, series_id, bucket, calls FROM latency_histogram WHERE day >= ?"
_LATENCY_FROM_ROWS: Final = (
    f"SELECT c.start_ns / {NS_PER_DAY}, d.series_id, {_BUCKET}, count(*)"
    " FROM calls c JOIN dims d ON d.id = c.dim_id"
    " WHERE c.start_ns >= ? AND c.outcome_id > 0 GROUP BY 1, 2, 3"
)
_SUMS: Final = (
    ("daily_costs", _DAILY, _DAILY_FROM_ROWS),
    ("latency_histogram", _LATENCY, _LATENCY_FROM_ROWS),
)
_TOOLS: Final = (
    "SELECT day, tool_id, calls, timed, duration_us, longest_us FROM daily_tools WHERE day >= ?"
)
_TOOLS_FROM_ROWS: Final = (
    f"SELECT start_ns / {NS_PER_DAY}, tool_id, count(*), count(duration_us),"
    " coalesce(sum(duration_us), 0), coalesce(max(duration_us), 0)"
    " FROM tool_calls WHERE start_ns >= ? GROUP BY 1, 2"
)
