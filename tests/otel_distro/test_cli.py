"""The commands: output as text and as JSON, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from otel_distro.cli import COMMANDS, MOVED, main
from support.otlp_archive import chat_span, write_archive

UNKNOWN = {
    "gen_ai.request.model": "house-model-1",
    "gen_ai.response.model": None,
    "gen_ai.provider.name": "house",
}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Isolate the tests from settings of the machine."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


@pytest.fixture
def empty(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the ledger in the settings; no program has made it yet."""
    monkeypatch.setenv("OTEL_DISTRO_LEDGER", str(ledger))
    return ledger


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("place", ["", ".", "/", "folder"])
def test_a_path_that_is_not_a_file_cannot_be_the_ledger(place: str, tmp_path: Path) -> None:
    """Neither an empty path nor a folder; the message names it."""
    (tmp_path / "folder").mkdir()
    named = str(tmp_path / place) if place == "folder" else place

    result = run("costs", "--ledger", named)

    assert isinstance(result.exception, SystemExit)
    assert result.exit_code in {1, 2}
    assert repr(named) in result.output or f"{named} is not a regular file" in result.output


def test_a_report_needs_the_name_of_a_file(filled: Path) -> None:
    """Here an empty one, as from an unset variable of a script."""
    result = run("reports", "report", "--html", "", "--ledger", filled)

    assert isinstance(result.exception, SystemExit)
    assert "is not the name of a file" in result.output


@pytest.fixture
def filled(tmp_path: Path, ledger: Path) -> Path:
    """Two priced calls, one with no price, one that the provider refused."""
    archive = write_archive(
        tmp_path / "a.jsonl",
        chat_span(0),
        chat_span(1),
        chat_span(2, **UNKNOWN),
        chat_span(
            3,
            **{
                "error.type": "openai.RateLimitError",
                "gen_ai.response.model": None,
                "gen_ai.usage.input_tokens": None,
                "gen_ai.usage.output_tokens": None,
            },
        ),
    )
    assert run("ledger", "import", archive, "--ledger", ledger).exit_code == 0
    return ledger


def test_costs_for_programs(filled: Path) -> None:
    """2 x (1200 x 2.50 + 300 x 10) = 12000 micro-dollars; the unknown one is not nothing."""
    report = json.loads(run("costs", "--json", "--ledger", filled).stdout)

    total = report["total"]
    assert total["calls"] == 4
    assert (total["cost_nano_usd"], total["cost_usd"]) == (12_000_000, "0.012")
    assert (total["unpriced_calls"], total["failed_calls"], total["partial_calls"]) == (1, 1, 0)
    assert (total["input_tokens"], total["output_tokens"]) == (3600, 900)
    assert (total["p50_ms"], total["p95_ms"], total["p99_ms"]) == (500, 500, 500)
    assert [line["model"] for line in report["by_model"]] == [
        "gpt-4o-2024-08-06",
        "house-model-1",
    ]


def test_costs_for_people(filled: Path) -> None:
    """A sum with an unknown part is shown as a lower bound, with the reason below."""
    lines = run("costs", "--ledger", filled).stdout.splitlines()

    assert [line.rstrip() for line in lines] == [
        "model              calls  failed  input  output       cost     p50     p95     p99",
        "gpt-4o-2024-08-06      3       1  2,400     600    $0.0120  500 ms  500 ms  500 ms",
        "house-model-1          1       0  1,200     300    unknown  500 ms  500 ms  500 ms",
        "total                  4       1  3,600     900  > $0.0120  500 ms  500 ms  500 ms",
        "1 call without a known price or usage; likely $0.006 more, at most $0.3600 more",
    ]


def test_an_empty_ledger_is_reported_with_the_next_step(empty: Path) -> None:
    """Not a table of zeros."""
    result = run("costs")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert f"no model calls in {empty}" in result.stderr
    assert "otel-distro run -- python app.py" in result.stderr


@pytest.mark.usefixtures("empty")
def test_an_empty_ledger_is_still_json_for_programs() -> None:
    """The same shape, all zero, percentiles unknown."""
    total = json.loads(run("costs", "--json").stdout)["total"]

    assert (total["calls"], total["cost_nano_usd"], total["p95_ms"]) == (0, 0, None)


def test_costs_by_several_things_at_once(filled: Path) -> None:
    """Each line names them all."""
    report = json.loads(run("costs", "--json", "--by", "service,day", "--ledger", filled).stdout)

    (line,) = report["by_service_day"]
    assert (line["service"], line["day"], line["calls"]) == ("shop", "2026-01-01", 4)


def test_costs_of_a_time_window(filled: Path) -> None:
    """Everything began on the first of January 2026."""
    later = run("costs", "--json", "--since", "2026-01-02", "--ledger", filled)
    first = run("costs", "--json", "--until", "2026-01-01T00:00:02", "--ledger", filled)

    assert json.loads(later.stdout)["total"]["calls"] == 0
    assert json.loads(first.stdout)["total"]["calls"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["costs", "--since", "soon"], "neither an age such as 30m, 24h, 7d, 2w nor a date"),
        (["costs", "--by", "colour"], "colour is not among service, provider, model"),
        (["cost"], "no such command 'cost'; did you mean costs?"),
        (["ledger", "import", "nowhere.jsonl"], "'nowhere.jsonl' does not exist"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], message: str) -> None:
    """Exit code 2, on stderr."""
    result = run(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_importing_twice_changes_nothing(tmp_path: Path, ledger: Path) -> None:
    """And prints the number of stored calls."""
    archive = write_archive(tmp_path / "a.jsonl", chat_span(0), chat_span(1))
    first = run("ledger", "import", archive, "--ledger", ledger)
    before = run("costs", "--json", "--ledger", ledger).stdout
    second = run("ledger", "import", archive, "--ledger", ledger)

    assert "2 spans read, 2 of them model calls: 2 new" in first.stdout
    assert "0 new" in second.stdout
    assert "2 already there" in second.stdout
    assert run("costs", "--json", "--ledger", ledger).stdout == before


def test_a_damaged_archive_loses_only_its_damaged_lines(tmp_path: Path, ledger: Path) -> None:
    """Each is reported with its number; the command ends with 1."""
    archive = write_archive(tmp_path / "a.jsonl", chat_span(0))
    archive.write_text('{"resourceSpans": [{\n' + archive.read_text())
    result = run("ledger", "import", archive, "--ledger", ledger)

    assert result.exit_code == 1
    assert f"{archive}: line 1:" in result.stderr
    assert json.loads(run("costs", "--json", "--ledger", ledger).stdout)["total"]["calls"] == 1


def test_a_file_that_is_not_a_ledger_is_explained(tmp_path: Path) -> None:
    """No stack trace."""
    file = tmp_path / "notes.txt"
    file.write_text("hello, this is not a database at all" * 100)
    result = run("costs", "--ledger", file)

    assert result.exit_code == 1
    assert str(file) in result.stderr
    assert "Traceback" not in result.stderr


def test_calls_are_listed_the_latest_first(filled: Path) -> None:
    """With the trace id, to find the trace by."""
    found = json.loads(run("calls", "--json", "--limit", "2", "--ledger", filled).stdout)["calls"]

    assert [call["error_type"] for call in found] == ["openai.RateLimitError", None]
    assert found[0]["trace_id"] == f"{4:032x}"
    assert found[1]["cost_status"] == "unpriced"
    assert found[1]["cost_nano_usd"] is None
    assert found[1]["reason"]


def test_calls_can_be_filtered(filled: Path) -> None:
    """By model, status and failure."""
    unpriced = run("calls", "--json", "--status", "unpriced", "--ledger", filled)
    failed = run("calls", "--json", "--failed", "--ledger", filled)

    assert len(json.loads(unpriced.stdout)["calls"]) == 1
    assert len(json.loads(failed.stdout)["calls"]) == 1


def test_a_hostile_model_name_cannot_steer_the_terminal(tmp_path: Path, ledger: Path) -> None:
    """Control characters are shown as replacement marks."""
    name = "evil\x1b[2J\x07model"
    archive = write_archive(
        tmp_path / "a.jsonl",
        chat_span(0, **{"gen_ai.request.model": name, "gen_ai.response.model": name}),
    )
    run("ledger", "import", archive, "--ledger", ledger)

    for command in ("costs", "calls"):
        assert "\x1b" not in run(command, "--ledger", ledger).stdout


@pytest.mark.usefixtures("empty")
def test_no_violations_is_good_news() -> None:
    """The output says so."""
    result = run("reports", "violations")

    assert result.exit_code == 0
    assert "all latency budgets met since" in result.stderr


def test_violations_are_summed_up_by_operation(ledger: Path) -> None:
    """Count, average and largest overage, average percentage; a repeat never overwrites."""
    import time

    from otel_cost_ledger.model.entries import LatencyViolation
    from otel_cost_ledger.write.writer import LedgerWriter

    writer = LedgerWriter(ledger)
    now = time.time_ns()
    writer.record_violations(
        LatencyViolation(
            operation="search",
            budget_ms=100,
            actual_ms=100 + over,
            at_ns=now,
            trace_id=1,
            span_id=n,
        )
        for n, over in enumerate((50, 150))
    )
    writer.shutdown()

    report = json.loads(run("reports", "violations", "--json", "--ledger", ledger).stdout)
    assert not report["all_budgets_met"]
    assert report["by_operation"]["search"] == {
        "count": 2,
        "avg_overage_ms": 100.0,
        "max_overage_ms": 150.0,
        "avg_overage_percent": 100.0,
    }


def members(group: click.Group, path: str = "") -> list[str]:
    """Return the path of every group and command, such as "ledger check"."""
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        found.append(f"{path}{name}")
        member = group.get_command(context, name)
        if isinstance(member, click.Group):
            found += members(member, f"{path}{name} ")
    return found


def test_the_first_help_fits_one_screen_and_names_every_command() -> None:
    """80 columns and 24 lines, one of them the prompt; the commands for newcomers come first."""
    lines = run("--help").stdout.splitlines()

    assert len(lines) <= 23
    assert max(map(len, lines)) < 80
    words = " ".join(lines).replace(",", " ").split()
    assert [name for name in COMMANDS if name not in words] == []
    assert [line.split()[0] for line in lines[4:8]] == ["run", "demo", "doctor", "serve"]


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_works_and_names_the_new_one(old: str) -> None:
    """For one release; the note is on stderr, so that results stay what they were."""
    new = " ".join(MOVED[old])
    result = run(old, "--help")

    assert result.exit_code == 0
    assert result.stdout == run(*MOVED[old], "--help").stdout
    assert result.stderr == (
        f"`otel-distro {old}` is now `otel-distro {new}`; the old name works for one more release\n"
    )
    assert f"\n  {old} " not in run("--help").stdout


def test_the_bare_name_of_the_privacy_group_still_lists_the_catalogue() -> None:
    """With the options it had."""
    result = run("privacy", "--leaves", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["fields"]
    assert "is now `otel-distro privacy catalogue`" in result.stderr


@pytest.mark.parametrize(
    ("typed", "hint"),
    [("cost", "did you mean costs?"), ("wast", "did you mean reports waste?")],
)
def test_a_mistyped_command_gets_the_nearest_name(typed: str, hint: str) -> None:
    """Also one that moved to a group."""
    result = run(typed)

    assert result.exit_code == 2
    assert hint in result.stderr


def test_every_command_has_a_help_that_fits_one_screen_and_ends_with_an_example() -> None:
    """Help is the first contact of users."""
    for name in members(main):
        result = run(*name.split(), "--help")
        assert result.exit_code == 0, name
        assert len(result.stdout.splitlines()) <= 40, name
        last = result.stdout.splitlines()[-1]
        assert "Example: " in last, name
        assert "otel-distro" in last, name


def test_doctor_lists_every_setting() -> None:
    """Name, meaning, default, example."""
    from otel_distro.settings.variables import VARIABLES

    listed = run("doctor", "--settings").stdout
    assert all(variable.name in listed for variable in VARIABLES)


@pytest.mark.slow
def test_doctor_says_when_no_ledger_can_be_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before the first call is made and lost."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path / "file/below"))
    shown = run("doctor")
    monkeypatch.setenv("OTEL_DISTRO_STATE_DIR", str(tmp_path / "not/there/yet"))

    assert shown.exit_code == 1
    assert f"cannot be made: {tmp_path / 'file'} is not a writable folder" in shown.stdout
    assert "made at the first model call" in run("doctor").stdout


@pytest.mark.slow
def test_doctor_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a valid one."""
    secret = "correct-horse-battery-staple"
    monkeypatch.setenv("OTEL_DISTRO_PSEUDONYM_KEY", secret)

    assert secret not in run("doctor", "--settings").output
    assert secret not in run("doctor", "--json").output


INNER = {"gen_ai.response.id": "msg-7"}


def stacked() -> tuple[dict[str, Any], dict[str, Any]]:
    """Two spans of one provider call: a framework's around the client's."""
    outer, inner = chat_span(0, **INNER), chat_span(0, **INNER)
    inner["spanId"], inner["parentSpanId"] = f"{2:016x}", outer["spanId"]
    inner["startTimeUnixNano"] = str(int(outer["startTimeUnixNano"]) + 1_000_000)
    inner["endTimeUnixNano"] = str(int(outer["endTimeUnixNano"]) - 1_000_000)
    return outer, inner


def test_spans_of_one_call_are_billed_once_though_archived_apart(
    tmp_path: Path, ledger: Path
) -> None:
    """The second file revises decisions on the first one, in either order."""
    outer, inner = stacked()
    first = write_archive(tmp_path / "outer.jsonl", outer)
    second = write_archive(tmp_path / "inner.jsonl", inner)
    for archive in (first, second, first):
        run("ledger", "import", archive, "--ledger", ledger)

    total = json.loads(run("costs", "--json", "--ledger", ledger).stdout)["total"]
    assert (total["calls"], total["cost_nano_usd"]) == (1, 6_000_000)


def test_explain_shows_the_tree_and_the_reason(tmp_path: Path, ledger: Path) -> None:
    """The inner span is billed; the outer one names it."""
    archive = write_archive(tmp_path / "a.jsonl", *stacked())
    run("ledger", "import", archive, "--ledger", ledger)
    output = run("explain", f"{1:032x}", "--ledger", ledger).stdout
    (root,) = json.loads(run("explain", "1", "--json", "--ledger", ledger).stdout)["calls"]

    assert "not billed" in output
    assert root["billed"] is False
    assert root["calls"][0]["billed"] is True
    assert root["billing_reason"]
    assert root["calls"][0]["price_source"].startswith("genai-prices")


@pytest.mark.parametrize("trace_id", ["xyz", "", "1" * 33])
def test_an_invalid_trace_id_is_refused(trace_id: str, ledger: Path) -> None:
    """With the valid format."""
    result = run("explain", trace_id, "--ledger", ledger)

    assert result.exit_code == 2
    assert "is not a trace id of up to 32 hexadecimal digits" in result.stderr


@pytest.mark.usefixtures("empty")
def test_a_trace_without_calls_is_reported_as_such() -> None:
    """Exit code 1."""
    result = run("explain", "abc")

    assert result.exit_code == 1
    assert "no model call of trace" in result.stderr


def test_prices_prints_rates_and_source() -> None:
    """Per million tokens, with the source."""
    found = json.loads(run("ledger", "prices", "gpt-4o", "--provider", "openai", "--json").stdout)

    assert found["usd_per_million_tokens"]["input"] == "2.5"
    assert found["usd_per_million_tokens"]["output"] == "10"
    assert "genai-prices" in found["source"]


def test_a_model_without_a_price_is_shown_as_such() -> None:
    """And how to declare one."""
    result = run("ledger", "prices", "house-model-1")

    assert result.exit_code == 1
    assert "no price for house-model-1" in result.stderr
    assert "OTEL_DISTRO_PRICES" in result.stderr


PRICES = """
[[price]]
provider = "house"
model = "house-model-1"
from = 2025-01-01
source = "our own contract"
input = 1
output = 2
"""


def test_repricing_fills_in_unknown_costs(tmp_path: Path, filled: Path) -> None:
    """1200 x 1 + 300 x 2 = 1800 micro-dollars, once the price is declared."""
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    arguments: list[str | Path] = [
        "ledger",
        "reprice",
        "--since",
        "2026-01-01",
        "--prices",
        prices,
        "--ledger",
        filled,
    ]
    preview = run(*arguments, "--dry-run")
    before = json.loads(run("costs", "--json", "--ledger", filled).stdout)["total"]
    done = run(*arguments)
    after = json.loads(run("costs", "--json", "--ledger", filled).stdout)["total"]

    assert preview.stdout == "1 of 4 calls would change: $0 before, $0.0018 now\n"
    assert done.stdout == "1 of 4 calls changed: $0 before, $0.0018 now\n"
    assert before["unpriced_calls"] == 1
    assert after["unpriced_calls"] == 0
    assert after["cost_nano_usd"] - before["cost_nano_usd"] == 1_800_000


def test_stats_summarise_calls(filled: Path) -> None:
    """One of four failed; 300 tokens in half a second, three times, over two seconds."""
    total = json.loads(run("reports", "stats", "--json", "--ledger", filled).stdout)["total"]

    assert (total["calls"], total["failed_calls"], total["error_rate"]) == (4, 1, 0.25)
    assert total["output_tokens_per_s"] == 450.0
    assert "25 %" in run("reports", "stats", "--ledger", filled).stdout


def test_costs_as_csv_are_safe_to_open(tmp_path: Path, ledger: Path) -> None:
    """A model's name cannot become a formula."""
    name = "=HYPERLINK(1)"
    archive = write_archive(
        tmp_path / "a.jsonl",
        chat_span(0, **{"gen_ai.request.model": name, "gen_ai.response.model": name}),
    )
    run("ledger", "import", archive, "--ledger", ledger)
    lines = run("costs", "--csv", "--ledger", ledger).stdout.splitlines()

    assert lines[0].startswith("model,calls,cost_nano_usd,cost_usd")
    assert lines[1].startswith("'=HYPERLINK(1),1,")
