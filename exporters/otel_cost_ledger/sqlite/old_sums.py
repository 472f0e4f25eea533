"""Sums of days with deleted calls, for a copy to another ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from otel_cost_ledger.model.entries import ToolKey
from otel_cost_ledger.model.rows import DimKey, OriginKey, OutcomeKey
from otel_cost_ledger.model.schema import COUNTERS, KEPT_SINCE, NS_PER_DAY, rows_kept_since
from otel_cost_ledger.model.sums import DAILY_AGENTS, HOURLY_COSTS, add_up_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_cost_ledger.model.sql import Connection
    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.sqlite.interning import NameTable


@dataclass(frozen=True, slots=True)
class OldSums:
    """Sums before the first day with calls."""

    kept_since_ns: int
    daily: tuple[tuple[int, DimKey, OutcomeKey, tuple[int, ...]], ...]
    """(day, names, outcome, the values of `COUNTERS`)"""
    latency: tuple[tuple[int, tuple[str, str, str], int, int], ...]
    """(day, (provider, model, operation), bucket, calls)"""
    by_agent: tuple[tuple[str, int, DimKey, OriginKey, OutcomeKey, tuple[int, ...]], ...] = ()
    """(table, day or hour, names, an origin of the agent, outcome, the values of `COUNTERS`)"""
    tools: tuple[tuple[int, ToolKey, tuple[int, ...]], ...] = ()
    """(day, tool, calls, timed calls, microseconds, the longest)"""
    since_ns: tuple[int, int] = (0, 0)
    """Start of the sums by agent, and of the hourly sums."""


class _Names(Protocol):
    @property
    def dims(self) -> NameTable[DimKey]: ...
    @property
    def origins(self) -> NameTable[OriginKey]: ...
    @property
    def outcomes(self) -> NameTable[OutcomeKey]: ...
    @property
    def tools(self) -> NameTable[ToolKey]: ...


_DIM: Final = ", ".join(f"d.{name}" for name in DimKey._fields)
_ORIGIN: Final = ", ".join(f"o.{name}" for name in OriginKey._fields)
_OUTCOME: Final = ", ".join(f"r.{name}" for name in OutcomeKey._fields)
_SUMS: Final = ", ".join(f"s.{name}" for name in COUNTERS)
_DIM_END: Final = 1 + len(DimKey._fields)
_OUTCOME_END: Final = _DIM_END + len(OutcomeKey._fields)

# Built from constants only.
_DAILY: Final = (
    f"SELECT s.day, {_DIM}, {_OUTCOME}, {_SUMS} FROM daily_costs s"
    " JOIN dims d ON d.id = s.dim_id JOIN outcomes r ON r.id = s.outcome_id WHERE s.day < ?"
)
_AGENT_TABLES: Final = (DAILY_AGENTS, HOURLY_COSTS)
_KEYS: Final = (DimKey, OriginKey, OutcomeKey)
_LATENCY: Final = (
    "SELECT h.day, s.provider, s.model, s.operation, h.bucket, h.calls"
    " FROM latency_histogram h JOIN series s ON s.id = h.series_id WHERE h.day < ?"
)
_ADD_DAILY: Final = (
    f"INSERT INTO daily_costs (day, dim_id, outcome_id, {', '.join(COUNTERS)})"
    f" VALUES (?, ?, ?, {', '.join('?' * len(COUNTERS))}) ON CONFLICT DO NOTHING"
)
_TOOL_NAMES: Final = f"SELECT id, {', '.join(ToolKey._fields)} FROM tools"
_TOOLS: Final = (
    "SELECT day, tool_id, calls, timed, duration_us, longest_us FROM daily_tools WHERE day < ?"
)
_ADD_TOOLS: Final = (
    "INSERT INTO daily_tools (day, tool_id, calls, timed, duration_us, longest_us)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_MARKS: Final = ", ".join("?" * (1 + len(COUNTERS)))
_ADD_LATENCY: Final = (
    "INSERT INTO latency_histogram (day, series_id, bucket, calls)"
    " SELECT ?, id, ?, ? FROM series WHERE provider = ? AND model = ? AND operation = ?"
    " ON CONFLICT DO NOTHING"
)
_KNOWN_SINCE: Final = (
    "UPDATE summed SET days_since_ns = CASE WHEN days_since_ns < ? THEN ? ELSE days_since_ns END,"
    " hours_since_ns = CASE WHEN hours_since_ns < ? THEN ? ELSE hours_since_ns END"
)
_KEEP_SINCE: Final = (
    "INSERT INTO meta (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def read_old_sums(ledger: Ledger) -> OldSums:
    """Return the sums of *ledger* that cannot be computed from its calls any more."""
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
    summed = ledger.summed
    since_ns = (
        (kept_since_ns, kept_since_ns)
        if summed is None
        else (summed.days_since_ns, summed.hours_since_ns)
    )
    by_agent = () if summed is None else tuple(_read_by_agent(ledger, kept_since_ns))
    tools = () if summed is None else tuple(_read_tools(ledger, first_day))
    return OldSums(kept_since_ns, daily, latency, by_agent, tools, since_ns)


def _read_tools(ledger: Ledger, first_day: int) -> Iterator[tuple[int, ToolKey, tuple[int, ...]]]:
    names = {id_: ToolKey(*values) for id_, *values in ledger.rows(_TOOL_NAMES)}
    for day, tool_id, *values in ledger.rows(_TOOLS, [first_day]):
        yield day, names[tool_id], tuple(values)


def _read_by_agent(ledger: Ledger, until_ns: int) -> Iterator[Any]:
    for table in _AGENT_TABLES:
        sql = (
            f"SELECT s.{table.period}, {_DIM}, {_ORIGIN}, {_OUTCOME}, {_SUMS} FROM {table.name} s"
            " JOIN dims d ON d.id = s.dim_id JOIN origins o ON o.id = s.origin_id"
            f" JOIN outcomes r ON r.id = s.outcome_id WHERE s.{table.period} < ?"
        )  # built from constants
        for period, *values in ledger.rows(sql, [until_ns // table.unit_ns]):
            keys: list[Any] = []
            for key in _KEYS:
                keys.append(key(*values[: len(key._fields)]))
                del values[: len(key._fields)]
            yield (table.name, period, *keys, tuple(values))


def write_old_sums(connection: Connection, names: _Names, sums: OldSums) -> int:
    """Store *sums* in the caller's transaction; return the number of new (day, names) pairs.

    Existing sums stay: they may include the same calls.
    """
    added = 0
    for day, dim, outcome, values in sums.daily:
        ids = (names.dims.id_of(dim), names.outcomes.id_of(outcome))
        added += connection.execute(_ADD_DAILY, (day, *ids, *values)).rowcount
    for day, series, bucket, calls in sums.latency:
        connection.execute(_ADD_LATENCY, (day, bucket, calls, *series))
    if sums.kept_since_ns > rows_kept_since(connection):
        # No rows before this time arrive any more; existing ones are added to the sums first.
        add_up_to(connection, sums.kept_since_ns)
        connection.execute(_KEEP_SINCE, (KEPT_SINCE, str(sums.kept_since_ns)))
    _write_by_agent(connection, names, sums)
    return added


def _write_by_agent(connection: Connection, names: _Names, sums: OldSums) -> None:
    statements = {
        table.name: f"INSERT INTO {table.name} ({', '.join(table.columns)})"
        f" VALUES (?, ?, (SELECT agent_id FROM origins WHERE id = ?), {_MARKS})"
        " ON CONFLICT DO NOTHING"
        for table in _AGENT_TABLES
    }
    for table, period, dim, origin, outcome, values in sums.by_agent:
        ids = names.dims.id_of(dim), names.origins.id_of(origin), names.outcomes.id_of(outcome)
        connection.execute(statements[table], (period, *ids, *values))
    for day, tool, values in sums.tools:
        connection.execute(_ADD_TOOLS, (day, names.tools.id_of(tool), *values))
    days_since_ns, hours_since_ns = sums.since_ns
    connection.execute(_KNOWN_SINCE, (days_since_ns, days_since_ns, hours_since_ns, hours_since_ns))
