"""Golden sets: expected properties, a budget, and the run before."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from otel_distro.reports.golden.cases import Case, GoldenSetError, case_line, failures, read_cases
from otel_distro.reports.golden.runs import FILE_NAME, kept_runs
from support.charging_provider import ChargingProvider
from support.ledger_cli import run as cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def provider() -> Iterator[ChargingProvider]:
    with ChargingProvider() as started:
        yield started


@pytest.fixture
def golden_set(tmp_path: Path, provider: ChargingProvider, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set in a temporary home, for a provider that always answers "sunny"."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.url)
    return tmp_path / "golden.jsonl"


@pytest.mark.parametrize(
    ("case", "answer", "passes"),
    [
        (Case(name="n", prompt="p", contains=("SUNNY",)), "It is sunny.", True),
        (Case(name="n", prompt="p", contains=("rain",)), "It is sunny.", False),
        (Case(name="n", prompt="p", matches=(r"^\d+$",)), "42", True),
        (Case(name="n", prompt="p", matches=(r"^\d+$",)), "about 42", False),
        (Case(name="n", prompt="p", schema={"required": ["city"]}), '{"city": "Paris"}', True),
        (Case(name="n", prompt="p", schema={"required": ["city"]}), '{"town": "Paris"}', False),
        (Case(name="n", prompt="p", schema={"required": ["city"]}), "Paris", False),
        (Case(name="n", prompt="p", judge=(sys.executable, "-c", "exit(0)")), "any", True),
        (Case(name="n", prompt="p", judge=(sys.executable, "-c", "exit(3)")), "any", False),
        (Case(name="n", prompt="p", judge=("no-such-program",)), "any", False),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, Case) else None,
)
def test_an_answer_has_every_property_or_the_case_fails(
    case: Case, answer: str, *, passes: bool
) -> None:
    """The reasons name the property."""
    assert (failures(case, answer) == []) is passes


def test_a_judge_gets_prompt_and_answer_and_may_say_why() -> None:
    """On standard input, as JSON."""
    program = (
        "import json, sys; c = json.load(sys.stdin); print(c['answer']); exit(c['prompt'] == 'p')"
    )
    case = Case(name="n", prompt="p", judge=(sys.executable, "-c", program))

    assert failures(case, "too short") == [f"rejected by {sys.executable!r}: too short"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 is not a JSON object"),
        ("[]", "line 1 is not a JSON object"),
        ('{"name": "a"}', "no text in 'prompt'"),
        ('{"name": "a", "prompt": "p", "contain": []}', "unknown fields contain"),
        ('{"name": "a", "prompt": "p", "contains": "x"}', "is not a list of texts"),
        ('{"name": "a", "prompt": "p", "matches": ["("]}', "is no regular expression"),
        ('{"name": "a", "prompt": "p"}\n{"name": "a", "prompt": "q"}', "two cases named 'a'"),
    ],
)
def test_an_invalid_set_is_reported_with_place_and_reason(
    tmp_path: Path, line: str, message: str
) -> None:
    """No request is sent before."""
    path = tmp_path / "set.jsonl"
    path.write_text(line, encoding="utf-8")

    with pytest.raises(GoldenSetError, match=message.replace("(", r"\(")):
        read_cases(path)


def test_cases_are_added_and_run_and_compared_with_the_run_before(golden_set: Path) -> None:
    """The exit code is for CI: 1 when a property is missing."""
    assert (
        cli("golden", "add", "a", "-p", "weather?", "-c", "sunny", "--set", golden_set).exit_code
        == 0
    )
    first = cli("golden", "run", "--model", "gpt-4o", "--set", golden_set)
    assert (
        cli("golden", "add", "b", "-p", "weather?", "-c", "rain", "--set", golden_set).exit_code
        == 0
    )

    second = cli("golden", "run", "--model", "gpt-4o", "--set", golden_set)

    assert (first.exit_code, second.exit_code) == (0, 1)
    assert "1 of 1 passed, $0.0035125" in first.output  # 1,001 x 2.5 + 101 x 10 per million
    assert "does not contain 'rain'" in second.output
    assert "new failures: b" in second.output
    report = cli("golden", "report").output
    assert report.count("golden.jsonl  gpt-4o") == 2


def test_a_case_beyond_the_budget_is_not_run(golden_set: Path, provider: ChargingProvider) -> None:
    """One call costs about $0.0035: the third would go beyond $0.008."""
    golden_set.write_text("".join(case_line(Case(name=n, prompt="p")) for n in "abcd"))

    done = cli(
        "golden", "run", "--model", "gpt-4o", "--set", golden_set, "--budget-usd", "0.008", "--json"
    )

    results = json.loads(done.output)["results"]
    assert [bool(result["problems"]) for result in results] == [False, False, True, True]
    assert len(provider.account.served()) == 2
    assert done.exit_code == 1


def test_claude_is_asked_by_anthropics_protocol_at_its_own_price(golden_set: Path) -> None:
    """1,001 x 3 + 101 x 15 per million."""
    golden_set.write_text(case_line(Case(name="a", prompt="p", contains=("sunny",))))

    done = cli("golden", "run", "--model", "claude-sonnet-4-5", "--set", golden_set, "--json")

    assert json.loads(done.output)["cost_nano_usd"] == 1_001 * 3_000 + 101 * 15_000


@pytest.mark.parametrize("prompt", ["REFUSE", "BREAK"])
def test_a_request_that_fails_is_a_failed_case(golden_set: Path, prompt: str) -> None:
    """With the provider's message."""
    golden_set.write_text(case_line(Case(name="a", prompt=prompt)))

    done = cli("golden", "run", "--model", "gpt-4o", "--set", golden_set)

    assert done.exit_code == 1
    assert "HTTP" in done.output


def test_runs_are_kept_privately_and_without_any_answer(golden_set: Path, tmp_path: Path) -> None:
    """A damaged line is skipped."""
    golden_set.write_text(case_line(Case(name="a", prompt="p")))
    cli("golden", "run", "--model", "gpt-4o", "--set", golden_set)
    (path,) = tmp_path.rglob(FILE_NAME)

    assert path.stat().st_mode & 0o777 == 0o600
    assert "sunny" not in path.read_text()
    with path.open("a") as file:
        file.write("{broken\n")
    assert len(kept_runs(path.parent)) == 1


def test_the_monthly_digest_has_results_of_golden_sets(golden_set: Path) -> None:
    """Also without model calls of programs."""
    golden_set.write_text(case_line(Case(name="a", prompt="p", contains=("rain",))))
    cli("golden", "run", "--model", "gpt-4o", "--set", golden_set)

    digest = cli("reports", "digest", "monthly")

    assert "golden set golden.jsonl, gpt-4o: 1 runs, 1 of 1 cases fail now" in digest.output
