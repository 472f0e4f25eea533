"""Each fault of a ledger has one reaction, and none raises."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from otel_cost_ledger import Fault, LatencyViolation, LedgerError, LedgerWriter, open_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.model.schema import SCHEMA_VERSION
from otel_cost_ledger.query.queries import costs
from otel_cost_ledger.sqlite import connection as connections
from otel_cost_ledger.sqlite.forking import TrackedConnection
from otel_pricing.model.call import PricedCall

Query = Callable[..., list[tuple[Any, ...]]]
MakeWriter = Callable[..., LedgerWriter]
MakeCall = Callable[..., PricedCall]


def ledger_calls(path: Path) -> int:
    """Count the calls of a ledger whose sums must be exact."""
    with open_ledger(path) as ledger:
        assert check_integrity(ledger).problems == ()
        return costs(ledger).total.calls


@pytest.fixture
def messages() -> list[str]:
    """Messages of the writer."""
    return []


def test_a_full_disk_keeps_the_calls_until_there_is_room(
    make_writer: MakeWriter,
    make_call: MakeCall,
    path: Path,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SQLITE_FULL rolls back; waiting calls are stored when space is back; one report."""
    limited = connections._configure

    def configure(connection: sqlite3.Connection, *rest: Any) -> None:
        limited(connection, *rest)
        if full:
            connection.execute("PRAGMA max_page_count = 60")

    monkeypatch.setattr(connections, "_configure", configure)
    full = True
    writer = make_writer(say=messages.append)
    results = [writer.write([make_call() for _ in range(1000)]) for _ in range(5)]
    assert results[-1].fault is Fault.DISK_FULL
    assert results[-1].waiting > 1000

    full = False
    result = writer.force_flush()

    assert (result.fault, result.waiting) == (None, 0)
    assert ledger_calls(path) == 5000
    assert len(messages) == 2
    assert "disk space" in messages[0]
    assert "written again" in messages[1]


def test_a_locked_ledger_is_retried(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """Another process's long transaction delays calls, it does not lose them."""
    writer = make_writer(busy_timeout_ms=20)
    writer.write([make_call()])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        busy = writer.write([make_call()])
        other.execute("ROLLBACK")

    result = writer.force_flush()

    assert (busy.fault, busy.waiting) == (Fault.BUSY, 1)
    assert (result.fault, result.written) == (None, 1)
    assert ledger_calls(path) == 2


def test_after_a_fault_the_file_is_left_alone_for_a_while(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """While the ledger is locked only every now and then a batch waits for the timeout."""
    writer = make_writer(busy_timeout_ms=20)
    writer.write([])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(20):
            writer.write([make_call()])

    assert 1 <= writer.counters.faults < 20


@pytest.mark.parametrize("damage", ["header", "truncated", "garbage page", "zeros"])
def test_a_damaged_ledger_is_set_aside_and_a_new_one_started(
    make_writer: MakeWriter, make_call: MakeCall, path: Path, messages: list[str], damage: str
) -> None:
    """The damaged file stays beside it for recovery."""
    first = make_writer()
    first.write([make_call() for _ in range(3000)])
    first.shutdown()
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:16] = b"x" * 16
    elif damage == "truncated":
        data = data[:10_000]
    elif damage == "garbage page":
        data[4096:] = os.urandom(len(data) - 4096)
    else:
        data = bytearray(len(data))
    path.write_bytes(data)
    writer = make_writer(say=messages.append)

    result = writer.write([make_call()])

    assert (result.fault, result.written) == (None, 1)
    assert ledger_calls(path) == 1
    (damaged,) = path.parent.glob("ledger.db.damaged-*Z")
    assert damaged.read_bytes() == data
    assert writer.counters.quarantined == 1
    assert len(messages) == 1
    assert damaged.name in messages[0]


@pytest.mark.parametrize(
    "content", [b"buy milk\n" * 1000, b"\x89PNG\r\n\x1a\n" + bytes(5000), b"x"]
)
def test_a_file_of_another_kind_is_left_alone(
    make_writer: MakeWriter, make_call: MakeCall, path: Path, messages: list[str], content: bytes
) -> None:
    """Neither renamed nor written to; the calls wait for another path."""
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)
    path.chmod(0o644)
    writer = make_writer(say=messages.append)

    result = writer.write([make_call()])

    assert result.written == 0
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.glob("ledger.db.damaged-*")) == []
    assert "is not a cost ledger" in messages[0]


def test_an_empty_file_is_a_new_ledger(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """A `touch` or a crash before the first write does no harm."""
    path.parent.mkdir(mode=0o700)
    path.touch()

    result = make_writer().write([make_call()])

    assert (result.fault, ledger_calls(path)) == (None, 1)


@pytest.mark.parametrize("how", ["deleted", "replaced", "whole directory"])
def test_a_deleted_file_is_detected_before_the_next_write(
    make_writer: MakeWriter, make_call: MakeCall, path: Path, tmp_path: Path, how: str
) -> None:
    """SQLite alone would keep writing to the deleted file silently."""
    writer = make_writer()
    writer.write([make_call()])
    if how == "deleted":
        path.unlink()
    elif how == "replaced":
        other = make_writer(path=tmp_path / "other" / "ledger.db")
        other.write([make_call(), make_call()])
        other.shutdown()
        for side in ("-wal", "-shm"):
            path.with_name(path.name + side).unlink()
        (tmp_path / "other" / "ledger.db").replace(path)
    else:
        shutil.rmtree(path.parent)

    result = writer.write([make_call()])

    assert (result.fault, result.written) == (None, 1)
    assert ledger_calls(path) == (3 if how == "replaced" else 1)
    assert writer.counters.reopened == 1


def test_a_newer_schema_is_not_written(
    make_writer: MakeWriter, make_call: MakeCall, path: Path, messages: list[str]
) -> None:
    """Calls wait in the spill file for a program that knows the schema."""
    first = make_writer()
    first.write([make_call()])
    first.shutdown()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    writer = make_writer(say=messages.append)

    result = writer.write([make_call(), make_call()])

    assert (result.fault, writer.counters.spilled) == (Fault.NEWER_SCHEMA, 2)
    assert path.read_bytes() == before
    assert "upgrade" in messages[0]
    with pytest.raises(LedgerError, match="upgrade"), open_ledger(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    assert make_writer().write([]).written == 2
    assert ledger_calls(path) == 3


def test_the_database_of_another_program_is_left_alone(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """A wrong path must not put our tables into a foreign database."""
    path.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name)")
    before = path.read_bytes()

    result = make_writer().write([make_call()])

    assert (result.fault, result.waiting) == (Fault.UNAVAILABLE, 1)
    assert path.read_bytes() == before
    with pytest.raises(LedgerError, match="another program"), open_ledger(path):
        pass


def test_a_directory_that_cannot_be_made_keeps_calls_in_memory(
    make_writer: MakeWriter, make_call: MakeCall, tmp_path: Path, messages: list[str]
) -> None:
    """A file is in place of the directory; when it is removed, the calls are stored."""
    obstacle = tmp_path / "state"
    obstacle.touch()
    writer = make_writer(say=messages.append)
    result = writer.write([make_call()])
    assert (result.fault, result.waiting) == (Fault.UNAVAILABLE, 1)
    obstacle.unlink()

    result = writer.force_flush()

    assert (result.fault, result.written) == (None, 1)
    assert len(messages) == 2


@pytest.mark.parametrize("what", ["link", "side link", "open directory", "directory"])
def test_a_path_that_others_could_use_is_refused(
    make_writer: MakeWriter,
    make_call: MakeCall,
    path: Path,
    tmp_path: Path,
    messages: list[str],
    what: str,
) -> None:
    """Nothing is written, neither the ledger nor a spill file."""
    path.parent.mkdir(mode=0o700)
    target = tmp_path / "target"
    target.write_text("precious")
    if what == "link":
        path.symlink_to(target)
    elif what == "side link":
        path.with_name("ledger.db-wal").symlink_to(target)
    elif what == "open directory":
        path.parent.chmod(0o777)
    else:
        path.mkdir()

    writer = make_writer(say=messages.append, ring_calls=1)
    result = writer.write([make_call(), make_call()])
    writer.shutdown()

    assert result.fault is Fault.REFUSED
    assert target.read_text() == "precious"
    assert not path.with_name("ledger.db.spill.jsonl").exists()
    assert writer.counters.dropped == 2
    assert len(messages) == 2
    assert "lost" in messages[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """Its owner could read or change what we store."""
    path.parent.mkdir(mode=0o700)
    path.touch()
    os.chown(path, 65534, 65534)

    assert make_writer().write([make_call()]).fault is Fault.REFUSED


def test_a_file_system_without_shared_memory_is_refused(
    make_writer: MakeWriter,
    make_call: MakeCall,
    monkeypatch: pytest.MonkeyPatch,
    messages: list[str],
) -> None:
    """It silently ignores WAL mode, and two processes would not see each other."""

    class Dotfile(TrackedConnection):
        def execute(self, sql: str, *rest: Any) -> Any:
            if sql == "PRAGMA journal_mode = WAL":
                return super().execute("SELECT 'delete'")
            return super().execute(sql, *rest)

    monkeypatch.setattr(connections, "TrackedConnection", Dotfile)

    result = make_writer(say=messages.append).write([make_call()])

    assert result.fault is Fault.UNAVAILABLE
    assert "local disk" in messages[0]


def test_the_oldest_calls_are_spilled_first_and_the_count_is_exact(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """Memory and spill file are bounded; further calls are counted as dropped."""
    with _locked(path, make_writer) as unlock:
        writer = make_writer(busy_timeout_ms=0, ring_calls=100, spill_bytes=40_000)
        for _ in range(30):
            writer.write([make_call() for _ in range(20)])
        c = writer.counters
        assert c.dropped > 0
        assert c.spilled > 0
        assert path.with_name("ledger.db.spill.jsonl").stat().st_size <= 40_000
        unlock()

    result = writer.force_flush()

    assert result.fault is None
    assert ledger_calls(path) == 600 - writer.counters.dropped


def test_shutdown_leaves_waiting_calls_to_the_next_writer(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """A process that ends while the ledger is locked loses nothing."""
    batch = [make_call(user="ann", tenant="acme") for _ in range(50)]
    with _locked(path, make_writer) as unlock:
        writer = make_writer(busy_timeout_ms=5_000)
        writer.shutdown(timeout_s=0.05)
        writer = make_writer(busy_timeout_ms=1)
        writer.write(batch)
        assert writer.shutdown(timeout_s=0.05).fault is Fault.BUSY
        spilled = path.with_name("ledger.db.spill.jsonl").read_text()
        assert "ann" not in spilled
        unlock()

    result = make_writer().write(batch[:10])

    assert (result.written, result.already_known) == (50, 10)
    assert ledger_calls(path) == 50
    assert not path.with_name("ledger.db.spill.jsonl").exists()


def test_an_invalid_spill_file_does_not_stop_the_ledger(
    make_writer: MakeWriter, make_call: MakeCall, path: Path, messages: list[str]
) -> None:
    """Lines that cannot be read are counted and dropped, the others are stored."""
    with _locked(path, make_writer) as unlock:
        writer = make_writer(busy_timeout_ms=0)
        writer.write([make_call()])
        writer.shutdown(timeout_s=0)
        unlock()
    with path.with_name("ledger.db.spill.jsonl").open("ab") as spill:
        spill.write(b'garbage\n[1,"insert",[]]\n[9,"insert",[]]\n[1,"drop",[]]\n{"half')
    writer = make_writer(say=messages.append)

    result = writer.write([])

    assert (result.written, writer.counters.rejected, result.fault) == (1, 5, None)
    assert len(messages) == 1


def test_revisions_and_violations_survive_an_outage_in_order(
    make_writer: MakeWriter, make_call: MakeCall, path: Path, query: Query
) -> None:
    """A price that was corrected twice while the ledger was locked ends with the last one."""
    call = make_call(cost_nano_usd=1)
    with _locked(path, make_writer) as unlock:
        writer = make_writer(busy_timeout_ms=0, ring_calls=1)
        writer.write([call])
        writer.revise([replace(call, cost_nano_usd=2)])
        writer.revise([replace(call, cost_nano_usd=3)])
        writer.record_violations(
            [
                LatencyViolation(
                    operation="o", budget_ms=1, actual_ms=2, at_ns=3, trace_id=4, span_id=5
                )
            ]
        )
        writer.shutdown(timeout_s=0)
        unlock()

    make_writer().write([])

    assert query("SELECT cost_nano_usd FROM calls") == [(3,)]
    assert query("SELECT actual_us, lower(hex(trace_id)) FROM latency_violations") == [
        (2000, f"{4:032x}")
    ]
    assert ledger_calls(path) == 1


@dataclass
class _Lock:
    connection: sqlite3.Connection

    def __call__(self) -> None:
        self.connection.execute("ROLLBACK")

    def __enter__(self) -> _Lock:
        return self

    def __exit__(self, *rest: object) -> None:
        self.connection.close()


def _locked(path: Path, make_writer: Callable[..., LedgerWriter]) -> _Lock:
    """Create the ledger and hold its write lock."""
    first = make_writer()
    first.write([])
    first.shutdown()
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return _Lock(connection)


def test_a_sticky_directory_will_do(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """In one such as /tmp all users may create files, and none may replace those of others."""
    path.parent.mkdir(mode=0o700)
    path.parent.chmod(0o1777)

    writer = make_writer()
    result = writer.write([make_call()])
    writer.shutdown()

    assert result.written == 1
    assert path.stat().st_mode & 0o777 == 0o600
