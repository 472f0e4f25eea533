"""`otel-distro ledger reconcile FILE`: the ledger beside the provider's figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.ledger_cli import answer, ledger_of, run
from support.otlp_archive import chat_span

OPENAI_USAGE = (
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,"
    "input_tokens,output_tokens,input_cached_tokens\n"
)
OPENAI_COST = "start_time,end_time,start_time_iso,amount_value,amount_currency,line_item\n"
ANTHROPIC_USAGE = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,"
    "usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
    "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,"
    "web_search_count\n"
)
ANTHROPIC_COST = "usage_date_utc,model,workspace,api_key,token_type,cost_usd\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Two calls of gpt-4o on the first of January 2026: 2400 in, 600 out, 12000 micro-dollars."""
    return ledger_of(tmp_path, chat_span(0), chat_span(1))


def usage(requests: int, tokens_in: int, tokens_out: int, cached: int = 0) -> str:
    return (
        "1767225600,1767312000,2026-01-01T00:00:00+00:00,2026-01-02T00:00:00+00:00,p,"
        f"{requests},gpt-4o-2024-08-06,{tokens_in},{tokens_out},{cached}\n"
    )


def days(tmp_path: Path, ledger: Path, text: str) -> list[dict[str, Any]]:
    file = tmp_path / "export.csv"
    file.write_text(text)
    found: list[dict[str, Any]] = answer("ledger", "reconcile", file, "--ledger", ledger)["days"]
    return found


def test_a_complete_ledger_has_no_gap(tmp_path: Path, ledger: Path) -> None:
    """2400 x 2.50 + 600 x 10 = 12000 micro-dollars on both sides."""
    (gap,) = days(tmp_path, ledger, OPENAI_USAGE + usage(2, 2400, 600))

    assert gap == {
        "day": "2026-01-01",
        "model": "gpt-4o",
        "calls": 2,
        "requests": 2,
        "ledger_nano_usd": 12_000_000,
        "provider_nano_usd": 12_000_000,
        "gap_nano_usd": 0,
        "causes_nano_usd": {},
    }


def test_requests_that_were_not_seen_are_uninstrumented(tmp_path: Path, ledger: Path) -> None:
    """Three of the five requests are missing, at 6000 micro-dollars each."""
    (gap,) = days(tmp_path, ledger, OPENAI_USAGE + usage(5, 6000, 1500))

    assert gap["causes_nano_usd"] == {"uninstrumented": 18_000_000}


def test_a_model_that_the_ledger_never_saw_is_uninstrumented(tmp_path: Path, ledger: Path) -> None:
    """Another program, or another key."""
    line = '1767225600,1767312000,2026-01-01T00:00:00Z,12.5,usd,"o3-2025-04-16, input"\n'
    first = days(tmp_path, ledger, OPENAI_COST + line)

    by_model = {gap["model"]: gap for gap in first}
    assert by_model["o3"]["causes_nano_usd"] == {"uninstrumented": 12_500_000_000}


def test_tokens_that_only_they_count_as_cached_are_the_cache(tmp_path: Path, ledger: Path) -> None:
    """1000 x (2.50 - 1.25) = 1250 micro-dollars less than the ledger has."""
    (gap,) = days(tmp_path, ledger, OPENAI_USAGE + usage(2, 2400, 600, cached=1000))

    assert gap["gap_nano_usd"] == -1_250_000
    assert gap["causes_nano_usd"] == {"cache": -1_250_000}


def test_calls_of_unknown_cost_explain_as_much_as_they_may_have_cost(tmp_path: Path) -> None:
    """A stream without usage; the provider has the usage."""
    stream = chat_span(1, **{"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None})
    ledger = ledger_of(tmp_path, chat_span(0), stream)

    (gap,) = days(tmp_path, ledger, OPENAI_USAGE + usage(2, 2400, 600))

    assert gap["causes_nano_usd"] == {"unpriced": 6_000_000}


def test_a_failed_call_that_was_charged(tmp_path: Path) -> None:
    """A client timeout may succeed at the provider; a failed call names only the model family."""
    timeout = chat_span(
        1,
        **{
            "gen_ai.usage.input_tokens": None,
            "gen_ai.usage.output_tokens": None,
            "gen_ai.response.model": None,
            "error.type": "timeout",
        },
    )
    ledger = ledger_of(tmp_path, chat_span(0), timeout)

    (gap,) = days(tmp_path, ledger, OPENAI_USAGE + usage(2, 2400, 600))

    assert gap["causes_nano_usd"] == {"failed": 6_000_000}


def test_an_unexplained_difference_is_named_so(tmp_path: Path, ledger: Path) -> None:
    """A discount of 2000 micro-dollars, in a cost file of several line items a model."""
    lines = "".join(
        f'1767225600,1767312000,2026-01-01T00:00:00Z,{amount},usd,"gpt-4o-2024-08-06, {kind}"\n'
        for kind, amount in (("input", "0.005"), ("output", "0.005"))
    )

    (gap,) = days(tmp_path, ledger, OPENAI_COST + lines)

    assert gap["causes_nano_usd"] == {"not explained": -2_000_000}


def test_anthropic_usage_adds_its_exclusive_counts_up(tmp_path: Path, ledger: Path) -> None:
    """1M x 1 + 1M x 1.25 + 2M x 0.10 + 1M x 5 = 7.45 dollars for claude-haiku-4-5."""
    line = (
        "2026-01-02,claude-haiku-4-5-20251001,k,Default,standard,≤ 200k,"
        "1000000,1000000,0,2000000,1000000,0\n"
    )

    (gap,) = days(tmp_path, ledger, ANTHROPIC_USAGE + line)

    assert (gap["model"], gap["provider_nano_usd"]) == ("claude-haiku-4-5", 7_450_000_000)
    assert gap["causes_nano_usd"] == {"uninstrumented": 7_450_000_000}


def test_anthropic_cost_is_summed_by_day_and_model(tmp_path: Path, ledger: Path) -> None:
    """One line a kind of token; models may be written as names."""
    lines = "2026-01-02,Claude Haiku 4.5,w,k,input,1.5\n2026-01-02,Claude Haiku 4.5,w,k,output,2\n"

    (gap,) = days(tmp_path, ledger, ANTHROPIC_COST + lines)

    assert (gap["model"], gap["provider_nano_usd"]) == ("claude-haiku-4-5", 3_500_000_000)


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        ("claude-3-5-haiku-20241022", "Claude Haiku 3.5"),
        ("claude-3-7-sonnet-20250219", "Claude Sonnet 3.7"),
        ("claude-3-opus-20240229", "Claude Opus 3"),
        ("claude-opus-4-1-20250805", "Claude Opus 4.1"),
    ],
)
def test_names_of_old_and_new_claude_models_are_the_same_models(
    tmp_path: Path, model: str, shown: str
) -> None:
    """Cost exports turn the version and the size of old names around."""
    names = {"gen_ai.request.model": model, "gen_ai.response.model": model}
    ledger = ledger_of(tmp_path, chat_span(0, **names, **{"gen_ai.provider.name": "anthropic"}))
    line = f"2026-01-01,{shown},w,k,input,1\n"

    (gap,) = days(tmp_path, ledger, ANTHROPIC_COST + line)

    assert (gap["calls"], gap["provider_nano_usd"]) == (1, 10**9)


def test_calls_that_the_provider_does_not_list_are_shown(tmp_path: Path, ledger: Path) -> None:
    """They may have gone to another host or another account."""
    line = '1767225600,1767312000,2026-01-01T00:00:00Z,1,usd,"o3, input"\n'

    gaps = {gap["model"]: gap for gap in days(tmp_path, ledger, OPENAI_COST + line)}

    assert gaps["gpt-4o"]["causes_nano_usd"] == {"not explained": -12_000_000}


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n1,2\n", OPENAI_USAGE + "x,x,yesterday,x,p,1,gpt-4o,1,1,0\n", "\0\0"],
    ids=["empty", "something else", "no date", "binary"],
)
def test_a_file_that_is_not_an_export_is_refused_with_the_reason(
    tmp_path: Path, ledger: Path, text: str
) -> None:
    """Exit code 1 and one sentence, no traceback."""
    file = tmp_path / "export.csv"
    file.write_text(text)

    result = run("ledger", "reconcile", file, "--ledger", ledger)

    assert result.exit_code == 1
    assert result.stderr.startswith("otel-distro: ")


def test_reconcile_for_people(tmp_path: Path, ledger: Path) -> None:
    """Both sides, the gap, and each cause with its meaning."""
    file = tmp_path / "export.csv"
    file.write_text(OPENAI_USAGE + usage(5, 6000, 1500))

    lines = run("ledger", "reconcile", file, "--ledger", ledger).stdout.splitlines()

    assert lines[1].split() == [
        "2026-01-01",
        "gpt-4o",
        "2",
        "5",
        "$0.0120",
        "$0.0300",
        "$0.0180",
        "uninstrumented",
        "$0.0180",
    ]
    assert lines[-1] == "uninstrumented: $0.0180, requests that the ledger has not seen"
