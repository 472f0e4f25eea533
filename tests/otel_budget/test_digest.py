"""Digests: comparison with the previous period, frequent failures, suggested thresholds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from otel_budget.cost_budget import CostBudget
from otel_cost_ledger.model.entries import LatencyViolation
from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.write.writer import LedgerWriter
from otel_distro.cli import main
from otel_distro.reports.alerts.anomaly import HOUR_NS, Hour
from otel_distro.reports.alerts.history import History
from otel_distro.reports.alerts.incidents import Message
from otel_distro.reports.digest.review import Review, review
from otel_distro.reports.digest.suggestions import suggestions
from otel_pricing import CostStatus, ModelCall, PricedCall, Usage

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)


def a_call(number: int, hours_ago: float, **more: Any) -> PricedCall:
    start = int((NOW - timedelta(hours=hours_ago)).timestamp() * 1e9) + number
    cost = more.pop("cost", 1_000_000_000)
    call = ModelCall(
        trace_id=number,
        span_id=number,
        start_ns=start,
        end_ns=start + int(more.pop("latency_ms", 100) * 1e6),
        scope="s",
        operation="chat",
        provider="openai",
        request_model=more.pop("model", "gpt-4o"),
        usage=Usage(input_tokens=1, output_tokens=1),
        **more,
    )
    return PricedCall(call=call, status=CostStatus.PRICED, cost_nano_usd=cost)


def reviewed(path: Path, calls: list[PricedCall], period: Any = "weekly") -> Review:
    store(path / "ledger.db", calls)
    with open_ledger(path / "ledger.db") as ledger:
        return review(ledger, period, NOW)


def store(path: Path, calls: list[PricedCall]) -> None:
    writer = LedgerWriter(path, pseudonym_key=bytes(32))
    writer.write(calls)
    writer.force_flush()
    writer.shutdown()


def test_a_period_is_compared_with_the_one_before(tmp_path: Path) -> None:
    """Three dollars this week, two the week before; older spending does not count."""
    calls = [a_call(n, 24 * n) for n in (1, 2, 3)]
    calls += [a_call(n, 24 * n, latency_ms=300) for n in (8, 9)] + [a_call(20, 24 * 20)]

    found = reviewed(tmp_path, calls)

    assert (found.now.calls, found.now.cost_nano_usd) == (3, 3_000_000_000)
    assert (found.before.calls, found.before.average_ms) == (2, 300)
    assert found.now.error_rate == 0


def test_the_most_frequent_failures_have_a_stable_fingerprint(tmp_path: Path) -> None:
    """Twice with 429 this week and once the week before; once without a key."""
    limit = {"error_type": "RateLimitError", "http_status_code": 429}
    calls = [a_call(n, n, **limit) for n in (1, 2)] + [a_call(9, 24 * 9, **limit)]
    calls.append(a_call(3, 3, error_type="AuthenticationError"))

    first, second = reviewed(tmp_path / "a", calls).failures
    again = reviewed(tmp_path / "b", calls[:1]).failures[0]

    assert (first.calls, first.before, first.category) == (2, 1, "transient")
    assert second.category == "configuration"
    assert again.fingerprint == first.fingerprint != second.fingerprint


def test_models_are_compared_too(tmp_path: Path) -> None:
    """One is new, one is gone."""
    calls = [a_call(1, 1, model="new"), a_call(2, 24 * 8, model="old")]

    new, old = reviewed(tmp_path, calls).models

    assert (new.model, new.cost_nano_usd, new.before_nano_usd) == ("new", 1_000_000_000, 0)
    assert (old.model, old.cost_nano_usd, old.before_nano_usd) == ("old", 0, 1_000_000_000)


def test_a_period_without_calls_is_not_an_error(tmp_path: Path) -> None:
    """Unknown is not zero."""
    found = reviewed(tmp_path, [], "daily")

    assert found.now.calls == 0
    assert found.now.error_rate is None
    assert found.now.average_ms is None


def days(count: int, like: Hour) -> dict[int, Hour]:
    return {day * 24 * HOUR_NS: like for day in range(count)}


A_DOLLAR = Hour(calls=10, cost_nano_usd=1_000_000_000, latency_us=10 * 100_000)


@pytest.mark.parametrize(
    ("usd", "proposal"),
    [
        (None, ["OTEL_DISTRO_BUDGET_USD_PER_DAY=1.50"]),
        (2, []),
        (100, ["limit_usd = 1.50"]),
        ("0.5", ["limit_usd = 1.50"]),
    ],
    ids=["none", "one that fits", "one far too high", "one too low"],
)
def test_a_daily_budget_is_suggested_by_the_dearest_day(usd: object, proposal: list[str]) -> None:
    """With 50 % of headroom."""
    table = {"name": "day", "limit_usd": usd}
    budgets = [] if usd is None else [CostBudget.from_mapping(table)]

    assert [s.proposal for s in suggestions(days(14, A_DOLLAR), budgets, [])] == proposal


def test_a_few_days_suggest_nothing() -> None:
    """Less than a week."""
    assert suggestions(days(6, A_DOLLAR), [], []) == []


def test_an_alert_that_is_always_on_is_named() -> None:
    """Readers ignore it."""
    slow = Hour(calls=10, cost_nano_usd=0, latency_us=10 * 9_000_000)

    (found,) = suggestions(days(14, slow), [], [])

    assert found.subject == "latency alert"
    assert "100%" in found.reason


def test_a_latency_budget_that_is_never_kept_is_named() -> None:
    """By the median of its operations."""
    slow = [
        LatencyViolation(
            operation="search", budget_ms=1000, actual_ms=2000 + n, at_ns=n, trace_id=n, span_id=n
        )
        for n in range(1, 30)
    ]
    free = Hour(calls=10, latency_us=1000)

    (found,) = suggestions(days(14, free), [], slow)

    assert found.subject == "latency budget 'search'"
    assert "search=2418" in found.proposal


def test_sent_alerts_are_recorded_and_expire(tmp_path: Path) -> None:
    """Damaged lines do no harm."""
    history = History(tmp_path / "told.jsonl")
    history.add([Message("early", "")], NOW - timedelta(days=2))
    history.add([Message("late", ""), Message("over", "", resolved=True)], NOW)
    with (tmp_path / "told.jsonl").open("a") as file:
        file.write('{"at": 1}\nnonsense\n')

    assert [told.title for told in history.since(NOW - timedelta(days=1))] == ["late", "over"]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "otel-distro"


def test_the_command_for_people(host: Path) -> None:
    """A week, with failures and the cost of each model."""
    (host).mkdir()
    failed = {"error_type": "RateLimitError", "http_status_code": 429}
    store(host / "ledger.db", [a_call(1, 1), a_call(2, 1, **failed), a_call(3, 24 * 8)])
    History(host / "alerts-told.jsonl").add([Message("[critical] it burns", "")], NOW)

    done = CliRunner().invoke(main, ["reports", "digest", "weekly", "--until", "2025-11-20T12:30"])

    assert done.exit_code == 0, done.output
    assert "error rate       50 %" in done.stdout
    assert "+100 %" in done.stdout
    assert "1 sent" in done.stdout
    assert "it burns" in done.stdout
    assert "failed 1 time, was 0: RateLimitError 429 of chat gpt-4o (transient," in done.stdout


def test_the_command_for_machines(host: Path) -> None:
    """Without a ledger all figures are unknown, and marked so."""
    done = CliRunner().invoke(main, ["reports", "digest", "monthly", "--json"])

    data = json.loads(done.stdout)
    assert data["now"]["calls"] == 0
    assert data["now"]["error_rate"] is None
    assert data["suggestions"] == []
