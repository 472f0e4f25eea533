"""A ledger behind pgbouncer, which gives each transaction any of a few sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.maintenance.postgres_retention import retain_in_postgres
from otel_cost_ledger.model.location import PostgresUrl
from otel_cost_ledger.postgres.connection import MAINTENANCE
from otel_cost_ledger.query.queries import costs
from support import pgbouncer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(pgbouncer.program() is None, reason="pgbouncer is not installed"),
]

MakeCall = Callable[..., Any]
MakeWriter = Callable[..., LedgerWriter]
HOUR_NS = 3_600 * 10**9


@pytest.fixture
def pooled(postgres: PostgresUrl, postgres_server: str) -> Iterator[PostgresUrl]:
    """Two sessions for everybody, in which other programs have left a schema of their own."""
    with pgbouncer.pooler(postgres_server, mode="transaction", sessions=2) as url:
        use_both_sessions(url, "SET search_path TO elsewhere")
        yield PostgresUrl.parse(url)


def use_both_sessions(url: str, statement: str) -> list[Any]:
    """Run *statement* in both sessions at once; return the first column of each answer."""
    connections = [psycopg.connect(url) for _ in range(2)]
    cursors = [connection.execute(statement.encode()) for connection in connections]
    found = [cursor.fetchone() if cursor.description else None for cursor in cursors]
    for connection in connections:
        connection.commit()
        connection.close()
    return [row and row[0] for row in found]


def test_many_writers_at_once_lose_nothing_through_two_sessions(
    pooled: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """New names, new months and revisions; reads go through the pool as well."""
    batches = [
        [make_call(tenant=f"t{n % 7}", start_ns=n * 97 * HOUR_NS) for n in range(60)]
        for _ in range(4)
    ]
    writers = [make_writer(path=pooled, busy_timeout_ms=20_000) for _ in batches]
    results: list[Any] = []

    def work(writer: LedgerWriter, batch: list[Any]) -> None:
        for start in range(0, len(batch), 10):
            part = batch[start : start + 10]
            results.extend([writer.write(part), writer.revise(part)])

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(writers, batches, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {result.fault for result in results} == {None}
    with open_ledger(pooled) as ledger:
        assert costs(ledger).total.calls == 240
        assert check_integrity(ledger).ok


def test_nothing_is_left_behind_in_the_sessions_of_others(
    pooled: PostgresUrl, postgres_server: str, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Not the schema, no table, no prepared statement and no lock."""
    writer = make_writer(path=pooled)
    for _ in range(20):
        writer.write([make_call()])
    with open_ledger(pooled) as ledger:
        costs(ledger)
    retain_in_postgres(pooled, 0, None, now_ns=HOUR_NS, timeout_ms=5_000)

    url = pgbouncer_url(pooled)
    assert use_both_sessions(url, "SHOW search_path") == ["elsewhere"] * 2
    assert use_both_sessions(url, "SELECT count(*) FROM pg_prepared_statements") == [0, 0]
    with psycopg.connect(postgres_server) as server:
        (tables,) = server.execute(
            "SELECT count(*) FROM pg_class WHERE relname = 'incoming'"
        ).fetchone() or (None,)
        (locks,) = server.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        ).fetchone() or (None,)
    assert (tables, locks) == (0, 0)


def test_one_process_at_a_time_deletes_old_calls(
    pooled: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Whether it comes through the pool or not."""
    writer = make_writer(path=pooled)
    writer.write([make_call()])

    with psycopg.connect(pgbouncer_url(pooled)) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (MAINTENANCE,))
        assert retain_in_postgres(pooled, 0, None, now_ns=HOUR_NS, timeout_ms=5_000).busy
    assert not retain_in_postgres(pooled, 0, None, now_ns=HOUR_NS, timeout_ms=5_000).busy


def pgbouncer_url(pooled: PostgresUrl) -> str:
    return f"postgresql://otel@127.0.0.1:{pooled.parameters['port']}/postgres"
