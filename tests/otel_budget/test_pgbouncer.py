"""Budgets behind pgbouncer, which gives each transaction any of a few sessions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from otel_budget.accounts.account import State
from otel_budget.accounts.postgres import PostgresDatabase
from otel_budget.budget_accounts import BudgetAccounts
from otel_budget.reservations.leases import Reservation
from otel_cost_ledger.model.location import PostgresUrl
from support import pgbouncer
from support.budgets import account, claim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(pgbouncer.program() is None, reason="pgbouncer is not installed"),
]

LIMIT = 240
PROCESSES, CALLS = 6, 50


@pytest.fixture
def pooled(postgres_server: str) -> Iterator[str]:
    """Two sessions for everybody, each of which another program has left in a state of its own."""
    with pgbouncer.pooler(postgres_server, mode="transaction", sessions=2) as url:
        holding = [psycopg.connect(url) for _ in range(2)]
        for other in holding:
            other.execute("SET search_path TO elsewhere")
            other.execute("SET lock_timeout = '1ms'")
        for other in holding:
            other.commit()
            other.close()
        yield url


def test_calls_of_many_processes_are_exact_through_two_sessions(
    pooled: str, tmp_path: Path
) -> None:
    """300 calls and room for 240; a transaction gets any of the sessions."""
    limited = account(LIMIT)
    parsed = PostgresUrl.parse(pooled)
    processes = [
        BudgetAccounts(
            tmp_path / f"host{number % 2}", store=PostgresDatabase(parsed.parameters, "pooled")
        )
        for number in range(PROCESSES)
    ]
    admitted: list[int] = []

    def calls(accounts: BudgetAccounts) -> None:
        for _ in range(CALLS):
            result = accounts.reserve("m", ["input"], lambda _: [claim(1, limited)])
            while not isinstance(result, Reservation) and result.may_change:
                result = accounts.reserve("m", ["input"], lambda _: [claim(1, limited)])
            if isinstance(result, Reservation):
                accounts.settle(result, [(limited, 1)])
                admitted.append(1)

    threads = [threading.Thread(target=calls, args=(each,)) for each in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in processes[1:]:
        each.close()

    assert len(admitted) == LIMIT
    assert processes[0].state(limited) == State(LIMIT, 0)
    processes[0].close()


def test_nothing_is_left_behind_in_the_sessions_of_others(
    pooled: str, postgres_server: str, tmp_path: Path
) -> None:
    """No setting, no prepared statement and no lock."""
    parsed = PostgresUrl.parse(pooled)
    accounts = BudgetAccounts(tmp_path, store=PostgresDatabase(parsed.parameters, "pooled"))
    for _ in range(10):
        accounts.charge([(account(LIMIT), 1)])
    accounts.close()

    found: list[object] = []
    holding = [psycopg.connect(pooled) for _ in range(2)]
    for other in holding:
        found += other.execute("SHOW search_path").fetchone() or ()
        found += other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() or ()
    for other in holding:
        other.close()
    with psycopg.connect(postgres_server) as server:
        locks = server.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert locks.fetchone() == (0,)
    assert found == ["elsewhere", 0] * 2
