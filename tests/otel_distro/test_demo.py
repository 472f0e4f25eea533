"""`otel-distro demo`: the first contact of a new user."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_distro.demo.planted import API_KEY, EMAIL
from support.process import BIN, clean_environment, run

pytestmark = pytest.mark.process


def test_the_demo_shows_cost_and_protection_in_fifteen_lines(tmp_path: Path) -> None:
    """Calls, tokens, cost, p95, redactions, storage, next command."""
    done = run([str(BIN / "otel-distro"), "demo"], clean_environment(tmp_path), timeout=120)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= 15
    assert lines[0] == "ran a small app: 9 calls of the openai client, no code changed"
    # 6 x 6000 + o3-mini 1200 x 1.10 + 300 x 4.40 + mini 176 x 0.15 + 1024 x 0.075 + 300 x 0.60
    # = 36000 + 2640 + 283.2 micro-dollars.
    (total,) = [line for line in lines if line.startswith("total")]
    assert total.split()[1:6] == ["9", "1", "9,600", "2,400", "$0.0389"]
    assert "none of the 2 planted secrets left the process" in done.stdout
    assert f"stored:   {tmp_path / 'state/otel-distro/demo/ledger.db'}" in lines
    assert EMAIL not in done.stdout
    assert API_KEY not in done.stdout


@pytest.mark.slow
def test_the_demo_can_be_run_again(tmp_path: Path) -> None:
    """With a new ledger each time, so that the sums stay the same."""
    command = [str(BIN / "otel-distro"), "demo"]
    first = run(command, clean_environment(tmp_path), timeout=120)
    second = run(command, clean_environment(tmp_path), timeout=120)

    assert first.returncode == second.returncode == 0
    assert "$0.0389" in second.stdout


@pytest.mark.slow
def test_the_demo_ignores_the_users_own_settings(tmp_path: Path) -> None:
    """It shows the defaults, also where a collector or an odd setting is configured."""
    environ = clean_environment(
        tmp_path,
        OTEL_TRACES_EXPORTER="none",
        OTEL_DISTRO_EXIT_TIMEOUT="0",
        OTEL_SDK_DISABLED="true",
    )
    done = run([str(BIN / "otel-distro"), "demo"], environ, timeout=120)

    assert "none of the 2 planted secrets left the process" in done.stdout
