"""A ledger in PostgreSQL: the server, its password, many writers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from otel_cost_ledger import Fault, LedgerError, LedgerWriter, NewerSchemaError, open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.model.errors import UnusableRowError
from otel_cost_ledger.model.location import PostgresUrl, parse_location, spill_path
from otel_cost_ledger.postgres.connection import PostgresConnection
from otel_cost_ledger.query.queries import costs
from otel_pricing.model.call import PricedCall

if TYPE_CHECKING:
    from pathlib import Path

MakeCall = Callable[..., PricedCall]
MakeWriter = Callable[..., LedgerWriter]
SECRET = "s3cret-pa55"
HOUR_NS = 3_600 * 10**9


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"postgresql://me:{SECRET}@db:5433/costs", "postgresql://me@db:5433/costs"),
        (f"postgres://me:{SECRET}@db/costs?sslmode=require", "postgresql://me@db/costs"),
        (f"postgresql://me:p@ss{SECRET}@db/costs", "postgresql://me@db/costs"),
        (f"postgresql:///costs?password={SECRET}&host=/run/pg", "postgresql:///run/pg/costs"),
    ],
)
def test_a_url_never_shows_its_password(text: str, shown: str) -> None:
    """Neither as text nor in a debugger."""
    location = parse_location(text)

    assert str(location) == shown
    assert SECRET not in repr(location)


@pytest.mark.parametrize(
    "text",
    [
        f"mysql://me:{SECRET}@db/costs",
        f"postgresql://me:{SECRET}@db",
        f"postgresql://me:{SECRET}@db:port/costs",
        f"postgresql://[me:{SECRET}/costs",
        f"postgresql://me@db/costs?{SECRET}",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_quoting_it(text: str) -> None:
    """It may hold a password in an unexpected place."""
    with pytest.raises(ValueError, match="for example postgresql://") as caught:
        parse_location(text)

    assert SECRET not in str(caught.value)


def test_without_the_driver_the_install_command_is_printed(
    monkeypatch: pytest.MonkeyPatch, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Once, and the calls wait."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    warnings: list[str] = []
    url = PostgresUrl.parse("postgresql://localhost/costs")

    result = make_writer(path=url, say=warnings.append).write([make_call()])

    assert (result.fault, result.waiting) == (Fault.UNAVAILABLE, 1)
    assert "pip install 'otel-distro[postgres]'" in warnings[0]


def test_reading_files_does_not_load_the_driver(path: Path) -> None:
    """It takes half a second."""
    import subprocess

    code = (
        "import sys; from otel_cost_ledger import LedgerWriter, open_ledger;"
        f"LedgerWriter({str(path)!r}).write([]);"
        f"open_ledger({str(path)!r}).__enter__(); print('psycopg' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.strip() == "False", done.stderr


def test_calls_of_a_database_wait_in_the_state_folder(tmp_path: Path) -> None:
    """One file for each database, for any password."""
    urls = [
        f"postgresql://me{password}@db/{name}" for password in ("", ":x") for name in ("a", "b")
    ]

    files = [spill_path(PostgresUrl.parse(url), tmp_path) for url in urls]

    assert files[:2] == files[2:]
    assert files[0] != files[1]
    assert files[0].parent == tmp_path


@pytest.mark.postgres
def test_a_wrong_password_is_reported_without_it(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """The server's answer, its address, and the remedy."""
    wrong = PostgresUrl(postgres.shown, {**postgres.parameters, "password": SECRET})
    warnings: list[str] = []

    result = make_writer(path=wrong, say=warnings.append).write([make_call()])

    assert result.fault is Fault.UNAVAILABLE
    assert "password authentication failed" in warnings[0]
    assert SECRET not in warnings[0]
    with pytest.raises(LedgerError) as caught, open_ledger(wrong):
        pass
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.postgres
def test_calls_wait_while_the_server_is_away(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall, tmp_path: Path
) -> None:
    """The ending process writes them to the spill file, and another one stores them."""
    unreachable = PostgresUrl(postgres.shown, {**postgres.parameters, "port": "1"})
    spill = tmp_path / "waiting.jsonl"
    writer = make_writer(path=unreachable, spill_to=spill)
    assert writer.write([make_call(), make_call()]).waiting == 2
    writer.shutdown()
    assert spill.exists()

    assert make_writer(path=postgres, spill_to=spill).write([make_call()]).written == 3
    assert not spill.exists()


def end_sessions(postgres_server: str) -> None:
    """End those of the ledger, as a restart of the server does."""
    import psycopg

    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'otel-distro'"
        )


@pytest.mark.postgres
def test_a_broken_connection_is_reopened(
    postgres: PostgresUrl, postgres_server: str, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """As when the server restarts: calls added meanwhile are stored, once."""

    writer = make_writer(path=postgres)
    writer.write([make_call()])
    end_sessions(postgres_server)

    assert writer.write([make_call()]).fault is Fault.UNAVAILABLE
    assert writer.force_flush().written == 1
    with open_ledger(postgres) as ledger:
        assert costs(ledger).total.calls == 2


@pytest.mark.postgres
def test_during_a_long_lock_calls_wait(
    postgres: PostgresUrl, postgres_server: str, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """The wait of the writing thread is bounded."""
    import psycopg

    from otel_cost_ledger.postgres.connection import WRITERS

    writer = make_writer(path=postgres, busy_timeout_ms=50)
    writer.write([make_call()])
    with psycopg.connect(postgres_server, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [WRITERS])
        assert writer.write([make_call()]).fault is Fault.BUSY

    assert writer.force_flush().written == 1


@pytest.mark.postgres
def test_one_unusable_call_does_not_block_others(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Names longer than an index allows: rejected and counted; the others are stored."""
    writer = make_writer(path=postgres)
    # Random, because the server compresses what repeats.
    rows = ["".join(chr(0x4E00 + b) for b in os.urandom(200)) for _ in range(5)]
    service, provider, model, operation, tenant = rows
    huge = make_call(
        service=service,
        provider=provider,
        response_model=model,
        operation=operation,
        tenant=tenant,
    )

    result = writer.write([make_call(), huge, make_call()])

    assert (result.written, result.rejected, result.fault) == (2, 1, None)


@pytest.mark.postgres
def test_many_writers_at_once_lose_nothing(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """New names, new months, the same sums, replays and revisions, all at the same time."""
    batches = [
        [make_call(tenant=f"t{n % 7}", start_ns=n * 97 * HOUR_NS) for n in range(60)]
        for _ in range(4)
    ]
    warnings: list[str] = []
    writers = [
        make_writer(path=postgres, busy_timeout_ms=20_000, say=warnings.append) for _ in batches
    ]
    results: list[Any] = []

    def work(writer: LedgerWriter, batch: list[PricedCall]) -> None:
        for start in range(0, len(batch), 10):
            part = batch[start : start + 10]
            results.extend([writer.write(part), writer.write(batches[0][:10]), writer.revise(part)])

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(writers, batches, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert warnings == []
    assert {result.fault for result in results} == {None}
    with open_ledger(postgres) as ledger:
        assert costs(ledger).total.calls == 240
        assert check_integrity(ledger).ok


@pytest.mark.postgres
def test_a_forked_child_writes_through_its_own_connection(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Two processes on one connection would garble its protocol."""
    writer = make_writer(path=postgres)
    writer.write([make_call()])
    child_call = make_call()

    child = os.fork()
    if child == 0:
        ok = writer.write([child_call]).written == 1
        writer.shutdown()
        os._exit(0 if ok else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert writer.write([make_call()]).written == 1
    with open_ledger(postgres) as ledger:
        assert costs(ledger).total.calls == 3


@pytest.mark.postgres
def test_a_newer_ledger_is_left_alone(
    postgres: PostgresUrl, postgres_server: str, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Calls wait for a version that knows it."""
    import psycopg

    make_writer(path=postgres).write([make_call()])
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute("UPDATE otel_distro.meta SET value = '99' WHERE key = 'schema_version'")

    assert make_writer(path=postgres).write([make_call()]).fault is Fault.NEWER_SCHEMA
    with pytest.raises(NewerSchemaError), open_ledger(postgres):
        pass


@pytest.mark.postgres
def test_the_views_equal_those_of_a_file(
    postgres: PostgresUrl, path: Path, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """So that a dashboard can be moved."""
    batch = [make_call(user="ann", tenant="t"), make_call(response_model="x", error_type="e")]
    found = []
    for location in (path, postgres):
        make_writer(path=location).write(batch)
        with open_ledger(location) as ledger:
            answer = ledger.connection.execute("SELECT * FROM calls_v ORDER BY start_ns")
            columns = [column[0] for column in answer.description]
            rows = [tuple(row) for row in answer]
            days = ledger.connection.execute(
                "SELECT model, calls, cost_nano_usd, failed_calls, cost_usd, mean_latency_ms"
                " FROM daily_costs_v ORDER BY model"
            )
            found.append((columns, rows, [tuple(row) for row in days]))

    assert found[0] == found[1]


@pytest.mark.postgres
def test_a_connection_that_cannot_be_set_up_is_closed(
    postgres: PostgresUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server accepts the connection and rejects its settings."""
    import psycopg

    opened: list[Any] = []
    connect = psycopg.connect

    def keep(*args: Any, **named: Any) -> Any:
        opened.append(connect(*args, **named))
        return opened[-1]

    monkeypatch.setattr(psycopg, "connect", keep)

    with pytest.raises(UnusableRowError):
        PostgresConnection(postgres, timeout_ms=2**40)

    assert [connection.closed for connection in opened] == [True]


@pytest.mark.postgres
def test_a_writer_reads_through_its_own_connection(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """A session per query would cost the server more than the query."""
    writer = make_writer(path=postgres)
    writer.write([make_call()])

    with writer.reading() as ledger:
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'otel-distro'"
        assert list(ledger.rows(sessions)) == [(1,)]
        assert costs(ledger).total.calls == 1
    assert writer.write([make_call()]).written == 1


@pytest.mark.postgres
def test_a_connection_broken_during_a_read_is_reopened(
    postgres: PostgresUrl, postgres_server: str, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """As after a failed write, without waiting for one."""

    writer = make_writer(path=postgres)
    writer.write([make_call()])
    end_sessions(postgres_server)

    with pytest.raises(LedgerError), writer.reading() as ledger:
        costs(ledger)
    with writer.reading() as ledger:
        assert costs(ledger).total.calls == 1
