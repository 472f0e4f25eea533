"""Alerts: classes of errors, one message per incident, none without data."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from otel_budget.cost_budget import CostBudget
from otel_cost_ledger.query.ledger import open_ledger
from otel_cost_ledger.write.writer import LedgerWriter
from otel_distro.base.error_categories import Category, categorise
from otel_distro.cli import main
from otel_distro.reports.alerts.incidents import COOLDOWN, Memory, messages
from otel_distro.reports.alerts.rules import Incident, check
from otel_distro.reports.budgets.report import BudgetLine
from otel_distro.reports.health.checks import HealthCheck, check_memory, overall
from otel_pricing import CostStatus, ModelCall, PricedCall, Usage

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("error", "status", "message", "category"),
    [
        ("RateLimitError", 429, "", Category.TRANSIENT),
        ("APITimeoutError", None, "", Category.TRANSIENT),
        ("ConnectionResetError", None, "", Category.TRANSIENT),
        ("InternalServerError", 500, "", Category.TRANSIENT),
        ("AuthenticationError", 401, "", Category.CONFIGURATION),
        ("PermissionDeniedError", None, "", Category.CONFIGURATION),
        ("APIStatusError", 402, "", Category.RESOURCE),
        ("MemoryError", None, "", Category.RESOURCE),
        ("BadRequestError", None, "", Category.DATA),
        ("JSONDecodeError", None, "", Category.DATA),
        ("KeyError", None, "'api_key'", Category.DATA),
        ("builtins.KeyError", None, "", Category.DATA),
        ("503", None, "", Category.TRANSIENT),
        ("RuntimeError", None, "invalid API key", Category.CONFIGURATION),
        ("RuntimeError", None, "the monkey ate it", Category.UNKNOWN),
        ("RuntimeError", None, "the key of this song", Category.UNKNOWN),
        ("RuntimeError", None, "no space left on disk", Category.RESOURCE),
        ("RuntimeError", None, "upstream timed out", Category.TRANSIENT),
        (None, None, "", Category.UNKNOWN),
    ],
)
def test_errors_by_status_then_class_then_message(
    error: str | None, status: int | None, message: str, category: Category
) -> None:
    """Whole words only: neither "monkey" nor KeyError is about configuration."""
    assert categorise(error, status, message) is category


def a_call(number: int, minutes_ago: float, **more: Any) -> PricedCall:
    start = int((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1e9) + number
    cost = more.pop("cost", 1000)
    status = CostStatus.UNPRICED if cost is None else CostStatus.PRICED
    latency_ms = more.pop("latency_ms", 100)
    call = ModelCall(
        trace_id=number,
        span_id=number,
        start_ns=start,
        end_ns=start + int(latency_ms * 1e6),
        scope="s",
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        usage=Usage(input_tokens=1, output_tokens=1),
        **more,
    )
    return PricedCall(call=call, status=status, cost_nano_usd=cost)


def found(
    path: Path, calls: list[PricedCall], lines: list[BudgetLine] | None = None
) -> dict[str, Incident]:
    writer = LedgerWriter(path / "ledger.db", pseudonym_key=bytes(32))
    writer.write(calls)
    writer.force_flush()
    writer.shutdown()
    with open_ledger(path / "ledger.db") as ledger:
        return {incident.key: incident for incident in check(ledger, lines or [], NOW)}


def test_no_data_is_no_alert(tmp_path: Path) -> None:
    """And no crash."""
    assert found(tmp_path, []) == {}


def test_states_of_processes_raise_alerts(tmp_path: Path) -> None:
    """A missing guard and dropped telemetry; no other warning is reported."""
    live = [
        HealthCheck("guard", "critical", "in place in 0 of 1 process", 1),
        HealthCheck("ledger lag", "degraded", "9 calls wait: disk_full", 9),
        HealthCheck("own errors", "warning", "1 in 1 process", 1),
        HealthCheck("spans", "warning", "today 9 emitted = 6 delivered + 3 dropped", 3),
        HealthCheck("log records", "healthy", "today 9 emitted = 9 delivered", 0),
    ]

    found = check(None, [], NOW, live)

    assert [(i.key, i.severity) for i in found] == [
        ("health:guard", "critical"),
        ("health:ledger lag", "warning"),
        ("health:spans", "warning"),
    ]


def test_too_few_calls_raise_no_alert(tmp_path: Path) -> None:
    """One failure of one call is not an error rate of 100 %."""
    assert "error_rate" not in found(tmp_path, [a_call(1, 1, error_type="TimeoutError")])


def test_errors_of_one_kind_in_five_minutes(tmp_path: Path) -> None:
    """Three of configuration are an incident; two are not, nor are old ones."""
    errors = [a_call(n, 2, error_type="AuthenticationError") for n in range(1, 4)]
    key = "error_frequency:configuration:chat"

    assert found(tmp_path / "a", errors)[key].trace_ids[0] == f"{1:032x}"
    assert key not in found(tmp_path / "b", errors[:2])
    assert key not in found(tmp_path / "c", [a_call(n, 9, error_type="X401") for n in (1, 2, 3)])


def test_an_error_rate_above_a_tenth(tmp_path: Path) -> None:
    """Two of twelve; one of ten is not above."""
    good = [a_call(n, 30) for n in range(10, 20)]
    bad = [a_call(n, 30, error_type="TimeoutError") for n in (1, 2)]

    assert "error_rate" in found(tmp_path / "a", good + bad)
    assert "error_rate" not in found(tmp_path / "b", good[:9] + bad[:1])


def test_slow_calls(tmp_path: Path) -> None:
    """More than five seconds on average, the slowest trace first."""
    calls = [a_call(n, 30, latency_ms=5000 + n) for n in range(1, 7)]

    assert found(tmp_path, calls)["latency"].trace_ids[0] == f"{6:032x}"


def test_calls_without_a_price(tmp_path: Path) -> None:
    """By model."""
    assert "unpriced:gpt-4o" in found(tmp_path, [a_call(1, 5, cost=None)])


def a_line(spent: int) -> BudgetLine:
    budget = CostBudget(name="day", limit=100_000_000_000)
    window = budget.calendar.window(int(NOW.timestamp() * 1e9))
    return BudgetLine(budget, "", spent, 0, window.since_ns, window.until_ns, 0)


def test_a_budget_nearly_spent_and_spent(tmp_path: Path) -> None:
    """95 % warns, 100 % is critical, 94 % is nothing."""
    severities = [
        [i.severity for i in found(tmp_path / str(spent), [], [a_line(spent)]).values()]
        for spent in (94_000_000_000, 95_000_000_000, 100_000_000_000)
    ]

    assert severities == [[], ["warning"], ["critical"]]


def test_money_burning_in_both_windows(tmp_path: Path) -> None:
    """$100 a day are $4.17 an hour; $70 in an hour, still rising, is 16.8 times as fast."""
    going_on = [a_call(n, n, cost=2_000_000_000) for n in range(1, 36)]
    over = [a_call(n, n + 20, cost=2_000_000_000) for n in range(1, 36)]

    assert "burn_rate:day:60" in found(tmp_path / "a", going_on, [a_line(0)])
    assert "burn_rate:day:60" not in found(tmp_path / "b", over, [a_line(0)])


INCIDENT = Incident("latency", "warning", "calls took 9,000 ms")


def test_an_incident_is_reported_once_at_its_beginning_and_once_at_its_end() -> None:
    """For any number of checks in between."""
    known: dict[str, Any] = {}
    titles = []
    for present in (True, True, True, False, False):
        told, known = messages([INCIDENT] if present else [], known, NOW)
        titles.append([message.title for message in told])

    assert titles == [
        ["[warning] calls took 9,000 ms"],
        [],
        [],
        ["[resolved] calls took 9,000 ms"],
        [],
    ]


def test_a_flapping_incident_is_not_reported_again() -> None:
    """Until it has been quiet for a while."""
    _, known = messages([INCIDENT], {}, NOW)
    _, known = messages([], known, NOW)
    soon, _ = messages([INCIDENT], known, NOW + COOLDOWN / 2)
    later, _ = messages([INCIDENT], known, NOW + 2 * COOLDOWN)

    assert soon == []
    assert len(later) == 1


def test_a_damaged_state_file_counts_as_empty(tmp_path: Path) -> None:
    """Sending an alert twice is better than never."""
    memory = Memory(tmp_path / "state" / "alerts.json")
    memory.write({"a": {}})
    assert memory.read() == {"a": {}}

    (tmp_path / "state" / "alerts.json").write_text("{")

    assert memory.read() == {}


@pytest.mark.parametrize(
    ("percent", "status"), [(80, "healthy"), (80.1, "warning"), (90.1, "critical")]
)
def test_memory_is_graded(percent: float, status: str) -> None:
    """Above 90 % critical, above 80 % a warning."""
    assert check_memory(percent).status == status
    assert overall([check_memory(10), check_memory(percent)]) == status


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("OTEL_DISTRO_BUDGET_USD_PER_DAY", "1")
    return tmp_path / "otel-distro"


def test_health_reads_the_state_of_all_processes(host: Path) -> None:
    """Nothing yet is healthy; a spent budget is not."""
    before = CliRunner().invoke(main, ["reports", "health", "--json"])
    CliRunner().invoke(main, ["budgets", "set", "day", "1"])
    after = CliRunner().invoke(main, ["reports", "health", "--json"])

    assert json.loads(before.stdout)["checks"]["budget day"]["status"] == "healthy"
    assert json.loads(after.stdout)["checks"]["budget day"]["status"] == "degraded"
    assert after.exit_code == 1


def test_alerts_check_reports_once_and_exits_with_1(host: Path) -> None:
    """For cron."""
    assert CliRunner().invoke(main, ["reports", "alerts", "check"]).exit_code == 0
    CliRunner().invoke(main, ["budgets", "set", "day", "1"])
    first = CliRunner().invoke(main, ["reports", "alerts", "check"])
    second = CliRunner().invoke(main, ["reports", "alerts", "check"])

    assert (first.exit_code, second.exit_code) == (1, 1)
    assert "[critical] budget 'day' is spent" in first.stderr
    assert "[critical]" not in second.stderr
    assert "budget 'day' is spent" in second.stdout


def test_alerts_test_needs_somewhere_to_send_to(host: Path) -> None:
    """And says which variable names it."""
    done = CliRunner().invoke(main, ["reports", "alerts", "test"])

    assert done.exit_code == 2
    assert "OTEL_DISTRO_ALERT_URLS" in done.stderr


def test_notifying_without_apprise_names_the_package(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the message is sent at the next check, not lost."""
    import sys

    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv("OTEL_DISTRO_ALERT_URLS", "json://127.0.0.1:1/secret-token")
    CliRunner().invoke(main, ["budgets", "set", "day", "1"])
    began = time.monotonic()
    done = CliRunner().invoke(main, ["reports", "alerts", "check"])

    assert "otel-distro[alerts]" in done.stderr
    assert "secret-token" not in done.stderr
    assert not (host / "alerts.json").exists()
    assert time.monotonic() - began < 10
