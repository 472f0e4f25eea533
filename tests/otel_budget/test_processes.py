"""Many processes, real clients, one budget: never over, nearly all of it usable, kills included."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from support.openai_workers import CALL_NANO_USD, environment, finish, start
from support.process import BIN, clean_environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from support.budgets import SlowProvider

pytestmark = pytest.mark.process


def ledger_total(tmp_path: Path) -> int:
    done = run([str(BIN / "otel-distro"), "costs", "--json"], clean_environment(tmp_path))
    total: int = json.loads(done.stdout)["total"]["cost_nano_usd"]
    return total


def spent_and_reserved(tmp_path: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(tmp_path / "state/otel-distro/budget.db")) as connection:
        return connection.execute("SELECT spent, reserved FROM books").fetchall()


@pytest.mark.slow
def test_four_processes_share_one_budget(tmp_path: Path, provider: SlowProvider) -> None:
    """80 calls are attempted, 10 fit: 10 are sent, 70 never reach the provider."""
    environ = environment(tmp_path, "0.06")
    went, refused, said = finish([start(environ, provider, 1, 20) for _ in range(4)])

    assert (went, refused) == (10, 70)
    assert len(provider.requests) == 10
    assert ledger_total(tmp_path) == 10 * CALL_NANO_USD
    assert spent_and_reserved(tmp_path) == [(10 * CALL_NANO_USD, 0)]
    # The tenth call passes 95 and 100 % at once.
    for percent in (50, 80, 100):
        assert said.count(f"budget 'day' is {percent} % spent") == 1


@pytest.mark.slow
def test_eight_processes_of_eight_threads_are_never_over(
    tmp_path: Path, provider: SlowProvider
) -> None:
    """They attempt ten times the limit, and use at least 97 % of it."""
    environ = environment(tmp_path, "0.384")  # 64 calls
    went, refused, said = finish([start(environ, provider, 8, 10) for _ in range(8)])

    assert went + refused == 640
    assert 62 <= went <= 64, said
    assert len(provider.requests) == went
    assert ledger_total(tmp_path) == went * CALL_NANO_USD
    for percent in (50, 80, 95):
        assert said.count(f"budget 'day' is {percent} % spent") == 1


@pytest.mark.slow
def test_killed_processes_keep_no_reservation(tmp_path: Path, provider: SlowProvider) -> None:
    """Open calls are charged, because the provider has them; the rest is released."""
    environ = environment(tmp_path, "0.12")  # 20 calls
    provider.delay = 0.3
    victims = [start(environ, provider, 2, 20) for _ in range(3)]
    deadline = time.monotonic() + 60
    while len(provider.requests) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)
    for victim in victims:
        victim.communicate()
    time.sleep(0.5)  # responses to the killed processes have been sent
    sent = len(provider.requests)
    provider.delay = 0.0

    went, _, _ = finish([start(environ, provider, 2, 20) for _ in range(2)])

    assert sent >= 6
    assert len(provider.requests) == sent + went
    assert 18 <= sent + went <= 20
    assert spent_and_reserved(tmp_path)[0][1] == 0


@pytest.mark.slow
def test_a_budget_that_warns_admits_every_call_and_reports_once(
    tmp_path: Path, provider: SlowProvider
) -> None:
    """The default action."""
    environ = environment(tmp_path, "0.012", "warn")
    went, refused, said = finish([start(environ, provider, 1, 2) for _ in range(2)])

    assert (went, refused) == (4, 0)
    assert spent_and_reserved(tmp_path) == [(4 * CALL_NANO_USD, 0)]
    assert said.count("budget 'day' is 100 % spent") == 1


@pytest.mark.slow
def test_refusals_do_not_depend_on_sampling(tmp_path: Path, provider: SlowProvider) -> None:
    """Every trace is sampled out."""
    environ = {**environment(tmp_path, "0.012"), "OTEL_TRACES_SAMPLER": "always_off"}
    went, refused, _ = finish([start(environ, provider, 1, 5)])

    assert (went, refused) == (2, 3)
