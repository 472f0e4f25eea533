"""Integrity checks: the file, and the sums against the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.location import PostgresUrl
from otel_cost_ledger.model.schema import COUNTERS, NS_PER_DAY

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger

_MOST_PROBLEMS: Final = 20
_KEYS: Final = 3


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """Result of a check of the whole ledger."""

    calls: int
    """Rows that were read."""
    problems: tuple[str, ...]
    """Sentences for people; empty when all is well."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def check_integrity(ledger: Ledger) -> IntegrityReport:
    """Check the file's structure and recompute every sum from the rows.

    Days from which retention has removed rows are left out: their sums are all there is. The
    time it takes grows with the ledger, about two seconds a million calls.
    """
    ((calls,),) = ledger.rows("SELECT count(*) FROM calls")
    problems = _damage(ledger)
    if not problems:
        first_day = -(-ledger.rows_kept_since_ns // NS_PER_DAY)
        for table, stored, recomputed in _SUMS:
            problems += _compare(ledger, table, stored, recomputed, first_day)
    return IntegrityReport(calls, tuple(problems[:_MOST_PROBLEMS]))


def _damage(ledger: Ledger) -> list[str]:
    if isinstance(ledger.location, PostgresUrl):
        # A server checks its pages itself, where configured.
        return []
    return [
        f"the file is damaged: {text}"
        for (text,) in ledger.rows(f"PRAGMA quick_check({_MOST_PROBLEMS})")
        if text != "ok"
    ]


def _compare(ledger: Ledger, table: str, stored: str, recomputed: str, first_day: int) -> list[str]:
    kept = {row[:_KEYS]: row[_KEYS:] for row in ledger.rows(stored, [first_day])}
    made = {row[:_KEYS]: row[_KEYS:] for row in ledger.rows(recomputed, [first_day * NS_PER_DAY])}
    return [
        f"{table} {key}: stored {kept.get(key)}, the rows add up to {made.get(key)}"
        for key in sorted(kept.keys() | made.keys())
        if kept.get(key) != made.get(key)
    ]


_DAILY_SUMS: Final = ", ".join(f"sum(coalesce({name}, 0))" for name in COUNTERS[1:])
_BUCKET: Final = (
    "(SELECT bucket FROM latency_buckets WHERE lower_us <= c.latency_us"
    " ORDER BY lower_us DESC LIMIT 1)"
)

# Made of constants only, all of it.
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
