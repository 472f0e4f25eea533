"""Budget accounts in a file or PostgreSQL, a manual clock, and a slow provider."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from otel_budget.accounts.postgres import TURN, PostgresDatabase
from otel_budget.budget_accounts import BudgetAccounts
from otel_cost_ledger.model.location import PostgresUrl
from support.budgets import Clock, Locked, MakeAccounts, SlowProvider

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def shared_in(request: pytest.FixtureRequest) -> str | None:
    """Shared store of accounts: None for a file, or a PostgreSQL URL."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres_server")


@pytest.fixture
def make_accounts(tmp_path: Path, shared_in: str | None) -> Iterator[MakeAccounts]:
    """Open the same accounts repeatedly, as other processes would; `by_hand` stops the thread."""
    opened: list[BudgetAccounts] = []

    def make(*, by_hand: bool = False, **options: Any) -> BudgetAccounts:
        store = None
        if shared_in is not None:
            url = PostgresUrl.parse(shared_in)
            store = PostgresDatabase(url.parameters, str(url))
        accounts = BudgetAccounts(tmp_path / "state", store=store, **options)
        if by_hand:
            accounts._flusher.stop()
        opened.append(accounts)
        return accounts

    yield make
    for accounts in opened:
        accounts.close()


@pytest.fixture
def accounts(make_accounts: MakeAccounts, clock: Clock) -> BudgetAccounts:
    return make_accounts(now_ns=clock)


@pytest.fixture
def locked(tmp_path: Path, shared_in: str | None) -> Locked:
    """Hold another connection's transaction open for the body."""

    @contextmanager
    def lock() -> Iterator[None]:
        if shared_in is None:
            path = tmp_path / "state/budget.db"
            with closing(sqlite3.connect(path, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
                yield
                file.execute("ROLLBACK")
        else:
            import psycopg

            with psycopg.connect(shared_in) as server:
                server.execute("SELECT pg_advisory_xact_lock(%s)", (TURN,))
                yield

    return lock


@pytest.fixture
def provider() -> Iterator[SlowProvider]:
    with SlowProvider() as fake:
        yield fake  # type: ignore[misc]
