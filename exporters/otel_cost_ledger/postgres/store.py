"""The write transactions of a ledger in PostgreSQL.

A batch is copied to a temporary table without a lock; then, under the writers' lock, one statement
inserts new calls and adds them to the sums.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.entries import ToolRow, ViolationRow
from otel_cost_ledger.model.filters import END_OF_TIME_NS, EPOCH, to_ns
from otel_cost_ledger.model.rows import Row
from otel_cost_ledger.model.schema import COUNTERS, NS_PER_DAY, rows_kept_since
from otel_cost_ledger.model.sums import SUM_TABLES
from otel_cost_ledger.postgres.connection import WRITERS, has_table
from otel_cost_ledger.postgres.names import PostgresNames
from otel_cost_ledger.postgres.schema import BUCKET
from otel_cost_ledger.sqlite.store import (
    CALL_COLUMNS,
    TOOL,
    VIOLATION,
    Stored,
    json_text,
    tool_values,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_cost_ledger.model.entries import Entry
    from otel_cost_ledger.model.sql import SqlValue
    from otel_cost_ledger.postgres.connection import PostgresConnection

_COLUMNS: Final = ", ".join(CALL_COLUMNS)
_INCOMING: Final = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming"
    " (LIKE calls INCLUDING DEFAULTS, place integer NOT NULL) ON COMMIT "
)
_COPY: Final = f"COPY incoming (place, {_COLUMNS}) FROM STDIN"
_SUMS: Final = ", ".join(["count(*)", *(f"sum(coalesce(c.{name}, 0))" for name in COUNTERS[1:])])
_ADD: Final = ", ".join(f"{name} = s.{name} + excluded.{name}" for name in COUNTERS)

_LATE: Final = "".join(
    f", late_{table.name} AS ({table.add('fresh', table.is_late)})" for table in SUM_TABLES
)
"""Calls that began before the end of the deferred sums."""
_STORE: Final = f"""
WITH fresh AS (
    INSERT INTO calls ({_COLUMNS})
    SELECT {_COLUMNS} FROM incoming WHERE start_ns >= ? ORDER BY start_ns, span_id, place
    ON CONFLICT DO NOTHING
    RETURNING start_ns, dim_id, origin_id, outcome_id, user_id, session_id,
              {", ".join(COUNTERS[1:])}
), daily AS (
    INSERT INTO daily_costs AS s (day, dim_id, outcome_id, {", ".join(COUNTERS)})
    SELECT c.start_ns / {NS_PER_DAY}, c.dim_id, c.outcome_id, {_SUMS}
    FROM fresh c GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (day, dim_id, outcome_id) DO UPDATE SET {_ADD}
), latency AS (
    INSERT INTO latency_histogram AS s (day, series_id, bucket, calls)
    SELECT c.start_ns / {NS_PER_DAY}, d.series_id, {BUCKET}, count(*)
    FROM fresh c JOIN dims d ON d.id = c.dim_id
    WHERE c.outcome_id > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (day, series_id, bucket) DO UPDATE SET calls = s.calls + excluded.calls
){_LATE}
SELECT count(*) FROM fresh
"""  # built from constants

_REVISE: Final = (
    "UPDATE calls SET outcome_id = v.outcome_id, cost_nano_usd = v.cost_nano_usd,"
    " exposure_nano_usd = v.exposure_nano_usd, extra = v.extra"
    " FROM (SELECT ?::integer AS outcome_id, ?::bigint AS cost_nano_usd,"
    " ?::bigint AS exposure_nano_usd, ?::text AS extra) v"
    " WHERE start_ns = ?::bigint AND span_id = ?::bigint"
    " AND (calls.outcome_id, calls.cost_nano_usd, calls.exposure_nano_usd, calls.extra)"
    " IS DISTINCT FROM (v.outcome_id, v.cost_nano_usd, v.exposure_nano_usd, v.extra)"
)
_REVISED: Final = itemgetter(
    *(
        CALL_COLUMNS.index(name)
        for name in (
            "outcome_id",
            "cost_nano_usd",
            "exposure_nano_usd",
            "extra",
            "start_ns",
            "span_id",
        )
    )
)


class PostgresStore:
    """Applies entries through one connection, each batch in one transaction."""

    def __init__(self, connection: PostgresConnection, max_names: int) -> None:
        self.connection = connection
        self.names = PostgresNames(connection, max_names)
        self._months: set[tuple[int, int]] = set()
        if not connection.is_pooled:
            connection.execute(f"{_INCOMING} DELETE ROWS")

    def apply(self, entries: Sequence[Entry]) -> Stored:
        """Store all *entries* in one transaction; none of them on an error."""
        calls = [(kind, row) for kind, row in entries if isinstance(row, Row)]
        violations = [row for _, row in entries if isinstance(row, ViolationRow)]
        tools = [row for _, row in entries if isinstance(row, ToolRow)]
        rows = [row for _, row in calls]
        # Names and months are committed immediately: they are harmless without a call.
        values = self._values(rows)
        tool_ids = [self.names.tools.id_of(row.tool) for row in tools]
        stored = Stored()
        with self.connection.transaction():
            if self.connection.is_pooled:
                # The next session has no such table. After the lock: its creation locks `calls`, to
                # which the writer that has the lock may add a month.
                self.connection.execute("SELECT pg_advisory_xact_lock(?)", [WRITERS])
                self.connection.execute(f"{_INCOMING} DROP")
            self._copy(values)
            self.connection.execute("SELECT pg_advisory_xact_lock(?)", [WRITERS])
            kept_since = rows_kept_since(self.connection)
            self._make_months(row.start_ns for row in rows if row.start_ns >= kept_since)
            (stored.written,) = self.connection.execute(_STORE, [kept_since]).fetchone()
            for (kind, row), columns in zip(calls, values, strict=True):
                if kind == "revise" and row.start_ns >= kept_since:
                    stored.revised += self.connection.execute(_REVISE, _REVISED(columns)).rowcount
            stored.expired = sum(row.start_ns < kept_since for row in rows)
            known = len(rows) - stored.expired - stored.written - stored.revised
            others: list[tuple[str, Sequence[SqlValue]]] = [
                (VIOLATION, violation) for violation in violations
            ]
            others += [
                (TOOL, tool_values(row, tool_id))
                for row, tool_id in zip(tools, tool_ids, strict=True)
                if row.start_ns >= kept_since
            ]
            for statement, bound in others:
                added = self.connection.execute(statement, bound).rowcount
                stored.written += added
                known += 1 - added
            stored.already_known = max(0, known)
            stored.expired += sum(row.start_ns < kept_since for row in tools)
        return stored

    def _copy(self, values: Sequence[tuple[SqlValue, ...]]) -> None:
        if not values:
            return
        with (
            self.connection.translated(),
            self.connection.raw.cursor() as cursor,
            cursor.copy(_COPY.encode()) as copy,
        ):
            for place, row in enumerate(values):
                copy.write_row((place, *row))

    def _make_months(self, moments: Any) -> None:
        """Create the partitions for calls at *moments*; the caller holds the writers' lock."""
        for month in sorted({_month(ns // NS_PER_DAY) for ns in moments} - self._months):
            first, end = month_bounds(*month)
            name = month_table(*month)
            if not has_table(self.connection, name):
                # This waits for readers, so it is skipped if not needed.
                self.connection.execute(
                    f"CREATE TABLE {name} PARTITION OF calls FOR VALUES FROM ({first}) TO ({end})"
                )
            self._months.add(month)

    def forget(self) -> None:
        """Drop cached ids: they may not have been committed."""
        self.names.forget()
        self._months.clear()

    def _values(self, rows: Sequence[Row]) -> list[tuple[SqlValue, ...]]:
        names = self.names
        return [
            (
                *row[:4],
                names.dims.id_of(row.dim),
                names.origins.id_of(row.origin),
                names.outcomes.id_of(row.outcome),
                *row[7:20],
                json_text(row.extra),
            )
            for row in rows
        ]


def _month(day: int) -> tuple[int, int]:
    moment = EPOCH + timedelta(days=day)
    return moment.year, moment.month


def month_table(year: int, month: int) -> str:
    """Return the name of a month's partition."""
    return f"calls_{year:04d}_{month:02d}"


def month_bounds(year: int, month: int) -> tuple[int, int]:
    """Return the start of a month and that of the next, in nanoseconds since the epoch."""
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    first, end = (to_ns(datetime(y, m, 1, tzinfo=UTC)) for y, m in ((year, month), following))
    # The maximum time is in the middle of a month.
    return first, min(end, END_OF_TIME_NS)
