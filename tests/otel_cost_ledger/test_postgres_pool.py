"""Connections that the readers of one process share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from otel_cost_ledger import LedgerError, LedgerWriter, open_ledger
from otel_cost_ledger.model.location import PostgresUrl
from otel_cost_ledger.postgres import pool
from otel_cost_ledger.postgres.pool import (
    MOST_CONNECTIONS,
    close_connections,
    share_connections,
    shared_connections,
)
from otel_cost_ledger.query.queries import costs
from otel_pricing.model.call import PricedCall

pytestmark = pytest.mark.postgres

MakeCall = Callable[..., PricedCall]
MakeWriter = Callable[..., LedgerWriter]


@pytest.fixture
def sharing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("psycopg_pool")
    # A busy machine may need longer to connect than a reader would wait.
    monkeypatch.setattr(pool, "_WAIT_S", 30.0)
    assert share_connections()
    yield
    close_connections()


@pytest.fixture
def ledger(postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall) -> PostgresUrl:
    make_writer(path=postgres).write([make_call(), make_call()])
    return postgres


def backends(url: PostgresUrl) -> set[int]:
    """Return the server's processes that answer *url*'s readers."""
    found = set()
    for _ in range(3):
        with open_ledger(url) as opened:
            found |= {pid for (pid,) in opened.rows("SELECT pg_backend_pid()")}
    return found


def test_questions_one_after_another_use_one_connection(ledger: PostgresUrl, sharing: None) -> None:
    """Each sees one snapshot, the newest at its start."""
    assert len(backends(ledger)) == 1
    assert shared_connections() == 1


def test_without_sharing_each_question_opens_its_own(ledger: PostgresUrl) -> None:
    """As in a command, which queries once."""
    assert len(backends(ledger)) == 3
    assert shared_connections() == 0


def test_a_shared_connection_keeps_nothing_of_its_last_question(
    ledger: PostgresUrl, sharing: None, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Also after a failed query: the next one sees rows written meanwhile."""
    with open_ledger(ledger) as opened, pytest.raises(LedgerError):
        list(opened.rows("SELECT no_such_column FROM calls"))
    make_writer(path=ledger).write([make_call()])

    with open_ledger(ledger) as opened:
        assert costs(opened).total.calls == 3


def test_many_threads_at_once_are_all_answered(
    ledger: PostgresUrl, sharing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than shared connections: the others open their own."""
    monkeypatch.setattr(pool, "_WAIT_S", 0.2)
    together = threading.Barrier(2 * MOST_CONNECTIONS)

    def ask(_: int) -> int:
        with open_ledger(ledger) as opened:
            together.wait(30)
            return costs(opened).total.calls

    with ThreadPoolExecutor(2 * MOST_CONNECTIONS) as threads:
        answers = list(threads.map(ask, range(2 * MOST_CONNECTIONS)))

    assert answers == [2] * 2 * MOST_CONNECTIONS
    assert 0 < shared_connections() <= MOST_CONNECTIONS


def test_a_connection_that_the_server_closed_is_replaced(
    ledger: PostgresUrl, sharing: None
) -> None:
    """As after a restart."""
    (first,) = backends(ledger)
    _terminate(ledger, first)

    assert first not in backends(ledger)


def _terminate(url: PostgresUrl, pid: int) -> None:
    import psycopg
    from psycopg.conninfo import make_conninfo

    with psycopg.connect(make_conninfo("", **url.parameters), autocommit=True) as database:
        database.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_a_server_that_is_away_is_reported_at_once(
    sharing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its reason, not with a timeout of the pool."""
    monkeypatch.setattr(pool, "_WAIT_S", 0.2)
    url = PostgresUrl.parse("postgresql://me@127.0.0.1:1/costs")

    with pytest.raises(LedgerError, match="refused"), open_ledger(url):
        pass


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_makes_its_own_connections(ledger: PostgresUrl, sharing: None) -> None:
    """The child never changes the parent's, and both close normally."""
    script = f"""
import os, sys
from otel_cost_ledger import open_ledger
from otel_cost_ledger.model.location import PostgresUrl
from otel_cost_ledger.postgres import pool
from otel_cost_ledger.query.queries import costs
pool._WAIT_S = 30.0
url = PostgresUrl({ledger.shown!r}, {dict(ledger.parameters)!r})
assert pool.share_connections()
def ask():
    with open_ledger(url) as opened:
        (pid,), = opened.rows("SELECT pg_backend_pid()")
        return pid, costs(opened).total.calls
before = ask()
child = os.fork()
if child == 0:
    mine = ask()
    assert mine[0] != before[0] and mine[1] == before[1] and ask() == mine
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert ask() == before
print(status, before[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout, done.stderr) == ("0 2\n", "")
