"""Several hosts under one budget: processes that share nothing but a database."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from otel_budget.accounts.postgres import SCHEMA
from support.openai_workers import CALL_NANO_USD, environment, finish, start

if TYPE_CHECKING:
    from support.budgets import SlowProvider

pytestmark = [pytest.mark.process, pytest.mark.postgres]


def host(tmp_path: Path, number: int, url: str, usd: str) -> dict[str, str]:
    return {**environment(tmp_path / f"host{number}", usd), "OTEL_DISTRO_BUDGET_STORE": url}


def accounts(url: str) -> list[tuple[int, int]]:
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT spent, reserved FROM {SCHEMA}.books").fetchall()
    return [(int(spent), int(reserved)) for spent, reserved in found]


@pytest.mark.slow
def test_two_hosts_share_one_budget(
    tmp_path: Path, provider: SlowProvider, postgres_server: str
) -> None:
    """60 calls are attempted, 10 fit."""
    hosts = [host(tmp_path, number, postgres_server, "0.06") for number in (1, 2)]
    went, refused, said = finish([start(one, provider, 1, 30) for one in hosts])

    assert (went, refused) == (10, 50), said
    assert len(provider.requests) == 10
    assert accounts(postgres_server) == [(10 * CALL_NANO_USD, 0)]
    assert said.count("budget 'day' is 100 % spent") == 1


@pytest.mark.slow
def test_leases_of_a_killed_host_are_released_when_its_heartbeat_expires(
    tmp_path: Path, provider: SlowProvider, postgres_server: str
) -> None:
    """Its files are out of reach; after a minute without a heartbeat it is dead, and charged."""
    provider.delay = 5.0
    victim = start(host(tmp_path, 1, postgres_server, "0.06"), provider, 1, 1)
    deadline = time.monotonic() + 60
    while not provider.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    provider.delay = 0.0
    ((_, held),) = accounts(postgres_server)
    assert held > 0
    with psycopg.connect(postgres_server) as connection:
        connection.execute(f"UPDATE {SCHEMA}.owners SET expires_ns = 0")

    went, _, _ = finish([start(host(tmp_path, 2, postgres_server, "0.06"), provider, 1, 20)])

    ((spent, held),) = accounts(postgres_server)
    assert went in {8, 9}
    assert held == 0
    assert spent <= 10 * CALL_NANO_USD


@pytest.mark.slow
def test_with_an_unreachable_database_the_policy_decides(
    tmp_path: Path, provider: SlowProvider
) -> None:
    """Refused or admitted as set; the message has no password."""
    url = "postgresql://me:s3cret-pa55@127.0.0.1:9/budgets"
    refusing = host(tmp_path, 1, url, "1")
    allowing = {**host(tmp_path, 2, url, "1"), "OTEL_DISTRO_BUDGET_ON_FAULT": "allow"}

    refused = finish([start(refusing, provider, 1, 2)])
    allowed = finish([start(allowing, provider, 1, 2)])

    assert refused[:2] == (0, 2)
    assert allowed[:2] == (2, 0)
    assert "s3cret" not in refused[2] + allowed[2]
