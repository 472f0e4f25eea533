"""First steps of a new user: those of the README on 80 columns, without a collector."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.charging_provider import ChargingProvider
from support.ledger_cli import ledger_of
from support.ledger_cli import run as command
from support.otlp_archive import chat_span, write_archive
from support.process import BIN, clean_environment, free_port, run

pytestmark = pytest.mark.process

OTEL_DISTRO = str(BIN / "otel-distro")

APP = """
import sys
import anthropic, openai

url = sys.argv[1]
client = openai.OpenAI(base_url=url + "/v1", api_key="k", max_retries=0)
question = [{"role": "user", "content": "I am ada@lovelace.example"}]
client.chat.completions.create(model="gpt-4o", messages=question)
anthropic.Anthropic(base_url=url, api_key="k").messages.create(
    model="claude-sonnet-4-5", max_tokens=100, messages=question)
"""

SERVER = """
import openai, os
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

client = openai.OpenAI(base_url=os.environ["PROVIDER"] + "/v1", api_key="k", max_retries=0)

def ask(request):
    question = [{"role": "user", "content": "hi"}]
    answer = client.chat.completions.create(model="gpt-4o", messages=question)
    return PlainTextResponse(answer.id)

app = Starlette(routes=[Route("/", ask)])
"""


def without_collector(home: Path, **variables: str) -> dict[str, str]:
    """An environment with 80 columns and without a collector."""
    endpoint = f"http://127.0.0.1:{free_port()}"
    return clean_environment(home, COLUMNS="80", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **variables)


def our_lines(text: str) -> list[str]:
    """Return the output lines of this distribution."""
    return [line for line in text.splitlines() if line.startswith("otel_distro:")]


def test_a_program_is_run_and_its_costs_are_shown(tmp_path: Path) -> None:
    """Two clients without any instrumentation set up; the ledger has both calls."""
    app = tmp_path / "shop.py"
    app.write_text(APP)
    environ = without_collector(tmp_path)
    with ChargingProvider() as provider:
        done = run([OTEL_DISTRO, "run", "--", "python", str(app), provider.url], environ)
    costs = run([OTEL_DISTRO, "costs", "--since", "1h", "--by", "service,model"], environ)
    calls = run([OTEL_DISTRO, "calls"], environ)

    assert done.returncode == 0, done.stderr
    assert "2 model calls" in done.stderr
    assert len([line for line in our_lines(done.stderr) if "deliver" in line]) == 1
    assert "Traceback" not in done.stderr
    assert {"gpt-4o", "claude-sonnet-4-5"} <= set(costs.stdout.split())
    assert "shop" in costs.stdout
    assert len(calls.stdout.splitlines()) == 3


def _read_until(wanted: str, lines: Iterator[str], seen: list[str]) -> None:
    """Add *lines* to *seen* until one has *wanted*."""
    while not any(wanted in line for line in seen):
        seen.append(next(lines))


@pytest.mark.slow
def test_a_web_server_reports_an_outage_in_one_line(tmp_path: Path) -> None:
    """uvicorn configures logging by a dictionary, which enables loggers again."""
    (tmp_path / "web.py").write_text(SERVER)
    port = free_port()
    with ChargingProvider() as provider:
        environ = without_collector(
            tmp_path,
            PROVIDER=provider.url,
            OTEL_BSP_SCHEDULE_DELAY="50",
            OTEL_METRIC_EXPORT_INTERVAL="50",
        )
        arguments = ["uvicorn", "--app-dir", str(tmp_path), "web:app", "--port", str(port)]
        with subprocess.Popen(
            [OTEL_DISTRO, "run", "--", *arguments],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as server:
            lines, seen = iter(server.stdout or ()), list[str]()
            _read_until("Uvicorn running", lines, seen)
            for _ in range(5):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                    assert answer.status == 200
            _read_until("cannot deliver telemetry", lines, seen)
            server.terminate()
            seen += list(lines)

    assert [line for line in seen if "Failed to export" in line or "Traceback" in line] == []
    assert len([line for line in seen if "cannot deliver telemetry" in line]) == 1


def test_a_program_runs_alike_without_the_launcher(tmp_path: Path) -> None:
    """Plain python with API calls in the code: no record, no failure."""
    script = (
        "import otel_distro\n"
        "with otel_distro.session('a'), otel_distro.tenant('acme'):\n"
        "    print(otel_distro.budget.remaining())\n"
    )
    for more in ({}, {"OTEL_SDK_DISABLED": "true"}):
        done = run([sys.executable, "-c", script], without_collector(tmp_path, **more))

        assert (done.returncode, done.stderr) == (0, "")


NOTEBOOK = """
import json, sys
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

cells = json.loads(sys.argv[1])
found = new_notebook(cells=[new_code_cell(cell) for cell in cells])
NotebookClient(found, timeout=60, kernel_name="python3").execute()
for cell in found.cells:
    for output in cell.outputs:
        print(output.get("text", ""), end="")
"""


@pytest.mark.slow
def test_a_notebook_records_its_calls_and_stays_quiet(tmp_path: Path) -> None:
    """The cell of the how-to, a call, and the costs, without a collector."""
    pytest.importorskip("nbclient", reason="notebooks need: pip install -e '.[examples]'")
    pytest.importorskip("ipykernel", reason="notebooks need: pip install -e '.[examples]'")
    cells = [
        "import otel_distro\n\notel_distro.configure()",
        (
            "import openai, os\n"
            "client = openai.OpenAI(base_url=os.environ['PROVIDER'] + '/v1', api_key='k')\n"
            "answer = client.chat.completions.create(\n"
            "    model='gpt-4o', messages=[{'role': 'user', 'content': 'hi'}])"
        ),
        "otel_distro.configure()",
        (
            "import subprocess, time\n"
            "for _ in range(100):\n"
            "    costs = subprocess.run(\n"
            f"        ['{OTEL_DISTRO}', 'costs'], capture_output=True, text=True).stdout\n"
            "    if 'gpt-4o' in costs: break\n"
            "    time.sleep(0.1)\n"
            "print(costs)"
        ),
    ]
    with ChargingProvider() as provider:
        environ = without_collector(tmp_path, PROVIDER=provider.url)
        done = run([sys.executable, "-c", NOTEBOOK, json.dumps(cells)], environ, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "gpt-4o" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("otel_distro:") <= 1


@pytest.mark.slow
def test_a_test_over_its_cost_fails_without_an_option_of_pytest(tmp_path: Path) -> None:
    """The plug-in is found by its entry point."""
    (tmp_path / "test_shop.py").write_text(
        "import openai, os, pytest\n\n"
        "@pytest.mark.max_cost('0.0000001')\n"
        "def test_dear():\n"
        "    client = openai.OpenAI(base_url=os.environ['PROVIDER'] + '/v1', api_key='k')\n"
        "    client.chat.completions.create(\n"
        "        model='gpt-4o', messages=[{'role': 'user', 'content': 'hi'}])\n"
    )
    with ChargingProvider() as provider:
        environ = without_collector(tmp_path, PROVIDER=provider.url)
        done = run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], environ, cwd=tmp_path
        )

    assert done.returncode == 1, done.stdout
    assert "test_dear" in done.stdout


@pytest.mark.parametrize("columns", [80, 100, 120])
@pytest.mark.parametrize("question", ["costs", "calls", "reports stats"])
def test_tables_fit_narrow_terminals(
    question: str, columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Model names stay readable, ids whole; omitted columns are named, with their option."""
    model = "claude-sonnet-4-5-20250929"
    trace = "ab" * 16
    archive = write_archive(
        tmp_path / "a.jsonl",
        *(
            chat_span(n, **{"gen_ai.request.model": model, "gen_ai.response.model": model})
            for n in range(3)
        ),
    )
    ledger = tmp_path / "ledger.db"
    assert command("ledger", "import", archive, "--ledger", ledger).exit_code == 0
    monkeypatch.setattr("otel_distro.cli.output._PIPED_WIDTH", columns)
    done = command(*question.split(), "--ledger", ledger)

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert max(map(len, lines)) <= columns
    assert model[:17] in done.stdout
    if question == "calls":
        ids = [line.split()[-1] for line in lines if line.startswith("01-01")]
        assert [len(found) for found in ids] == [len(trace)] * 3
    if "left out" in done.stderr:
        assert "--json" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["costs", "--ledger", "lodger.db"], "did you mean"),
        (["calls", "--status", "unpricd"], "did you mean unpriced?"),
        (["costs", "--since", "1h", "--until", "2h"], "nothing can be in this window"),
        (["costs", "--by", "modle"], "did you mean model?"),
        (["reports", "whatif", "--model", "gpt4o=o3", "--since", "2026-01-01"], "mean gpt-4o?"),
        (
            ["reports", "whatif", "--model", "gpt-4o=gpt4o-mini", "--since", "2026-01-01"],
            "no price is known for 'gpt4o-mini'; did you mean gpt-4o-mini?",
        ),
        (["reports", "report", "--by", "tenant"], "only a report with --html"),
    ],
)
def test_a_typing_error_does_not_look_like_an_empty_ledger(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and the nearest name."""
    monkeypatch.chdir(tmp_path)
    archive = write_archive(tmp_path / "a.jsonl", chat_span(0))
    assert command("ledger", "import", archive, "--ledger", "ledger.db").exit_code == 0
    monkeypatch.setenv("OTEL_DISTRO_LEDGER", str(tmp_path / "ledger.db"))
    done = command(*arguments)

    assert done.exit_code == 2, done.output
    assert message in " ".join(done.stderr.split())


def test_an_invalid_budget_differs_from_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The amount is reported, with the allowed values."""
    monkeypatch.setenv("OTEL_DISTRO_BUDGET_USD_PER_DAY", "five")
    done = command("budgets")

    assert done.exit_code == 2
    assert "OTEL_DISTRO_BUDGET_USD_PER_DAY='five'" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "database"])
def test_files_of_others_are_left_alone(kind: str, tmp_path: Path) -> None:
    """A wrong OTEL_DISTRO_LEDGER changes neither content, nor name, nor mode of that file."""
    file = tmp_path / "notes.txt"
    if kind == "text":
        file.write_text("buy milk\n" * 500)
    else:
        with closing(sqlite3.connect(file)) as foreign:
            foreign.execute("CREATE TABLE notes (text)")
            foreign.commit()
    file.chmod(0o644)
    before = file.read_bytes()
    app = tmp_path / "shop.py"
    app.write_text(APP)
    environ = without_collector(tmp_path, OTEL_DISTRO_LEDGER=str(file))
    with ChargingProvider() as provider:
        done = run([OTEL_DISTRO, "run", "--", "python", str(app), provider.url], environ)
    shown = run([OTEL_DISTRO, "costs"], environ)

    assert done.returncode == 0, done.stderr
    assert shown.returncode == 1
    assert len(shown.stderr.splitlines()) == 1, shown.stderr
    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o644
    others = {path.name for path in tmp_path.glob("notes.txt*")} - {"notes.txt"}
    assert others <= {"notes.txt.spill.jsonl"}


@pytest.mark.slow
def test_the_demo_runs_where_its_folder_is_read_only(tmp_path: Path) -> None:
    """It uses a temporary folder and prints the command that shows it."""
    blocked = tmp_path / "state"
    blocked.write_text("a file where the folder should be")
    done = run([OTEL_DISTRO, "demo"], without_collector(tmp_path, TMPDIR=str(tmp_path)))

    assert done.returncode == 0, done.stderr
    assert "the demo is stored in" in done.stderr
    assert f"otel-distro ui --ledger {tmp_path}" in done.stdout


@pytest.fixture
def two_days(tmp_path: Path) -> Path:
    """A ledger with one call on a first day, and two of another model on the next."""
    day_ns = 86_400 * 10**9
    spans = [
        chat_span(
            number,
            start_ns=1_760_000_000_000_000_000 + day * day_ns,
            **{"gen_ai.request.model": model, "gen_ai.response.model": model},
        )
        for number, (day, model) in enumerate(
            ((0, "gpt-4o"), (1, "gpt-4o-mini"), (1, "gpt-4o-mini"))
        )
    ]
    return ledger_of(tmp_path, *spans)


@pytest.mark.parametrize("report", [["costs"], ["reports", "stats"]])
def test_periods_are_in_order_of_time(two_days: Path, report: list[str]) -> None:
    """Neither the dearest nor the busiest day comes first."""
    shown = command(*report, "--by", "day", "--ledger", two_days).stdout

    assert re.findall(r"^20\S+", shown, re.MULTILINE) == ["2025-10-09", "2025-10-10"]


@pytest.mark.parametrize(
    "report",
    [
        ["costs"],
        ["calls"],
        ["reports", "stats"],
        ["reports", "waste", "--since", "2025-01-01"],
        ["reports", "digest", "daily", "--until", "2025-10-12"],
        ["reports", "report"],
        ["reports", "whatif", "--cache-hit", "50", "--since", "2025-01-01"],
        ["reports", "top", "--once"],
    ],
)
def test_reports_of_calls_have_the_same_filters(two_days: Path, report: list[str]) -> None:
    """All reports have every filter, and no report has excluded calls."""
    names = ["provider", "service", "tenant", "agent", "operation", "user", "session", "status"]
    choices = command(*report, "--help").stdout
    shown = command(*report, "--provider", "cohere", "--ledger", two_days)

    assert [name for name in names if f"--{name} " not in choices] == []
    assert shown.exit_code == 0, shown.output
    assert "gpt-4o" not in shown.stdout


def test_durations_and_shares_have_one_style(two_days: Path) -> None:
    """Commands and the page print `500 ms`, `1.50 s` and `50 %`."""
    shown = "".join(
        command(*report, "--ledger", two_days).stdout
        for report in (
            ["costs"],
            ["reports", "stats"],
            ["reports", "digest", "daily", "--until", "2025-10-11"],
        )
    )

    assert re.findall(r"\d%|\d,\d{3} ms|\d\.\d ms", shown) == []


@pytest.mark.parametrize(
    ("filters", "near"),
    [
        (["--model", "gtp-4o"], "model 'gtp-4o'; did you mean gpt-4o?"),
        (["--provider", "opnai"], "provider 'opnai'; did you mean openai?"),
        (["--service", "sop"], "service 'sop'; did you mean shop?"),
        (["--operation", "chta"], "operation 'chta'; did you mean chat?"),
    ],
)
@pytest.mark.parametrize("report", ["costs", "calls", "reports stats", "reports top --once"])
def test_a_filter_with_a_value_that_no_call_has_is_reported(
    report: str, filters: list[str], near: str, two_days: Path
) -> None:
    """With the closest value, and not as an empty ledger."""
    done = command(*report.split(), *filters, "--ledger", two_days)

    assert done.exit_code == 0
    assert f"the ledger has no call of {near}" in done.stderr
    assert "run a program" not in done.stderr


@pytest.mark.parametrize("report", ["costs", "calls", "reports stats"])
def test_a_window_without_calls_names_the_times_of_the_stored_calls(
    report: str, two_days: Path
) -> None:
    """Without a next step."""
    done = command(*report.split(), "--since", "2026-01-01", "--ledger", two_days)

    assert "has calls from 2025-10-09" in done.stderr
    assert "run a program" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        "ledger check",
        "ledger retain --days 90",
        "ui",
        "reports top",
        "mcp",
        "ledger reprice --since 30d",
    ],
)
def test_each_command_with_a_ledger_wants_it_to_be_there(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and the closest file of the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ledger.db").touch()
    done = command(*words.split(), "--ledger", "lodger.db")

    assert done.exit_code == 2, done.output
    assert "did you mean ledger.db?" in " ".join(done.stderr.split())


@pytest.mark.parametrize("report", ["costs", "ledger check", "reports top --once"])
def test_a_ledger_that_is_not_a_regular_file_is_refused_at_once(
    report: str, tmp_path: Path
) -> None:
    """Reading a named pipe would block, and a device reads as an empty ledger."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path(os.devnull)):
        done = command(*report.split(), "--ledger", path)

        assert done.exit_code in {1, 2}
        assert "is not a regular file" in done.stderr or "is a directory" in done.stderr


def test_a_model_on_no_price_list_is_reported_with_the_closest_name() -> None:
    """Exit code 1: the command is valid."""
    done = command("ledger", "prices", "gpt4o")

    assert done.exit_code == 1
    assert "did you mean gpt-4o?" in done.stderr


def test_the_page_of_a_demo_that_was_not_run_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty page would look like a demo without calls."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    done = command("ui", "--demo", "--no-browser")

    assert done.exit_code == 1
    assert "run: otel-distro demo" in done.stderr


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize(
    "report",
    [
        ["reports", "top", "--once"],
        ["reports", "report"],
        ["reports", "digest", "weekly"],
        ["reports", "waste", "--since", "2025-01-01"],
        ["reports", "whatif", "--cache-hit", "50", "--since", "2025-01-01"],
    ],
    ids=lambda words: words[1],
)
def test_reports_fit_narrow_terminals(
    report: list[str], columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is longer or wrapped."""
    now = time.time_ns()
    ledger = ledger_of(tmp_path, *(chat_span(n, start_ns=now - 90 * 10**9) for n in range(3)))
    monkeypatch.setattr("otel_distro.cli.output._PIPED_WIDTH", columns)
    monkeypatch.setattr("otel_distro.cli.terminal.report_text.UNKNOWN_WIDTH", columns)
    shown = command(*report, "--ledger", ledger)

    lines = shown.stdout.splitlines()
    assert shown.exit_code == 0, shown.output
    assert max(len(line.rstrip()) for line in lines) <= columns
    assert [line for line in lines if line.strip() in {"min", "last"}] == []


def test_the_table_of_budgets_has_the_number_style_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rates in three digits, times as in other tables, the zone in the heading."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("OTEL_DISTRO_BUDGET_USD_PER_DAY", "5")
    assert command("budgets", "set", "day", "1.234567").exit_code == 0
    shown = command("budgets").stdout

    assert "resets (UTC)" in shown
    assert re.search(r"\$\d[\d.]*\d{6}", shown) is None, shown
    assert re.search(r"\d\dT\d\d", shown) is None, shown
