"""Retention in PostgreSQL: whole months are dropped, the rest is deleted in chunks."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.maintenance.archive import archive_calls
from otel_cost_ledger.maintenance.retention_result import RetentionResult
from otel_cost_ledger.model.errors import LedgerNotFoundError
from otel_cost_ledger.model.filters import to_ns
from otel_cost_ledger.model.schema import KEPT_SINCE
from otel_cost_ledger.postgres.connection import (
    MAINTENANCE,
    WRITERS,
    PostgresConnection,
    find_schema,
    open_for_writing,
)
from otel_cost_ledger.postgres.names import PostgresNames
from otel_cost_ledger.sqlite.old_sums import OldSums, write_old_sums

if TYPE_CHECKING:
    from pathlib import Path

    from otel_cost_ledger.model.location import PostgresUrl

_CHUNK: Final = 5_000


def retain_in_postgres(
    url: PostgresUrl, horizon_ns: int, archive_to: Path | None, *, timeout_ms: int
) -> RetentionResult:
    """Delete calls that started before *horizon_ns*; keep their sums. One process at a time."""
    with PostgresConnection(url, timeout_ms=timeout_ms) as connection:
        if find_schema(connection) is None:
            raise LedgerNotFoundError(f"there is no cost ledger in {url} yet")
    with open_for_writing(url, timeout_ms=timeout_ms) as connection:
        (mine,) = connection.execute("SELECT pg_try_advisory_lock(?)", [MAINTENANCE]).fetchone()
        if not mine:
            return RetentionResult(busy=True)
        return _run(connection, horizon_ns, archive_to)


def _run(
    connection: PostgresConnection, horizon_ns: int, archive_to: Path | None
) -> RetentionResult:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", [KEPT_SINCE]).fetchone()
    before_ns = int(found[0]) if found else 0
    horizon_ns = max(horizon_ns, before_ns)
    # First the horizon: from here on no writer adds or changes an older call.
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
    longest_s = 0.0
    for month in _months_before(connection, horizon_ns):
        longest_s = max(longest_s, _timed(connection, f"DROP TABLE {month}"))
    for table, column in (
        ("calls", "start_ns"),
        ("replaced_prices", "start_ns"),
        ("latency_violations", "at_ns"),
    ):
        longest_s = max(longest_s, _delete(connection, table, column, horizon_ns))
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
    found = []
    for (name,) in names:
        _, year, month = name.split("_")
        following = (int(year) + int(month) // 12, int(month) % 12 + 1)
        if to_ns(datetime(*following, 1, tzinfo=UTC)) <= horizon_ns:
            found.append(name)
    return found


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
