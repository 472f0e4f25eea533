"""`otel-distro reports whatif`: the same calls with another model or more caching."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.ledger_cli import answer, ledger_of, run
from support.otlp_archive import chat_span

SINCE = ("--since", "2026-01-01")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Two calls of gpt-4o, 1200 tokens in and 300 out: 12000 micro-dollars."""
    return ledger_of(tmp_path, chat_span(0), chat_span(1))


def test_another_model_of_the_same_provider(ledger: Path) -> None:
    """2 x (1200 x 0.15 + 300 x 0.60) = 720 micro-dollars instead of 12000."""
    report = answer(
        "reports", "whatif", "--model", "gpt-4o-2024-08-06=gpt-4o-mini", *SINCE, "--ledger", ledger
    )

    assert report["total"] == {
        "calls": 2,
        "before_nano_usd": 12_000_000,
        "after_nano_usd": 720_000,
        "not_comparable": 0,
    }


def test_a_model_can_be_given_by_its_requested_name(ledger: Path) -> None:
    """Users know gpt-4o; spans also name the model that answered."""
    report = answer(
        "reports", "whatif", "--model", "gpt-4o=gpt-4o-mini", *SINCE, "--ledger", ledger
    )

    assert report["total"]["after_nano_usd"] == 720_000


def test_a_model_of_another_provider(ledger: Path) -> None:
    """2 x (1200 x 1 + 300 x 5) = 5400 micro-dollars."""
    report = answer(
        "reports", "whatif", "--model", "gpt-4o=claude-haiku-4-5", *SINCE, "--ledger", ledger
    )

    assert report["total"]["after_nano_usd"] == 5_400_000


def test_a_better_cache(ledger: Path) -> None:
    """2 x (480 x 2.50 + 720 x 1.25 + 300 x 10) = 10200 micro-dollars."""
    report = answer("reports", "whatif", "--cache-hit", "60%", *SINCE, "--ledger", ledger)

    assert report["total"]["after_nano_usd"] == 10_200_000


def test_a_model_without_a_price_is_left_out_of_both_sums(ledger: Path) -> None:
    """Unknown is not zero and must not look like a saving."""
    result = run("reports", "whatif", "--model", "gpt-4o=house-model", *SINCE, "--ledger", ledger)

    assert "2 calls left out: no price for one of the two" in result.stdout
    assert "-100" not in result.stdout


def test_nothing_changes_in_the_ledger(ledger: Path) -> None:
    """The command only reads."""
    run("reports", "whatif", "--model", "gpt-4o=gpt-4o-mini", *SINCE, "--ledger", ledger)

    assert answer("costs", "--ledger", ledger)["total"]["cost_nano_usd"] == 12_000_000


@pytest.mark.parametrize("arguments", [(), ("--model", "gpt-4o"), ("--cache-hit", "120%")])
def test_an_invalid_query_is_wrong_usage(ledger: Path, arguments: tuple[str, ...]) -> None:
    """Exit code 2."""
    assert run("reports", "whatif", *arguments, "--ledger", ledger).exit_code == 2


def test_whatif_for_people(ledger: Path) -> None:
    """Before, after and the change."""
    result = run("reports", "whatif", "--model", "gpt-4o=gpt-4o-mini", *SINCE, "--ledger", ledger)

    last = result.stdout.splitlines()[-1]
    assert last.split() == ["total", "2", "$0.0120", "$0.00072", "-94.0", "%"]


def test_failed_calls_are_in_the_row_of_the_model_that_answers(tmp_path: Path) -> None:
    """As in `costs`: the request asked for gpt-4o, and gpt-4o-2024-08-06 answers it."""
    failed = chat_span(
        1, **{"gen_ai.response.model": None, "error.type": "rate_limit", "http_status": 429}
    )
    ledger = ledger_of(tmp_path, chat_span(0), failed)

    report = answer("reports", "whatif", "--cache-hit", "60%", *SINCE, "--ledger", ledger)

    assert [row["model"] for row in report["by_model"]] == ["gpt-4o-2024-08-06"]
