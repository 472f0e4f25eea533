"""Retention runs automatically, once a day."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.query.queries import calls, costs
from otel_cost_ledger.write.writer import LedgerWriter
from otel_distro.pipeline.accounting.maintenance import Maintenance
from otel_distro.privacy.content import store
from otel_pricing import CostStatus, ModelCall, PricedCall

DAY_NS = 86_400 * 10**9


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with a call of today and one of forty days ago."""
    path = tmp_path / "ledger.db"
    writer = LedgerWriter(path)
    for number, age in enumerate((0, 40)):
        start = time.time_ns() - age * DAY_NS
        call = ModelCall(
            trace_id=1 + number,
            span_id=1 + number,
            start_ns=start,
            end_ns=start + 1000,
            scope="test",
            operation="chat",
            provider="openai",
            request_model="gpt-4o",
        )
        writer.write([PricedCall(call=call, status=CostStatus.PRICED, cost_nano_usd=5)])
    writer.shutdown()
    return path


def test_old_calls_are_deleted_and_their_sums_stay(ledger: Path) -> None:
    """Thirty days of single calls, daily totals for ever."""
    Maintenance(ledger, 30).run_once()

    with open_ledger(ledger) as opened:
        assert len(calls(opened)) == 1
        assert costs(opened).total.cost_nano_usd == 10


def test_calls_are_added_to_the_sums_by_agent_and_user(ledger: Path) -> None:
    """Every few minutes, automatically; the newest calls are read from rows."""
    Maintenance(ledger, 30).sum_calls()

    with open_ledger(ledger) as opened:
        assert opened.summed is not None
        assert opened.summed.until_ns > time.time_ns() - DAY_NS
        assert list(opened.rows("SELECT sum(calls) FROM daily_agents")) == [(1,)]
        assert costs(opened, by=("agent",)).total.calls == 2


def test_messages_can_be_kept_for_fewer_days_than_calls(ledger: Path) -> None:
    """Calls of forty days ago stay for ninety days, messages of ten days ago go after seven."""
    content, now = ledger.with_name(store.FILE_NAME), time.time_ns()
    kept = [store.Sealed(now - age * DAY_NS, age, bytes(16), None, b"x") for age in (1, 10)]
    store.write(content, kept)

    Maintenance(ledger, 90, ledger.parent, message_days=7).run_once()

    assert [found.span_id for found in store.read(content)] == [1]
    with open_ledger(ledger) as opened:
        assert len(calls(opened)) == 2


def test_it_is_due_once_a_day(ledger: Path) -> None:
    """The last run leaves a stamp for all processes."""
    maintenance = Maintenance(ledger, 30)
    assert maintenance.is_due()
    maintenance.run_once()
    assert not maintenance.is_due()

    yesterday = time.time() - 90_000
    os.utime(ledger.with_name("ledger.db.retained"), (yesterday, yesterday))
    assert maintenance.is_due()


def test_a_ledger_that_cannot_be_cleaned_up_is_reported_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And does no harm."""
    path = tmp_path / "ledger.db"
    path.write_text("this is not a database " * 100)
    maintenance = Maintenance(path, 30)
    for _ in range(4):
        maintenance.run_once()
        maintenance.sum_calls()

    stderr = capsys.readouterr().err
    assert stderr.count("old calls could not be removed") == 1
    assert stderr.count("calls could not be added to the sums") == 1
