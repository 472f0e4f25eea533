"""`otel-distro ledger prices --unknown`: models of the ledger without a price."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from otel_pricing import price_table
from support.ledger_cli import answer, ledger_of, run
from support.otlp_archive import chat_span

if TYPE_CHECKING:
    from pathlib import Path


def ledger(tmp_path: Path) -> Path:
    models = ("prod-gpt-4o-eastus", "prod-gpt-4o-eastus", "house-model-1", "gpt-4o")
    return ledger_of(
        tmp_path,
        *(
            chat_span(n, **{"gen_ai.request.model": model, "gen_ai.response.model": None})
            for n, model in enumerate(models)
        ),
    )


def test_models_without_a_price_are_listed_with_aliases(tmp_path: Path) -> None:
    """Those with the most calls first; a listed name inside a name is proposed."""
    found = answer("ledger", "prices", "--unknown", "--ledger", ledger(tmp_path))["unknown"]

    assert [(each["model"], each["calls"], each["proposed_model"]) for each in found] == [
        ("prod-gpt-4o-eastus", 2, "gpt-4o"),
        ("house-model-1", 1, None),
    ]


def test_the_proposed_aliases_are_a_price_file(tmp_path: Path) -> None:
    """The output after the table is valid in the file."""
    shown = run("ledger", "prices", "--unknown", "--ledger", ledger(tmp_path)).stdout

    declared = tomllib.loads(shown[shown.index("[[alias]]") :])
    assert [alias["pattern"] for alias in declared["alias"]] == [
        "prod-gpt-4o-eastus",
        "house-model-1",
    ]
    assert price_table(declared).aliases[0].model == "gpt-4o"


def test_a_ledger_with_all_prices_reports_that(tmp_path: Path) -> None:
    """Nothing to declare."""
    path = ledger_of(tmp_path, chat_span(1))

    result = run("ledger", "prices", "--unknown", "--ledger", path)

    assert result.exit_code == 0
    assert "every model" in result.stderr


def test_a_model_or_unknown_is_required() -> None:
    """One of both."""
    result = run("ledger", "prices")

    assert result.exit_code == 2
    assert "--unknown" in result.stderr
