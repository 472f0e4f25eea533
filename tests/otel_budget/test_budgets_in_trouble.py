"""Budgets never block telemetry, nor lose charges that could not be written at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otel_budget.accounts.account import State
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.bootstrap.runtime import Runtime
from otel_distro.pipeline.budgets import wiring as budgets_module
from otel_distro.pipeline.budgets.wiring import Budgets
from otel_distro.settings import load
from otel_pricing import PriceBook
from support.budgets import CALL_NS, a_call

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environ = {"OTEL_DISTRO_BUDGET_USD_PER_DAY": "1", "XDG_STATE_HOME": str(tmp_path)}
    return replace(load(environ).settings, ledger=None)


def test_an_error_of_ours_leaves_telemetry_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No budget is active then, which is reported."""

    def broken(*_args: Any) -> None:
        raise RuntimeError("not today")

    monkeypatch.setattr(budgets_module, "Budgets", broken)

    runtime = Runtime(settings, withhold=False, endpoint="")

    assert runtime.budgets is None
    assert runtime.internal_errors.counts() == {"budget": 1}
    assert "cost budgets are not in force" in capsys.readouterr().err


def test_a_soft_budget_writes_delayed_charges_later(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another process locked the file, which is reported; nothing is lost or counted twice."""
    faults = InternalErrors()
    budgets = Budgets(settings, PriceBook, faults)
    account = budgets.all[0].account_of("", CALL_NS)
    budgets.settle([a_call(1)], [])
    path = settings.state_dir / "budget.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")
        budgets.settle([a_call(2)], [])
        budgets.settle([a_call(3)], [])
        file.execute("ROLLBACK")

    assert faults.counts() == {"books": 2}
    (line,) = capsys.readouterr().err.splitlines()
    assert "budgets cannot be updated now" in line
    assert "budget.db: database is locked" in line
    budgets.flush()

    assert budgets.accounts.state(account) == State(300, 0)
    budgets.close()
