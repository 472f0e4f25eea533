"""`otel-distro costs --top`: the dearest groups one by one, the others in one line."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from otel_cost_ledger import LedgerWriter
from otel_pricing.model.call import CostStatus, ModelCall, PricedCall, Usage
from support.ledger_cli import answer, run

if TYPE_CHECKING:
    from pathlib import Path

NOON_NS = 1_763_812_800_000_000_000
USERS = 120


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Calls of 120 users, of which the last is the dearest."""
    path = tmp_path / "ledger.db"
    writer = LedgerWriter(path, pseudonym_key=b"0123456789abcdef")
    writer.write(
        [
            PricedCall(
                call=ModelCall(
                    trace_id=number + 1,
                    span_id=number + 1,
                    start_ns=NOON_NS + number * 1000,
                    end_ns=NOON_NS + number * 1000 + 10**9,
                    scope="test",
                    operation="chat",
                    provider="openai",
                    request_model=("gpt-4o", "o3")[number % 2],
                    usage=Usage(input_tokens=10, output_tokens=5),
                    user=f"user-{number}",
                ),
                status=CostStatus.PRICED,
                cost_nano_usd=(number + 1) * 1_000_000,
                price_source="test",
            )
            for number in range(USERS)
        ]
    )
    writer.shutdown()
    return path


def test_the_others_are_one_line_with_their_sum(ledger: Path) -> None:
    """118 users at 1 to 118 thousandths of a dollar."""
    found = answer("costs", "--by", "user", "--top", "2", "--ledger", ledger)

    assert [line["cost_nano_usd"] for line in found["by_user"]] == [120_000_000, 119_000_000]
    assert found["groups"] == USERS
    assert found["others"]["cost_nano_usd"] == sum(range(1, 119)) * 1_000_000
    assert found["total"]["calls"] == USERS


def test_programs_get_all_users_unless_they_ask_for_fewer(ledger: Path) -> None:
    """JSON and CSV are complete by default."""
    found = answer("costs", "--by", "user", "--ledger", ledger)
    table = run("costs", "--by", "user", "--csv", "--ledger", ledger).stdout
    short = run("costs", "--by", "user", "--csv", "--top", "2", "--ledger", ledger).stdout

    assert len(found["by_user"]) == USERS
    assert found["others"] is None
    assert len(list(csv.reader(io.StringIO(table)))) == 1 + USERS
    rows = list(csv.DictReader(io.StringIO(short)))
    assert [row["user"] for row in rows][2:] == ["others"]
    assert sum(int(row["calls"]) for row in rows) == USERS


def test_a_table_by_user_lists_a_hundred_and_counts_the_others(ledger: Path) -> None:
    """With 0 it lists all; other groups are never cut by default."""
    cut = run("costs", "--by", "user", "--ledger", ledger).stdout
    full_table = run("costs", "--by", "user", "--top", "0", "--ledger", ledger).stdout
    models = run("costs", "--by", "model", "--top", "1", "--ledger", ledger).stdout

    assert "20 others" in cut
    assert "others" not in full_table
    assert full_table.count("\n") == cut.count("\n") + 19
    assert "1 other" in models


def test_a_cut_report_cannot_hide_small_groups(ledger: Path) -> None:
    """Merging considers all lines."""
    found = run("costs", "--by", "model", "--top", "1", "--least-users", "5", "--ledger", ledger)

    assert found.exit_code == 2
    assert "--least-users" in found.stderr
