"""`otel-distro budgets`: the state of budgets, and manual changes with an audit record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from otel_budget.cost_budget import CostBudget
from otel_budget.windows import HOUR_NS
from otel_distro.cli import main
from otel_distro.pipeline.budgets.shared_accounts import open_accounts
from otel_distro.reports.budgets.report import BudgetLine
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("OTEL_DISTRO_BUDGET_USD_PER_DAY", "10")


def budgets(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["budgets", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_remainder_is_shown() -> None:
    """For programs in whole nano-dollars."""
    budgets("set", "day", "2.5")

    (line,) = json.loads(budgets("--json"))["budgets"]

    assert (line["limit"], line["spent"], line["left"]) == (10**10, 25 * 10**8, 75 * 10**8)
    assert "$2.50" in budgets()


def test_changes_by_hand_are_on_record() -> None:
    """Author, change, reason."""
    budgets("set", "day", "2.5", "--why", "invoice")
    budgets("reset", "day")

    details = [change["detail"] for change in json.loads(budgets("changes", "--json"))["changes"]]

    assert details[0].endswith("spent 2500000000 -> 0")
    assert details[1].endswith("spent 0 -> 2500000000 (invoice)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set", "month", "1"], "no budget is called 'month': day"),
        (["set", "day", "lots"], "'lots' is not an amount"),
        (["set", "day", "-1"], "No such option"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], message: str) -> None:
    """And prints the valid usage."""
    done = CliRunner().invoke(main, ["budgets", *arguments])

    assert done.exit_code == 2
    assert message in done.stderr


def test_without_a_budget_the_command_shows_how_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is not an error."""
    monkeypatch.delenv("OTEL_DISTRO_BUDGET_USD_PER_DAY")
    done = CliRunner().invoke(main, ["budgets"])

    assert done.exit_code == 0
    assert "OTEL_DISTRO_BUDGET_USD_PER_DAY=5" in done.stderr


def line(spent: int, hours: int) -> BudgetLine:
    budget = CostBudget(name="day", limit=100)
    return BudgetLine(budget, "", spent, 0, 0, 24 * HOUR_NS, hours * HOUR_NS)


def test_the_forecast_extrapolates_the_rate() -> None:
    """50 in 5 hours are 10 an hour; the other 50 last 5 more hours."""
    assert line(50, 5).per_hour == 10
    assert line(50, 5).runs_out_ns == 10 * HOUR_NS


def test_no_forecast_beyond_the_window() -> None:
    """10 in 12 hours will not be 100 by midnight; nothing spent never runs out."""
    assert line(10, 12).runs_out_ns is None
    assert line(0, 12).runs_out_ns is None


def test_accounts_have_the_amount_that_is_set(tmp_path: Path) -> None:
    """The command and the running app read the same file."""
    budgets("set", "day", "1")
    settings = load(process_environment()).settings
    accounts = open_accounts(settings)

    (budget,) = settings.cost_budgets
    assert accounts.scopes("day", 0) == [""]
    assert budget.name == "day"
    accounts.close()
