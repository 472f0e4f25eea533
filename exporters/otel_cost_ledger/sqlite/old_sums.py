"""The sums of days whose calls retention has deleted, for a copy to another ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from otel_cost_ledger.model.rows import DimKey, OutcomeKey
from otel_cost_ledger.model.schema import COUNTERS, KEPT_SINCE, NS_PER_DAY

if TYPE_CHECKING:
    from otel_cost_ledger.model.sql import Connection
    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.sqlite.interning import NameTable


@dataclass(frozen=True, slots=True)
class OldSums:
    """Everything before the day from which a ledger has kept its calls."""

    kept_since_ns: int
    daily: tuple[tuple[int, DimKey, OutcomeKey, tuple[int, ...]], ...]
    """(day, names, outcome, the values of `COUNTERS`)"""
    latency: tuple[tuple[int, tuple[str, str, str], int, int], ...]
    """(day, (provider, model, operation), bucket, calls)"""


class _Names(Protocol):
    @property
    def dims(self) -> NameTable[DimKey]: ...
    @property
    def outcomes(self) -> NameTable[OutcomeKey]: ...


_DIM: Final = ", ".join(f"d.{name}" for name in DimKey._fields)
_OUTCOME: Final = ", ".join(f"r.{name}" for name in OutcomeKey._fields)
_SUMS: Final = ", ".join(f"s.{name}" for name in COUNTERS)
_DIM_END: Final = 1 + len(DimKey._fields)
_OUTCOME_END: Final = _DIM_END + len(OutcomeKey._fields)

# Made of constants, all of it.
_DAILY: Final = (
    f"SELECT s.day, {_DIM}, {_OUTCOME}, {_SUMS} FROM daily_costs s"
    " JOIN dims d ON d.id = s.dim_id JOIN outcomes r ON r.id = s.outcome_id WHERE s.day < ?"
)
_LATENCY: Final = (
    "SELECT h.day, s.provider, s.model, s.operation, h.bucket, h.calls"
    " FROM latency_histogram h JOIN series s ON s.id = h.series_id WHERE h.day < ?"
)
_ADD_DAILY: Final = (
    f"INSERT INTO daily_costs (day, dim_id, outcome_id, {', '.join(COUNTERS)})"
    f" VALUES (?, ?, ?, {', '.join('?' * len(COUNTERS))}) ON CONFLICT DO NOTHING"
)
_ADD_LATENCY: Final = (
    "INSERT INTO latency_histogram (day, series_id, bucket, calls)"
    " SELECT ?, id, ?, ? FROM series WHERE provider = ? AND model = ? AND operation = ?"
    " ON CONFLICT DO NOTHING"
)
_KEEP_SINCE: Final = (
    "INSERT INTO meta (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def read_old_sums(ledger: Ledger) -> OldSums:
    """Return the sums of *ledger* that cannot be made from its calls any more."""
    kept_since_ns = ledger.rows_kept_since_ns
    first_day = kept_since_ns // NS_PER_DAY
    daily = tuple(
        (
            row[0],
            DimKey(*row[1:_DIM_END]),
            OutcomeKey(*row[_DIM_END:_OUTCOME_END]),
            tuple(row[_OUTCOME_END:]),
        )
        for row in ledger.rows(_DAILY, [first_day])
    )
    latency = tuple(
        (day, (provider, model, operation), bucket, calls)
        for day, provider, model, operation, bucket, calls in ledger.rows(_LATENCY, [first_day])
    )
    return OldSums(kept_since_ns, daily, latency)


def write_old_sums(connection: Connection, names: _Names, sums: OldSums) -> int:
    """Store *sums* in the caller's transaction; return how many days-and-names were new.

    Existing sums stay: they may include the same calls.
    """
    added = 0
    for day, dim, outcome, values in sums.daily:
        ids = (names.dims.id_of(dim), names.outcomes.id_of(outcome))
        added += connection.execute(_ADD_DAILY, (day, *ids, *values)).rowcount
    for day, series, bucket, calls in sums.latency:
        connection.execute(_ADD_LATENCY, (day, bucket, calls, *series))
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (KEPT_SINCE,)).fetchone()
    before_ns = int(found[0]) if found else 0
    if sums.kept_since_ns > before_ns:
        connection.execute(_KEEP_SINCE, (KEPT_SINCE, str(sums.kept_since_ns)))
    return added
