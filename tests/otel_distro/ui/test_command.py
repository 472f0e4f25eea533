"""`otel-distro ui`: one command, one address, clear errors."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from otel_distro.cli import main
from otel_distro.cli import ui_command as ui
from otel_distro.ui.serving import listen
from support.process import BIN, clean_environment, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.process
def test_it_prints_its_address_serves_and_ends_on_ctrl_c(month: Path, tmp_path: Path) -> None:
    """With code 0 and without a message."""
    process = subprocess.Popen(
        [BIN / "otel-distro", "ui", "--no-browser", "--port", "0", "--ledger", month],
        env=clean_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"(http://127\.0\.0\.1:\d+/)  \(ledger (.*); Ctrl-C ends it\)", line)
    assert found, line
    with urllib.request.urlopen(found[1], timeout=20) as answer:
        text = answer.read().decode()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)

    assert found[2] == str(month)
    assert "Model calls" in text
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.process
def test_it_opens_a_browser_once_it_answers(month: Path, tmp_path: Path) -> None:
    """The one in BROWSER, with the address of the page."""
    log = tmp_path / "opened"
    browser = tmp_path / "browser.py"
    browser.write_text(f"import sys; open({str(log)!r}, 'w').write(sys.argv[1])")
    environ = clean_environment(tmp_path, BROWSER=f"{sys.executable} {browser} %s")
    process = subprocess.Popen(
        [BIN / "otel-distro", "ui", "--port", "0", "--ledger", month],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().split()[0]
    until = time.monotonic() + 20
    while not (log.exists() and log.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=15)

    assert log.read_text() == address


@pytest.mark.process
@pytest.mark.parametrize("missing", ["starlette", "jinja2", "uvicorn"])
def test_a_missing_part_is_named_with_the_command_that_brings_it(
    tmp_path: Path, missing: str
) -> None:
    """The extra is not installed by default."""
    script = f"""
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == {missing!r} else real(name, *a)
sys.argv = ["otel-distro", "ui"]
from otel_distro.cli import main
main()
"""
    done = run([sys.executable, "-c", script], clean_environment(tmp_path))

    assert done.returncode == 1
    assert done.stderr == (
        f"otel-distro: the page needs {missing}; run: pip install 'otel-distro[ui]'\n"
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("OTEL_DISTRO_UI_TOKEN", raising=False)


def test_others_are_not_let_in_without_a_token() -> None:
    """It does not listen."""
    done = CliRunner().invoke(main, ["ui", "--host", "0.0.0.0", "--no-browser"])

    assert done.exit_code == 1
    assert "set OTEL_DISTRO_UI_TOKEN" in done.stderr


def test_a_port_in_use_is_reported() -> None:
    """With the remedy."""
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["ui", "--port", port, "--no-browser"])

    assert done.exit_code == 1
    assert f"cannot listen on 127.0.0.1 port {port}: address already in use" in done.stderr


@pytest.mark.parametrize("url", ["javascript:alert(1)", "localhost:16686", "file:///etc/passwd"])
def test_a_link_that_is_not_a_web_address_is_refused(url: str) -> None:
    """It would be in every page of a trace."""
    done = CliRunner().invoke(main, ["ui", "--jaeger", url, "--no-browser"])

    assert done.exit_code == 2
    assert "is not a web address" in done.stderr


def test_the_command_line_itself_loads_none_of_it() -> None:
    """Other commands stay fast."""
    code = (
        "import sys, otel_distro.cli.ui_command; print({'starlette', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "set()\n"
    assert ui.command.name == "ui"
