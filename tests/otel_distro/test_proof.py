"""`privacy redact` and `privacy prove`: redaction on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from otel_distro.cli import main
from otel_distro.cli.redact_command import parts
from otel_distro.privacy.proof.canaries import make_canaries, marks
from otel_redaction import redact
from support.process import BIN, clean_environment, run

APP = """
from opentelemetry import trace
from otel_distro.privacy.proof import canary_text
import sys
with trace.get_tracer("app").start_as_current_span("work") as span:
    span.set_attribute("note", canary_text())
    span.set_attribute("argument", sys.argv[1])
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def test_redact_copies_text_with_secrets_masked() -> None:
    """All other text stays, line ends included."""
    result = CliRunner().invoke(
        main, ["privacy", "redact"], input="a\r\nmail ada@lovelace.example now\n"
    )

    assert result.stdout_bytes == b"a\r\nmail [EMAIL] now\n"


def test_redact_explains_without_repeating_the_secret() -> None:
    """Positions and kinds, as JSON and text, without the value."""
    text = "first line\nmail ada@lovelace.example now\n"
    result = CliRunner().invoke(main, ["privacy", "redact", "--explain"], input=text)

    start = text.index("ada@")
    assert result.stdout == f"{start}\t{start + len('ada@lovelace.example')}\temail\n"


def test_redact_writes_nothing_with_settings_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They may have been protective."""
    monkeypatch.setenv("OTEL_DISTRO_REDACTON", "true")
    result = CliRunner().invoke(main, ["privacy", "redact"], input="mail ada@lovelace.example")

    assert (result.exit_code, result.stdout) == (2, "")


def test_long_input_is_cut_between_lines_and_never_inside_a_key() -> None:
    """A private key spread over parts would not be recognised in either."""
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIE\n" * 50 + "-----END PRIVATE KEY-----\n"
    text = "line\n" * 10 + key + "line\n" * 10
    cut = list(parts(text.splitlines(keepends=True), size=40))

    assert "".join(cut) == text
    assert sum(key in part for part in cut) == 1


def test_bytes_that_are_not_text_come_out_as_they_went_in(tmp_path: Path) -> None:
    """Log files may have any bytes."""
    import subprocess

    raw = b"caf\xe9 \xff mail ada@lovelace.example\n"
    done = subprocess.run(
        [str(BIN / "otel-distro"), "privacy", "redact"],
        input=raw,
        capture_output=True,
        env=clean_environment(tmp_path),
        timeout=60,
    )

    assert done.stdout == b"caf\xe9 \xff mail [EMAIL]\n"


@pytest.mark.parametrize("seed", range(20))
def test_every_canary_is_one_the_redactor_knows(seed: int) -> None:
    """Undetectable secrets would prove nothing."""
    text = " ".join(make_canaries(seed))

    clean = redact(text)
    assert not [m for canary in make_canaries(seed) for m in marks(canary) if m in clean]


@pytest.mark.process
def test_a_program_is_proven_private(tmp_path: Path) -> None:
    """Every exported field is listed, none with a canary."""
    app = tmp_path / "app.py"
    app.write_text(APP)
    command = [str(BIN / "otel-distro"), "privacy", "prove", "--json", "--"]
    done = run([*command, "python", str(app), "{canary}"], clean_environment(tmp_path))

    proof = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (proof["leaked"], proof["planted"]) == (0, 4)
    fields = {(field["signal"], field["field"]): field["sample"] for field in proof["fields"]}
    assert fields["traces", "spans.attributes[note].string_value"].startswith("[EMAIL] [CARD]")
    assert fields["traces", "spans.attributes[argument].string_value"].startswith("[EMAIL]")
    assert ("traces", "spans.name") in fields


@pytest.mark.process
def test_a_program_that_leaks_is_found_out(tmp_path: Path) -> None:
    """With redaction off the canaries are exported, and the exit code is 1."""
    app = tmp_path / "app.py"
    app.write_text(APP)
    command = [str(BIN / "otel-distro"), "privacy", "prove", "--", "python", str(app), "x"]
    done = run(command, clean_environment(tmp_path, OTEL_DISTRO_REDACTION="false"))

    assert done.returncode == 1
    assert "4 of 4 planted secrets WOULD LEAVE this process" in done.stderr


@pytest.mark.process
def test_a_program_that_exports_nothing_proves_nothing(tmp_path: Path) -> None:
    """The output says so."""
    command = [str(BIN / "otel-distro"), "privacy", "prove", "--", "true"]
    done = run(command, clean_environment(tmp_path))

    assert done.returncode == 1
    assert "nothing was exported, so there is no proof" in done.stderr
