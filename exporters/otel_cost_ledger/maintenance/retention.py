"""Retention: old calls are deleted in short transactions, so that writers hardly wait.

Only rows and the sums by user and session are deleted. Other sums, the latency histogram and their
names stay: hourly ones for `HOURS_KEPT_DAYS`, daily ones for ever.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.maintenance.archive import archive_calls
from otel_cost_ledger.maintenance.exclusive import Chunks, exclusive
from otel_cost_ledger.maintenance.retention_result import RetentionResult
from otel_cost_ledger.maintenance.summing import drop_old_hours, sum_until
from otel_cost_ledger.model.location import PostgresUrl, written_here
from otel_cost_ledger.model.quiet import suppressed
from otel_cost_ledger.model.rows import MAX_TIME_NS
from otel_cost_ledger.model.schema import KEPT_SINCE, NS_PER_DAY, rows_kept_since
from otel_cost_ledger.model.sums import PEOPLE_TABLES
from otel_cost_ledger.sqlite.connection import DEFAULT_BUSY_TIMEOUT_MS

if TYPE_CHECKING:
    from pathlib import Path

    from otel_cost_ledger.model.location import Location

DEFAULT_RETENTION_DAYS: Final = 30
_PAGES_A_STEP: Final = 50
_OLD_ROWS: Final = (
    ("replaced_prices", "start_ns"),
    ("tool_calls", "start_ns"),
    ("latency_violations", "at_ns"),
)


def retain(
    path: Location,
    *,
    days: int = DEFAULT_RETENTION_DAYS,
    now_ns: int | None = None,
    archive_to: Path | None = None,
    busy_timeout_ms: int = DEFAULT_BUSY_TIMEOUT_MS,
) -> RetentionResult:
    """Delete calls that started before the last *days* whole UTC days; keep their sums.

    With *archive_to* they are first written to a verified file there. Only one process runs it at a
    time. Raises `LedgerError` or `sqlite3.Error`; earlier deletions stay.
    """
    if days < 1:
        raise ValueError(f"expected to keep at least 1 day, got {days}")
    path = written_here(path)
    now_ns = time.time_ns() if now_ns is None else now_ns
    horizon_ns = max(0, now_ns // NS_PER_DAY - days) * NS_PER_DAY
    if isinstance(path, PostgresUrl):
        from otel_cost_ledger.maintenance.postgres_retention import retain_in_postgres

        with suppressed():
            return retain_in_postgres(
                path, horizon_ns, archive_to, now_ns=now_ns, timeout_ms=busy_timeout_ms
            )
    with suppressed(), exclusive(path, busy_timeout_ms) as chunks:
        if chunks is None:
            return RetentionResult(busy=True)
        return _Retention(chunks).run(horizon_ns, archive_to, now_ns)


class _Retention:
    """One run, which measures the time that other writers wait."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks

    def run(self, horizon_ns: int, archive_to: Path | None, now_ns: int) -> RetentionResult:
        # The horizon first: from here on no writer adds or changes an older row, so the archive has
        # exactly the deleted rows, and a replay cannot count a call again.
        before_ns = rows_kept_since(self._chunks.connection)
        horizon_ns = max(horizon_ns, before_ns)
        drop_old_hours(self._chunks, now_ns)
        if self._oldest() >= horizon_ns:
            return RetentionResult()
        self._set_kept_since(horizon_ns)
        archive = None
        if archive_to is not None:
            try:
                archive, _ = archive_calls(self._chunks.connection, archive_to, 0, horizon_ns)
            except BaseException:
                self._set_kept_since(before_ns)
                raise
        sum_until(self._chunks, horizon_ns)
        deleted = self._chunks.delete("calls", "start_ns", horizon_ns)
        for table, column in _OLD_ROWS:
            self._chunks.delete(table, column, horizon_ns)
        for sums in PEOPLE_TABLES:
            self._chunks.delete(sums.name, sums.period, horizon_ns // sums.unit_ns)
        self._free_pages()
        return RetentionResult(
            deleted_calls=deleted,
            archive=archive,
            longest_lock_ms=self._chunks.longest_s * 1000,
        )

    def _oldest(self) -> int:
        row = self._chunks.connection.execute(
            "SELECT min(t) FROM (SELECT min(start_ns) AS t FROM calls"
            " UNION ALL SELECT min(start_ns) FROM tool_calls"
            " UNION ALL SELECT min(at_ns) FROM latency_violations)"
        ).fetchone()
        return MAX_TIME_NS if row[0] is None else int(row[0])

    def _set_kept_since(self, horizon_ns: int) -> None:
        with self._chunks.locked():
            self._chunks.connection.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?)"
                " ON CONFLICT DO UPDATE SET value = excluded.value",
                (KEPT_SINCE, str(horizon_ns)),
            )

    def _free_pages(self) -> None:
        while self._chunks.connection.execute("PRAGMA freelist_count").fetchone()[0]:
            began = time.perf_counter()
            with self._chunks.waiting():
                # fetchall, because the pragma frees one page for each row read.
                self._chunks.connection.execute(
                    f"PRAGMA incremental_vacuum({_PAGES_A_STEP})"
                ).fetchall()
            self._chunks.longest_s = max(self._chunks.longest_s, time.perf_counter() - began)
            self._chunks.checkpoint_now_and_then()
        self._chunks.checkpoint()
