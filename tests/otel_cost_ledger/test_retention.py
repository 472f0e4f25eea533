"""Retention deletes old calls, keeps their sums, and completes the archive first."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from otel_cost_ledger import (
    LatencyViolation,
    LedgerError,
    LedgerNotFoundError,
    LedgerWriter,
    open_ledger,
)
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.maintenance.retention import retain
from otel_cost_ledger.query.queries import calls, costs, stats
from otel_host.file_locks import try_lock
from otel_pricing.model.call import PricedCall

Query = Callable[..., list[tuple[Any, ...]]]
MakeCall = Callable[..., PricedCall]
DAY_NS = 86_400 * 10**9
NOW = datetime(2025, 11, 22, 12, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9


@pytest.fixture
def sixty_days(writer: LedgerWriter, make_call: Callable[..., PricedCall]) -> list[PricedCall]:
    """Ten calls a day for sixty days up to now."""
    batch = [
        make_call(start_ns=NOW_NS - n * DAY_NS // 10, tenant=f"t{n % 2}", user=f"u{n % 3}")
        for n in range(600)
    ]
    writer.write(batch)
    return batch


def test_rows_are_deleted_and_sums_stay(
    sixty_days: list[PricedCall], writer: LedgerWriter, path: Path
) -> None:
    """Thirty whole days of rows are kept, and costs of all sixty."""
    with open_ledger(path) as ledger:
        before = costs(ledger, by=("day", "tenant"))

    result = retain(path, days=30, now_ns=NOW_NS)

    with open_ledger(path) as ledger:
        after = costs(ledger, by=("day", "tenant"))
        kept = calls(ledger, limit=None)
        assert check_integrity(ledger).ok
    assert result.deleted_calls + len(kept) == 600
    assert min(c.priced.call.start_ns for c in kept) >= (NOW_NS // DAY_NS - 30) * DAY_NS
    assert after.total.cost_nano_usd == before.total.cost_nano_usd
    assert [line.calls for line in after.groups] == [line.calls for line in before.groups]
    assert after.complete


def test_a_query_over_deleted_rows_is_marked_incomplete(
    sixty_days: list[PricedCall], path: Path
) -> None:
    """Sums by user exist for kept rows only; percentiles of the remaining rows are withheld."""
    retain(path, days=30, now_ns=NOW_NS)

    with open_ledger(path) as ledger:
        by_user = costs(ledger, by=("user",))
        by_tenant = costs(ledger, by=("tenant",))
        by_model = costs(ledger, by=("model",))
        half_a_day = costs(ledger, since=NOW - timedelta(days=40, hours=3))
        half_an_hour = costs(ledger, since=NOW - timedelta(days=40, minutes=30))
        recent = costs(ledger, since=NOW - timedelta(days=20, hours=3), by=("user",))

    assert (by_user.complete, by_user.total.calls < 600) == (False, True)
    assert (by_tenant.complete, by_tenant.total.calls) == (True, 600)
    assert by_tenant.total.p50_ms is None
    assert by_model.total.p50_ms == pytest.approx(800, rel=0.022)
    assert half_a_day.complete
    assert not half_an_hour.complete
    assert recent.complete


def test_calls_that_were_deleted_cannot_be_counted_again(
    sixty_days: list[PricedCall], writer: LedgerWriter, path: Path
) -> None:
    """Importing an archive a second time after retention changes nothing."""
    retain(path, days=30, now_ns=NOW_NS)

    result = writer.write(sixty_days)

    assert result.written == 0
    assert result.expired + result.already_known == 600
    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 600


def test_the_archive_holds_exactly_what_is_deleted(
    sixty_days: list[PricedCall], path: Path, tmp_path: Path
) -> None:
    """Verified, private, and readable without the ledger."""
    result = retain(path, days=30, now_ns=NOW_NS, archive_to=tmp_path / "archive")

    assert result.archive is not None
    assert [result.archive] == list((tmp_path / "archive").iterdir())
    with gzip.open(result.archive, "rt", newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == result.deleted_calls
    assert {row["model"] for row in rows} == {"gpt-4o"}
    assert sum(int(row["cost_nano_usd"]) for row in rows) == 450_000 * len(rows)


def test_nothing_is_deleted_when_the_archive_fails(
    sixty_days: list[PricedCall],
    writer: LedgerWriter,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failed write is detected before rows are deleted."""

    def lossy(target: Any, header: Any, rows: Any) -> int:
        from otel_cost_ledger.model.csv_safe import write_csv

        return write_csv(target, header, list(rows)[:-1])

    monkeypatch.setattr("otel_cost_ledger.maintenance.archive.write_csv", lossy)

    with pytest.raises(LedgerError, match="nothing was deleted"):
        retain(path, days=30, now_ns=NOW_NS, archive_to=tmp_path / "archive")

    assert writer.write(sixty_days).already_known == 600
    with open_ledger(path) as ledger:
        assert len(calls(ledger, limit=None)) == 600


def test_a_second_run_has_nothing_to_do(
    sixty_days: list[PricedCall], path: Path, tmp_path: Path
) -> None:
    """And writes no empty archive."""
    retain(path, days=30, now_ns=NOW_NS)

    result = retain(path, days=30, now_ns=NOW_NS, archive_to=tmp_path / "archive")

    assert result.deleted_calls == 0
    assert not (tmp_path / "archive").exists()


def test_a_clock_that_went_back_restores_nothing_and_deletes_nothing(
    sixty_days: list[PricedCall], path: Path
) -> None:
    """The horizon only moves forward."""
    first = retain(path, days=30, now_ns=NOW_NS)

    second = retain(path, days=30, now_ns=NOW_NS - 20 * DAY_NS)

    assert (first.deleted_calls > 0, second.deleted_calls) == (True, 0)
    with open_ledger(path) as ledger:
        assert not costs(ledger, by=("user",)).complete


def test_old_violations_and_replaced_prices_are_deleted_too(
    writer: LedgerWriter, make_call: MakeCall, path: Path, query: Query
) -> None:
    """Rows with the time of a person's action are kept no longer than the calls."""
    old = make_call(start_ns=NOW_NS - 40 * DAY_NS)
    writer.write([old])
    writer.revise([replace(old, cost_nano_usd=1)])
    writer.record_violations(
        [
            LatencyViolation(
                operation="o",
                budget_ms=1,
                actual_ms=2,
                at_ns=NOW_NS - days * DAY_NS,
                trace_id=1,
                span_id=1,
            )
            for days in (40, 1)
        ]
    )

    retain(path, days=30, now_ns=NOW_NS)

    assert query("SELECT count(*) FROM replaced_prices") == [(0,)]
    assert query("SELECT count(*) FROM latency_violations") == [(1,)]


def test_one_process_at_a_time(sixty_days: list[PricedCall], path: Path) -> None:
    """The second returns without waiting."""
    with path.with_name("ledger.db.maintenance").open("w") as lock_file:
        held_lock = try_lock(lock_file.fileno())
        result = retain(path, days=30, now_ns=NOW_NS)

    assert held_lock
    assert (result.busy, result.deleted_calls) == (True, 0)


def test_the_file_shrinks_and_the_lock_is_held_for_moments(
    writer: LedgerWriter, make_call: MakeCall, path: Path
) -> None:
    """Deleting 20,000 calls blocks no writer for more than 30 ms (more on a busy machine)."""
    for day in range(20):
        writer.write([make_call(start_ns=NOW_NS - (40 - day) * DAY_NS + n) for n in range(1000)])
    writer.shutdown()
    before = path.stat().st_size

    result = retain(path, days=30, now_ns=NOW_NS)

    assert result.deleted_calls == 10_000
    assert path.stat().st_size < before * 0.7
    assert result.longest_lock_ms < 300


def test_retention_needs_a_ledger_and_a_day(path: Path) -> None:
    """Without them it raises."""
    with pytest.raises(ValueError, match="at least 1 day"):
        retain(path, days=0)
    with pytest.raises(LedgerNotFoundError):
        retain(path)


def test_statistics_report_deleted_rows(sixty_days: list[PricedCall], path: Path) -> None:
    """`stats` prints the same warning as `costs`."""
    retain(path, days=30, now_ns=NOW_NS)

    with open_ledger(path) as ledger:
        assert not stats(ledger, by=("session",)).complete
        assert stats(ledger, by=("model",)).complete
