"""Retention in PostgreSQL: whole months are dropped, the rest is deleted in chunks."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.maintenance.archive import archive_calls
from otel_cost_ledger.maintenance.retention_result import RetentionResult
from otel_cost_ledger.maintenance.summing import HOURS_KEPT, end_of_step, needs_horizon
from otel_cost_ledger.model.errors import LedgerNotFoundError
from otel_cost_ledger.model.schema import KEPT_SINCE, NS_PER_DAY, rows_kept_since
from otel_cost_ledger.model.sums import PEOPLE_TABLES, add_up_to
from otel_cost_ledger.postgres.connection import (
    MAINTENANCE,
    WRITERS,
    PostgresConnection,
    find_schema,
    open_for_writing,
)
from otel_cost_ledger.postgres.names import PostgresNames
from otel_cost_ledger.postgres.store import month_bounds
from otel_cost_ledger.sqlite.old_sums import OldSums, write_old_sums

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_cost_ledger.model.location import PostgresUrl

_CHUNK: Final = 5_000
_CALLS_A_STEP: Final = 10_000
"""Calls that one transaction adds to the sums; other writers wait some tenths of a second."""


def retain_in_postgres(
    url: PostgresUrl,
    horizon_ns: int,
    archive_to: Path | None,
    *,
    now_ns: int,
    timeout_ms: int,
) -> RetentionResult:
    """Delete calls that started before *horizon_ns*; keep their sums. One process at a time."""
    with _exclusive(url, timeout_ms) as connection:
        if connection is None:
            return RetentionResult(busy=True)
        _drop_old_hours(connection, now_ns)
        return _run(connection, horizon_ns, archive_to)


def sum_in_postgres(url: PostgresUrl, until_ns: int, now_ns: int, *, timeout_ms: int) -> int:
    """Add the calls before *until_ns* to the deferred sums; return the number of transactions."""
    with _exclusive(url, timeout_ms) as connection:
        if connection is None:
            return 0
        _drop_old_hours(connection, now_ns)
        return _sum_until(connection, until_ns)


@contextmanager
def _exclusive(url: PostgresUrl, timeout_ms: int) -> Iterator[PostgresConnection | None]:
    """Yield a connection with the maintenance lock, None if another process has it."""
    with PostgresConnection(url, timeout_ms=timeout_ms) as connection:
        if find_schema(connection) is None:
            raise LedgerNotFoundError(f"there is no cost ledger in {url} yet")
    with open_for_writing(url, timeout_ms=timeout_ms) as connection:
        if not connection.is_pooled:
            (acquired,) = connection.execute(
                "SELECT pg_try_advisory_lock(?)", [MAINTENANCE]
            ).fetchone()
            yield connection if acquired else None
            return
        # A session lock would stay in the pool, so a second connection holds one for a transaction.
        with (
            PostgresConnection(url, timeout_ms=timeout_ms) as beside,
            beside.transaction(),
        ):
            (acquired,) = beside.execute(
                "SELECT pg_try_advisory_xact_lock(?)", [MAINTENANCE]
            ).fetchone()
            yield connection if acquired else None


def _sum_until(connection: PostgresConnection, until_ns: int) -> int:
    steps = 0
    while True:
        end_ns = end_of_step(connection, until_ns, _CALLS_A_STEP)
        if end_ns is None:
            return steps
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(?)", [WRITERS])
            add_up_to(connection, end_ns)
        steps += 1


def _drop_old_hours(connection: PostgresConnection, now_ns: int) -> None:
    for table, days in HOURS_KEPT:
        horizon_ns = max(0, now_ns // NS_PER_DAY - days) * NS_PER_DAY
        if needs_horizon(connection, table, horizon_ns):
            connection.execute(f"UPDATE summed SET {table.since} = ?", [horizon_ns])
        connection.execute(
            f"DELETE FROM {table.name} WHERE {table.period} < ?", [horizon_ns // table.unit_ns]
        )


def _run(
    connection: PostgresConnection, horizon_ns: int, archive_to: Path | None
) -> RetentionResult:
    before_ns = rows_kept_since(connection)
    horizon_ns = max(horizon_ns, before_ns)
    # The horizon first: from here on no writer adds or changes an older call.
    _set_kept_since(connection, horizon_ns)
    archive = None
    (old,) = connection.execute(
        "SELECT count(*) FROM calls WHERE start_ns < ?", [horizon_ns]
    ).fetchone()
    if archive_to is not None and old:
        try:
            archive, _ = archive_calls(connection, archive_to, 0, horizon_ns)
        except BaseException:
            connection.execute(
                "UPDATE meta SET value = ? WHERE key = ?", [str(before_ns), KEPT_SINCE]
            )
            raise
    _sum_until(connection, horizon_ns)
    longest_s = 0.0
    for month in _months_before(connection, horizon_ns):
        longest_s = max(longest_s, _timed(connection, f"DROP TABLE {month}"))
    for table, column in (
        ("calls", "start_ns"),
        ("replaced_prices", "start_ns"),
        ("tool_calls", "start_ns"),
        ("latency_violations", "at_ns"),
    ):
        longest_s = max(longest_s, _delete(connection, table, column, horizon_ns))
    for sums in PEOPLE_TABLES:
        statement = f"DELETE FROM {sums.name} WHERE {sums.period} < {horizon_ns // sums.unit_ns}"
        longest_s = max(longest_s, _timed(connection, statement))
    return RetentionResult(deleted_calls=old, archive=archive, longest_lock_ms=longest_s * 1000)


def _set_kept_since(connection: PostgresConnection, horizon_ns: int) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(?)", [WRITERS])
        write_old_sums(connection, PostgresNames(connection, 1), OldSums(horizon_ns, (), ()))


def _months_before(connection: PostgresConnection, horizon_ns: int) -> list[str]:
    names = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = to_regclass('calls') ORDER BY 1"
    )
    months = []
    for (name,) in names:
        _, year, month = name.split("_")
        _, end_ns = month_bounds(int(year), int(month))
        if end_ns <= horizon_ns:
            months.append(name)
    return months


def _delete(connection: PostgresConnection, table: str, column: str, horizon_ns: int) -> float:
    longest_s = 0.0
    while True:
        began = time.perf_counter()
        # ctid alone is not unique over partitions, tableoid identifies the partition.
        deleted = connection.execute(
            f"DELETE FROM {table} WHERE (tableoid, ctid) IN"
            f" (SELECT tableoid, ctid FROM {table} WHERE {column} < ? LIMIT {_CHUNK})",
            [horizon_ns],
        ).rowcount
        longest_s = max(longest_s, time.perf_counter() - began)
        if deleted < _CHUNK:
            return longest_s


def _timed(connection: PostgresConnection, statement: str) -> float:
    began = time.perf_counter()
    connection.execute(statement)
    return time.perf_counter() - began
