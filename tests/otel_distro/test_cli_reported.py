"""`otel-distro ledger reconcile --reported`: computed costs beside reported ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.ledger_cli import answer, ledger_of, run
from support.otlp_archive import chat_span

if TYPE_CHECKING:
    from pathlib import Path


def test_costs_of_both_kinds_are_compared(tmp_path: Path) -> None:
    """A computed call is 0.006; one reports that, one more, one an ignored zero."""
    unknown = {"gen_ai.request.model": "house-1", "gen_ai.response.model": None}
    path = ledger_of(
        tmp_path,
        chat_span(1, **{"gen_ai.usage.cost": "0.006"}),
        chat_span(2, **{"gen_ai.cost.total_cost": "0.0075"}),
        chat_span(3, **{"gen_ai.usage.cost": "0"}),
        chat_span(4),
        chat_span(5, **unknown, **{"gen_ai.usage.cost": "0.02"}),
    )

    found = answer("ledger", "reconcile", "--reported", "--ledger", path)["reported"]

    assert found == [
        {
            "day": "2026-01-01",
            "provider": "openai",
            "model": "gpt-4o-2024-08-06",
            "calls": 2,
            "differing_calls": 1,
            "computed_nano_usd": 12_000_000,
            "reported_nano_usd": 13_500_000,
            "reported_only_calls": 0,
            "reported_only_nano_usd": 0,
            "gap_nano_usd": 1_500_000,
        },
        {
            "day": "2026-01-01",
            "provider": "openai",
            "model": "house-1",
            "calls": 0,
            "differing_calls": 0,
            "computed_nano_usd": 0,
            "reported_nano_usd": 0,
            "reported_only_calls": 1,
            "reported_only_nano_usd": 20_000_000,
            "gap_nano_usd": 0,
        },
    ]
    assert "$0.0015" in run("ledger", "reconcile", "--reported", "--ledger", path).stdout


def test_a_file_or_reported_costs_are_required() -> None:
    """One of both."""
    assert run("ledger", "reconcile").exit_code == 2
