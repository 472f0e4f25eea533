"""Changes of settings, purges and corrections have entries in the audit trail."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from otel_budget.cost_budget import Action, CostBudget
from otel_cost_ledger.write.writer import LedgerWriter
from otel_distro.cli import main
from otel_distro.pipeline.accounting.maintenance import Maintenance
from otel_distro.privacy import audit
from otel_distro.privacy.content import store
from otel_distro.settings import Settings
from otel_distro.settings.audit import note
from otel_pricing import CostStatus, ModelCall, PricedCall

DAY_NS = 86_400_000_000_000


def trail(folder: Path) -> list[audit.Entry]:
    return list(audit.entries(folder))


@pytest.fixture
def standard(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path, ledger=tmp_path / "ledger.db")


def test_a_program_without_settings_writes_no_entry(standard: Settings, tmp_path: Path) -> None:
    """Not even a file."""
    note(standard, "shop")

    assert list(tmp_path.iterdir()) == []


def test_a_change_is_recorded_once_with_the_previous_value(
    standard: Settings, tmp_path: Path
) -> None:
    """And the change back as well."""
    note(replace(standard, redaction=False), "shop")
    note(replace(standard, redaction=False), "shop")
    note(standard, "shop")

    assert [entry.detail for entry in trail(tmp_path)] == [
        {"program": "shop", "changed": {"redaction": "True -> False"}},
        {"program": "shop", "changed": {"redaction": "False -> True"}},
    ]


def test_programs_with_different_settings_do_not_affect_each_other(
    standard: Settings, tmp_path: Path
) -> None:
    """One entry for the one that differs, for any number of starts."""
    for _ in range(3):
        note(standard, "shop")
        note(replace(standard, consent=True), "desk")

    assert [entry.detail["program"] for entry in trail(tmp_path)] == ["desk"]


def test_possible_secrets_are_only_reported_as_changed(standard: Settings, tmp_path: Path) -> None:
    """Neither the trail nor the file beside it has the value."""
    note(replace(standard, alert_urls=("slack://hunter2/#ops",)), "shop")

    assert trail(tmp_path)[0].detail["changed"] == {"alert_urls": "(changed)"}
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_damaged_record_of_settings_is_ignored(standard: Settings, tmp_path: Path) -> None:
    """It is recreated."""
    (tmp_path / "settings.seen.json").write_text("{")
    note(replace(standard, redaction=False), "shop")

    assert len(trail(tmp_path)) == 1


def test_retention_records_removed_data_messages_included(
    standard: Settings, tmp_path: Path
) -> None:
    """Once a day, by any process."""
    old = time.time_ns() - 40 * DAY_NS
    call = ModelCall(trace_id=1, span_id=1, start_ns=old, end_ns=old, scope="s", operation="chat",
                     provider="openai", request_model="gpt-4o")  # fmt: skip
    writer = LedgerWriter(tmp_path / "ledger.db")
    writer.write([PricedCall(call=call, status=CostStatus.UNPRICED, cost_nano_usd=None)])
    writer.shutdown()
    store.write(tmp_path / "content.db", [store.Sealed(old, 1, bytes(16), None, b"x")])

    Maintenance(tmp_path / "ledger.db", 30, tmp_path).run_once()
    Maintenance(tmp_path / "ledger.db", 30, tmp_path).run_once()

    (entry,) = trail(tmp_path)
    assert entry.action == "ledger.retained"
    assert entry.detail == {"days": 30, "calls": 1, "messages": 1}


def test_corrections_of_budgets_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With author, old and new value, and reason."""
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("OTEL_DISTRO_BUDGET_USD_PER_DAY", "5")
    assert CostBudget.per_day(Decimal(5), Action.WARN).name == "day"
    CliRunner().invoke(main, ["budgets", "set", "day", "1.50", "--why", "invoice"])
    CliRunner().invoke(main, ["budgets", "reset", "day"])

    first, second = trail(tmp_path)
    assert (first.action, second.action) == ("budget.set", "budget.reset")
    assert first.detail["spent"] == "$1.50"
    assert first.detail["why"] == "invoice"
    assert first.by


def test_calls_that_are_written_elsewhere_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With number, target and author."""
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path))
    call = ModelCall(trace_id=1, span_id=1, start_ns=1, end_ns=2, scope="s", operation="chat",
                     provider="openai", request_model="gpt-4o")  # fmt: skip
    writer = LedgerWriter(tmp_path / "ledger.db")
    writer.write([PricedCall(call=call, status=CostStatus.UNPRICED, cost_nano_usd=None)])
    writer.shutdown()
    files = {name: str(tmp_path / name) for name in ("old", "copy.db", "report.html")}
    run = CliRunner().invoke
    run(main, ["ledger", "archive", files["old"]])
    run(main, ["ledger", "copy", str(tmp_path / "ledger.db"), files["copy.db"]])
    run(main, ["reports", "report", "--html", files["report.html"], "--window", "all"])

    archived, copied, reported = trail(tmp_path)
    assert archived.by
    (made,) = (tmp_path / "old").iterdir()
    assert (archived.action, archived.detail) == (
        "ledger.archived",
        {"calls": 1, "archive": str(made)},
    )
    assert (copied.action, copied.detail) == (
        "ledger.copied",
        {"calls": 1, "to": files["copy.db"]},
    )
    assert (reported.action, reported.detail) == (
        "report.written",
        {"file": files["report.html"], "query": {"window": "all", "by": "model"}},
    )
