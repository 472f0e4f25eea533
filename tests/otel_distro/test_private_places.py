"""Files on the machine: private, and harmless to a reader's terminal."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest

from otel_distro.base import messages
from support.process import BIN, clean_environment, free_port, run

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = """
import logging
from opentelemetry import metrics, trace
tracer = trace.get_tracer("app")
HOSTILE = {hostile!r}
with tracer.start_as_current_span("work " + HOSTILE):
    for model in ("gpt-4o", "gpt-" + HOSTILE):
        with tracer.start_as_current_span("chat gpt-4o", attributes={{
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model, "gen_ai.response.model": model,
            "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5,
            "gen_ai.input.messages": '[{{"role": "user", "parts": []}}]',
            "tenant.id": HOSTILE, "feature": HOSTILE,
        }}) as span:
            if model != "gpt-4o":
                span.set_attribute("error.type", HOSTILE)
                span.set_status(trace.StatusCode.ERROR, HOSTILE)
logging.getLogger().addHandler(logging.NullHandler())
logging.getLogger("app").warning("line %s", HOSTILE)
tracer.start_span("never ended " + HOSTILE)
"""
HOSTILE = "a\x1b[2J\x1b]0;b\x07\r\nc\u2028d\u202ee\x9b31mf"
"""Clears the screen, sets its title, forges a line, turns the text round, and the same in C1."""


def steers(text: str) -> list[str]:
    """Return the control sequences in *text*, except line ends and tabs."""
    return [
        c for c in text if c not in "\n\t" and unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}
    ]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], str]:
    """Home folder written to by every command under umask 0, and the output."""
    home = tmp_path_factory.mktemp("home")
    environ = clean_environment(
        home,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="system_metrics",
        OTEL_DISTRO_CONSENT="required",
        OTEL_DISTRO_BUDGET_USD_PER_DAY="1000",
        OTEL_DISTRO_BUDGET_ACTION="refuse",
        OTEL_DISTRO_LOG_FILE=str(home / "logs" / "app.log"),
        OTEL_DISTRO_LATENCY_BUDGETS="work=0.001",
        OTEL_DISTRO_PROFILE="prod",
    )
    printed = []
    key = private(["privacy", "content", "keygen", str(home / "content.key")], environ)
    environ |= {"OTEL_DISTRO_CONTENT": "full", "OTEL_DISTRO_CONTENT_KEY": key.stdout.strip()}
    printed.append(private(["privacy", "consent", "grant"], environ))
    program = [sys.executable, "-c", EVERYTHING.format(hostile=HOSTILE)]
    printed.append(private(["run", "--", *program], environ))
    assert printed[-1].returncode == 0, printed[-1].stderr
    return home, environ, "".join(done.stderr for done in printed)


def private(arguments: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command under umask 0, which makes no file private."""
    return subprocess.run(
        ["/bin/sh", "-c", 'umask 0; exec "$0" "$@"', str(BIN / "otel-distro"), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.process
def test_every_file_is_private_to_its_owner_under_any_umask(
    used: tuple[Path, dict[str, str], str],
) -> None:
    """State, keys and logs: folders 0700, files 0600, no link, no partial file."""
    home, _, _ = used
    state = home / "state/otel-distro"
    found = [path for path in home.rglob("*") if path != home / "state"]
    names = {path.name for path in found}

    assert names >= {
        *("ledger.db", "budget.db", "content.db", "content.key", "pseudonym.key", "app.log"),
        *("audit.jsonl", "settings.seen.json", "spool", "about.json", "deliveries.json"),
    }
    for path in found:
        mode = path.lstat().st_mode
        if path.is_dir():
            # The folder of a log file belongs to the user; a missing one is created.
            assert path.name == "logs" or stat.S_IMODE(mode) == 0o700, path
        elif not stat.S_ISSOCK(mode):
            assert stat.S_ISREG(mode), path
            assert stat.S_IMODE(mode) == 0o600, path
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


SHOWN = (
    *("costs", "costs --by model", "calls", "calls --failed", "reports stats"),
    *("reports top", "reports health", "reports report", "reports violations", "reports waste"),
    *("budgets", "spool status", "reports digest daily", "reports alerts check"),
    "reports whatif --model gpt-4o-mini",
)


@pytest.mark.slow
@pytest.mark.process
def test_no_command_lets_a_name_steer_the_terminal(
    used: tuple[Path, dict[str, str], str],
) -> None:
    """JSON has it as an escape sequence."""
    _, environ, printed = used
    assert steers(printed) == []
    for command in SHOWN:
        for options in ([], ["--json"]):
            done = run([str(BIN / "otel-distro"), *command.split(), *options], environ)
            assert steers(done.stdout + done.stderr) == [], (command, options)
    calls = run([str(BIN / "otel-distro"), "calls", "--json"], environ).stdout
    assert len(json.loads(calls)["calls"]) == 2


def test_our_messages_have_no_terminal_escapes(capfd: pytest.CaptureFixture[str]) -> None:
    """For example the reason given by a server."""
    messages.warn(f"refused: {HOSTILE}")

    assert steers(capfd.readouterr().err) == []
