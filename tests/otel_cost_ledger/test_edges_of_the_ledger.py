"""The ledger under faults: full disk, deleted file, fork, foreign database."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

import otel_cost_ledger
from otel_cost_ledger import LedgerError, LedgerWriter, open_ledger, pseudonym
from otel_cost_ledger.exporter import SqliteCostExporter
from otel_cost_ledger.maintenance import archive, copying
from otel_cost_ledger.maintenance.exclusive import Chunks, exclusive
from otel_cost_ledger.maintenance.forgetting import forget_user
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.maintenance.retention import retain
from otel_cost_ledger.model import quiet, row_maker, state_folder
from otel_cost_ledger.model.entries import microseconds
from otel_cost_ledger.model.errors import UnsafePathError, UnusableRowError
from otel_cost_ledger.model.filters import Window
from otel_cost_ledger.model.location import Location, PostgresUrl
from otel_cost_ledger.model.privacy import Pseudonyms, parse_pseudonym
from otel_cost_ledger.model.schema import APPLICATION_ID, create_schema, run_migration
from otel_cost_ledger.postgres import pool
from otel_cost_ledger.query import durations as durations_module
from otel_cost_ledger.query.billed_calls import billed_calls
from otel_cost_ledger.query.coverage import coverage
from otel_cost_ledger.query.durations import durations, latencies_by_model
from otel_cost_ledger.query.latency import are_soon_read
from otel_cost_ledger.query.ledger import Ledger
from otel_cost_ledger.query.queries import Filters, calls, costs
from otel_cost_ledger.query.tools import tool_report
from otel_cost_ledger.sqlite import forking, paths, quarantine
from otel_cost_ledger.sqlite.forking import check_not_inherited
from otel_cost_ledger.sqlite.writer_lock import WriterLock
from otel_cost_ledger.write.faults import Fault, fault_of
from otel_cost_ledger.write.spill import SpillFile, first_start_ns
from otel_pricing.model.call import PricedCall

MakeCall = Callable[..., PricedCall]
MakeWriter = Callable[..., LedgerWriter]
KEY = b"0123456789abcdef"
NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9
DAY_NS = 86_400 * 10**9
CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


def span() -> Any:
    made: Any = (
        TracerProvider(shutdown_on_exit=False)
        .get_tracer("a")
        .start_span("chat gpt-4o", attributes=CHAT)
    )
    made.end()
    return made


# The exporter.


def test_an_exporter_reports_a_batch_it_cannot_price_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the type of the error only: its message may quote a span."""
    exporter = SqliteCostExporter(path)
    broken: Any = [object()]

    assert exporter.export(broken) is SpanExportResult.FAILURE
    assert exporter.export(broken) is SpanExportResult.FAILURE
    assert exporter.export([]) is SpanExportResult.SUCCESS
    assert [record.getMessage() for record in caplog.records] == [
        "a batch of spans could not be priced: AttributeError"
    ]
    exporter.shutdown()


def test_a_forked_exporter_resets_its_decisions(path: Path) -> None:
    """The child releases the parent's lock and does not take its decisions."""
    exporter = SqliteCostExporter(path)
    exporter.before_fork()
    exporter.after_fork_in_parent()
    window = exporter._window
    exporter.before_fork()
    exporter.after_fork_in_child()

    assert exporter._window is not window
    assert exporter.export([span()]) is SpanExportResult.SUCCESS
    assert exporter.force_flush()
    exporter.shutdown()
    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 1


def test_the_package_has_no_other_names() -> None:
    """Its parts are imported on access."""
    with pytest.raises(AttributeError, match="has no attribute 'unheard_of'"):
        getattr(otel_cost_ledger, "unheard" + "_of")


# Files in the way.


def test_a_reader_reports_why_a_folder_is_not_a_ledger(tmp_path: Path) -> None:
    """It cannot be opened."""
    (tmp_path / "ledger.db").mkdir()

    with pytest.raises(LedgerError, match="is not a regular file"):
        with open_ledger(tmp_path / "ledger.db"):
            pass


def test_a_path_below_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    """For reading and for creating."""
    (tmp_path / "file").touch(mode=0o600)
    with pytest.raises(LedgerError, match="cannot inspect"):
        paths.check_private(tmp_path / "file" / "ledger.db")
    with pytest.raises(LedgerError):
        paths.prepare_file(tmp_path / "file" / "ledger.db")


def test_a_link_in_place_of_the_ledger_is_refused(tmp_path: Path) -> None:
    """It may lead anywhere."""
    (tmp_path / "ledger.db").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UnsafePathError):
        paths.prepare_file(tmp_path / "ledger.db")


def test_damaged_ledgers_of_one_second_have_different_names(tmp_path: Path) -> None:
    """And one already set aside by another process is unchanged."""
    path = tmp_path / "ledger.db"
    names = set()
    for _ in range(3):
        path.write_bytes(b"damaged")
        found = path.stat()
        aside = quarantine.set_aside(path, (found.st_dev, found.st_ino))
        assert aside is not None
        names.add(aside.name)

    assert len(names) == 3
    path.write_bytes(b"new")
    assert quarantine.set_aside(path, (0, 0)) is None
    assert quarantine.set_aside(path, None) is None
    assert path.read_bytes() == b"new"


def test_without_any_free_name_nothing_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a damaged ledger nor an archive replaces another file."""
    monkeypatch.setattr(Path, "exists", lambda _path: True)

    with pytest.raises(FileExistsError, match="no free name beside"):
        quarantine._free_name(tmp_path / "ledger.db")
    with pytest.raises(LedgerError, match="move old archives away"):
        archive._free_name(tmp_path, 0, DAY_NS, ".jsonl.gz")


def test_archives_of_one_day_have_different_names(tmp_path: Path) -> None:
    """The day, and a number from the second on; several days have both ends."""
    first = archive._free_name(tmp_path, NOON_NS, NOON_NS + 1, ".gz")
    first.touch()

    assert first.name == "calls-2025-11-22.gz"
    assert archive._free_name(tmp_path, NOON_NS, NOON_NS + 1, ".gz").name == "calls-2025-11-22-2.gz"
    both = archive._free_name(tmp_path, NOON_NS, NOON_NS + 2 * DAY_NS, ".gz")
    assert both.name == "calls-2025-11-22-to-2025-11-24.gz"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (OSError(errno.ENOSPC, "full"), Fault.DISK_FULL),
        (OSError(errno.EDQUOT, "quota"), Fault.DISK_FULL),
        (OSError(errno.EROFS, "read-only"), Fault.READ_ONLY),
        (OSError(errno.EIO, "broken"), Fault.UNAVAILABLE),
        (LedgerError("somehow"), Fault.UNAVAILABLE),
        (ValueError("odd"), Fault.UNEXPECTED),
        (sqlite3.Error("no code"), Fault.UNEXPECTED),
    ],
)
def test_errors_are_known_by_their_numbers(error: Exception, fault: Fault) -> None:
    """Also if an error of the system is the cause of the ledger's error."""
    wrapped = LedgerError("cannot open")
    wrapped.__cause__ = error

    assert fault_of(error) is fault
    assert fault_of(wrapped) is (fault if isinstance(error, OSError) else Fault.UNAVAILABLE)


# Locks and forks.


def test_a_lock_of_another_writer_is_awaited_with_a_timeout(tmp_path: Path) -> None:
    """The second attempt waits first, because others are writing."""
    first, second = (WriterLock(tmp_path / "lock", 0.05) for _ in range(2))
    with first.held() as acquired:
        for _ in range(2):
            with second.held() as others:
                assert not others
    assert acquired
    with second.held() as others:
        assert others
        second.close()
    first.close()


def test_a_writer_that_is_busy_at_a_fork_stays_with_the_parent(
    make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """The child starts without its data; the parent continues to write."""
    writer = make_writer()
    writer.write([make_call()])
    writer.before_fork()
    writer.after_fork_in_parent()
    assert writer.write([make_call()]).written == 1
    writer.before_fork()
    writer.after_fork_in_child()

    assert writer.lag() == (0, "")
    assert writer.counters.handed_in == 0


def test_shutdown_does_not_wait_for_a_busy_writer(
    make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Waiting calls are in the spill file or stored by the running writer."""
    writer = make_writer()
    writer.write([make_call()])
    with writer._lock:
        result = writer.shutdown(timeout_s=0.05)

    assert result.fault is Fault.BUSY


def test_a_fork_waits_for_the_running_chunk_of_maintenance(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """The connection is closed for it and opened again afterwards."""
    make_writer().write([make_call()])
    with exclusive(path, 5000) as chunks:
        assert chunks is not None
        assert chunks.connection.execute("SELECT count(*) FROM calls").fetchone() == (1,)
        forked = threading.Event()

        def fork(chunks: Chunks = chunks) -> None:
            chunks.before_fork()
            forked.set()
            chunks.after_fork_in_parent()

        thread = threading.Thread(target=fork)
        thread.start()
        while not chunks._fork_waits:
            forked.wait(0.001)
        with chunks.locked():
            assert forked.is_set()
            chunks.connection.execute("UPDATE summed SET until_ns = until_ns")
        thread.join()
        chunks.after_fork_in_child()


def test_an_error_in_a_chunk_takes_it_back(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """And maintenance may continue with the next."""
    make_writer().write([make_call()])
    with exclusive(path, 5000) as chunks:
        assert chunks is not None
        with pytest.raises(ZeroDivisionError), chunks.locked():
            chunks.connection.execute("DELETE FROM calls")
            raise ZeroDivisionError
        with chunks.locked():
            assert chunks.connection.execute("SELECT count(*) FROM calls").fetchone() == (1,)


def test_a_ledger_that_was_not_open_at_the_fork_may_be_used(tmp_path: Path) -> None:
    """Nothing is inherited."""
    check_not_inherited(tmp_path / "ledger.db")


# Forgetting people.


@pytest.mark.parametrize("erase", [False, True])
def test_a_user_is_forgotten_in_the_ledger_and_in_waiting_calls(
    make_writer: MakeWriter, make_call: MakeCall, location: Location, tmp_path: Path, erase: bool
) -> None:
    """In a file and in PostgreSQL; invalid lines are not changed."""
    spill = tmp_path / "spill.jsonl"
    writer = make_writer(path=location, spill_to=spill)
    writer.write([make_call(user="ann", session="s"), make_call(user="bob"), make_call()])
    writer.save_waiting([make_call(user="ann"), make_call(user="bob")])
    with spill.open("a") as file:
        file.write("no line of ours\n")
    ann = parse_pseudonym(pseudonym(KEY, "user", "ann"))

    done = forget_user(location, ann, erase=erase, spill=spill)

    assert (done.deleted_calls, done.unlinked_calls) == ((1, 0) if erase else (0, 1))
    assert done.waiting_calls == 1
    left = spill.read_text().splitlines()
    assert len(left) == (2 if erase else 3)
    assert left[-1] == "no line of ours"
    assert not any(str(ann) in line for line in left)
    with open_ledger(location) as ledger:
        assert calls(ledger, filters=Filters(user=pseudonym(KEY, "user", "ann"))) == ()
    writer._file.close()


def test_without_a_ledger_or_a_spill_file_forgetting_succeeds(tmp_path: Path) -> None:
    """It is not an error."""
    done = forget_user(tmp_path / "ledger.db", 5, erase=True, spill=tmp_path / "spill.jsonl")

    assert (done.deleted_calls, done.unlinked_calls, done.waiting_calls) == (0, 0, 0)


def test_an_error_while_a_user_is_forgotten_leaves_whole_chunks(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """A chunk that a trigger refuses is rolled back."""
    make_writer().write([make_call(user="ann"), make_call(user="ann")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE DELETE ON calls BEGIN SELECT RAISE(ABORT, 'kept'); END"
        )
    ann = parse_pseudonym(pseudonym(KEY, "user", "ann"))

    with pytest.raises(sqlite3.Error, match="kept"):
        forget_user(path, ann, erase=True)
    with open_ledger(path) as ledger:
        assert costs(ledger).total.calls == 2


# Waiting calls.


def test_a_spill_file_gives_the_time_of_its_oldest_entry(tmp_path: Path) -> None:
    """Invalid lines are skipped; a missing file has no entry."""
    assert first_start_ns(tmp_path / "none") is None
    (tmp_path / "odd").write_text("no line of ours\n")
    (tmp_path / "odd").chmod(0o600)

    assert first_start_ns(tmp_path / "odd") is None


def test_a_spill_file_that_another_process_replays_is_left_to_it(
    make_writer: MakeWriter, make_call: MakeCall, tmp_path: Path
) -> None:
    """Nothing is stored twice, and without a file there is nothing to do."""
    import fcntl

    spill = tmp_path / "spill.jsonl"
    assert SpillFile(spill).replay(lambda _entries: None) == (0, 0)
    writer = make_writer(spill_to=spill)
    writer.save_waiting([make_call()])
    with spill.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert SpillFile(spill).replay(lambda _entries: None) == (0, 0)
    stored: list[Any] = []

    assert SpillFile(spill).replay(stored.extend) == (1, 0)
    assert len(stored) == 1
    assert not spill.exists()


def test_a_disk_that_fills_up_within_a_line_leaves_no_partial_line(
    make_writer: MakeWriter, make_call: MakeCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line would swallow the next one."""
    warnings: list[str] = []
    spill = tmp_path / "spill.jsonl"
    writer = make_writer(spill_to=spill, say=warnings.append)
    assert writer.save_waiting([make_call()])
    before = spill.read_bytes()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        write(descriptor, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("otel_cost_ledger.write.spill.os.write", full)
    assert not writer.save_waiting([make_call()])

    assert spill.read_bytes() == before
    assert any("cannot be written" in line for line in warnings)
    assert any("could not be stored anywhere and are lost" in line for line in warnings)


def test_a_writer_without_waiting_calls_saves_all(make_writer: MakeWriter) -> None:
    """At the end of a process that called no model."""
    assert make_writer().save_waiting()


def test_a_damaged_ledger_that_cannot_be_moved_is_reported(
    make_writer: MakeWriter, make_call: MakeCall, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls wait."""
    warnings: list[str] = []
    path.parent.mkdir()
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    path.chmod(0o600)
    writer = make_writer(say=warnings.append)

    def stuck(*_: Any) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("otel_cost_ledger.sqlite.ledger_file.set_aside", stuck)
    result = writer.write([make_call()])

    assert result.waiting == 1
    assert any("is damaged and cannot be moved" in line for line in warnings)


# Rows and numbers.


@pytest.mark.parametrize(("ms", "us"), [(math.nan, 0), (-1.0, 0), (0.0, 0), (1.5, 1500)])
def test_an_invalid_duration_is_none(ms: float, us: int) -> None:
    """And an infinite one is the maximum."""
    assert microseconds(ms) == us
    assert microseconds(math.inf) == microseconds(1e300) > 0


def test_a_key_that_is_too_short_for_pseudonyms_is_refused() -> None:
    """It could be guessed."""
    with pytest.raises(ValueError, match="at least 16 bytes, got 5"):
        Pseudonyms(b"short")


def test_a_window_within_a_day_has_no_whole_days() -> None:
    """It is read from rows only."""
    window = Window(NOON_NS, NOON_NS + 1)

    assert window.edges() == (window,)
    assert window.whole_days() == (0, 0)


def test_without_opentelemetry_there_is_nothing_to_suppress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ledger works alone."""
    import sys

    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.utils", None)

    with quiet.suppressed() as nothing:
        assert nothing is None


def test_rare_figures_of_a_call_are_kept(
    make_writer: MakeWriter, make_call: MakeCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after the cache of names was reset."""
    monkeypatch.setattr(row_maker, "_MOST_KEYS", 1)
    writer = make_writer()
    writer.write(
        [
            make_call(request_never_sent=True, usage_estimate="by bytes", response_model="a"),
            make_call(prompt_has_sound=True, most_input_tokens=9, response_model="b"),
            make_call(reported_cost_usd=Decimal("0.5"), response_model="c"),
            make_call(reported_cost_usd=Decimal("NaN"), response_model="c"),
        ]
    )

    with open_ledger(writer.location) as ledger:
        found = {call.priced.call.span_id: call.priced.call for call in calls(ledger)}
    assert [found[n].request_never_sent for n in (1, 2)] == [True, False]
    assert [bool(found[n].usage_estimate) for n in (1, 2)] == [True, False]
    assert [found[n].prompt_has_sound for n in (1, 2)] == [False, True]
    assert found[2].most_input_tokens == 9
    assert [found[n].reported_cost_usd for n in (3, 4)] == [Decimal("0.5"), None]


@pytest.fixture
def three_days(make_writer: MakeWriter, make_call: MakeCall) -> Path:
    writer = make_writer()
    writer.write(
        [make_call(start_ns=NOON_NS - day * DAY_NS, latency_ms=100 + day) for day in range(3)]
    )
    writer.shutdown()
    found = writer.location
    assert isinstance(found, Path)
    return found


def test_durations_come_from_the_histogram_where_rows_are_many_or_gone(
    three_days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To 2.2 %, by day; absent where only rows have it and they are deleted."""
    window = Window.between(NOON.replace(hour=0) - timedelta(days=2), NOON.replace(hour=0))
    by_hour = Window.between(NOON - timedelta(days=2, hours=3), NOON)

    def read_durations(
        column: Any = "latency_us", within: Window = window, step_ns: int = DAY_NS
    ) -> Any:
        with open_ledger(three_days) as ledger:
            return durations(ledger, within, step_ns, column, Filters())

    exact = read_durations()
    monkeypatch.setattr(durations_module, "EXACT_ROWS", 0)
    near = read_durations()
    assert [sum(found.values()) for found in exact.values()] == [1, 1]
    assert near.keys() == exact.keys()
    for step, found in near.items():
        assert abs(next(iter(found)) / next(iter(exact[step])) - 1) < 0.022
    monkeypatch.undo()
    retain(three_days, days=1, now_ns=NOON_NS)

    assert read_durations().keys() == exact.keys()
    assert read_durations(within=by_hour, step_ns=3_600 * 10**9) == {}
    with open_ledger(three_days) as ledger:
        assert latencies_by_model(ledger, by_hour, Filters()) == {}
        (latest,) = latencies_by_model(
            ledger, Window.between(NOON - timedelta(hours=1), None), Filters()
        ).values()
    assert sum(latest.values()) == 1


def test_percentiles_of_a_person_are_not_read_for_a_total(three_days: Path) -> None:
    """The histogram has no users."""
    window = Window.between(None, None)
    with open_ledger(three_days) as ledger:
        assert are_soon_read(ledger, window, Filters())
        assert not are_soon_read(ledger, window, Filters(user="0" * 12))


def test_a_report_on_many_calls_by_person_has_no_percentiles(
    three_days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless every row is read; the total has percentiles from the histogram."""
    monkeypatch.setattr("otel_cost_ledger.query.latency.MOST_ROWS", 1)
    with open_ledger(three_days) as ledger:
        found = costs(ledger, by=("user",))
        filtered = costs(ledger, by=("user",), filters=Filters(failed=False))
        every = costs(ledger, by=("user",), every_row=True)

    assert found.groups[0].p50_ms is None
    assert found.total.p50_ms is not None
    assert (filtered.total.p50_ms, filtered.groups[0].p50_ms) == (None, None)
    assert every.groups[0].p50_ms is not None


def test_damage_is_named_by_the_check(three_days: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And sums that differ from their rows."""
    with closing(sqlite3.connect(three_days)) as connection:
        connection.execute("UPDATE daily_costs SET calls = calls + 1")
        connection.commit()
    with open_ledger(three_days) as ledger:
        wrong = check_integrity(ledger)
        rows = ledger.rows

        def damaged(sql: str, values: Any = ()) -> Any:
            return [("page 7 is torn",)] if "quick_check" in sql else rows(sql, values)

        monkeypatch.setattr(type(ledger), "rows", lambda _ledger, *asked: damaged(*asked))
        torn = check_integrity(ledger)

    assert wrong.problems
    assert torn.problems == ("the file is damaged: page 7 is torn",)


def test_a_copy_that_its_target_refuses_names_the_call(
    three_days: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls copied before it stay."""
    steps: list[int] = []
    with open_ledger(three_days) as source:
        copying.copy_ledger(source, tmp_path / "copy.db", progress=steps.append)
        second_copy = copying.copy_ledger(source, tmp_path / "copy.db")
    assert steps == [3]
    assert second_copy.calls.already_known == 3

    class Refuses:
        def add_old_sums(self, _sums: Any) -> int:
            return 0

        def apply(self, _entries: Any) -> None:
            raise UnusableRowError("out of range")

        def release(self) -> None:
            return

    monkeypatch.setattr(copying, "open_store", lambda _target: Refuses())
    with open_ledger(three_days) as source:
        with pytest.raises(LedgerError, match=r"refuses a call of .*: out of range"):
            copying.copy_ledger(source, tmp_path / "other.db")


# State folder.


def test_without_a_home_the_state_has_a_private_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that other users cannot read, or none."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    found = state_folder._temporary()
    assert found.parent == tmp_path
    assert found.stat().st_mode & 0o077 == 0
    found.chmod(0o755)
    assert state_folder._temporary() == found
    assert found.stat().st_mode & 0o077 == 0
    found.rmdir()
    found.write_text("another user's")
    state_folder._of_this_process.cache_clear()

    other = state_folder._temporary()

    assert other != found
    assert other.is_dir()


def test_without_a_writable_folder_the_state_path_does_not_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Writes to it fail, and are reported where they are needed."""

    def no_temporary_folder() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr("tempfile.gettempdir", no_temporary_folder)
    assert not state_folder._temporary().exists()
    assert state_folder._temporary(Path("/else")) == Path("/else")

    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", no_home)
    assert state_folder._home({}) is None
    assert state_folder._home({"HOME": "/home/ada"}) == Path("/home/ada")


@pytest.mark.postgres
def test_maintenance_of_a_server_is_done_by_one_process(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """The other one finds the lock taken and does nothing."""
    import psycopg

    from otel_cost_ledger.maintenance.summing import sum_calls
    from otel_cost_ledger.postgres.connection import MAINTENANCE

    make_writer(path=postgres).write([make_call(start_ns=NOON_NS - 9 * DAY_NS)])
    parameters: dict[str, Any] = dict(postgres.parameters)
    with psycopg.connect("", autocommit=True, **parameters) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (MAINTENANCE,))
        assert retain(postgres, days=1, now_ns=NOON_NS).busy
        assert sum_calls(postgres, now_ns=NOON_NS) == 0

    assert retain(postgres, days=1, now_ns=NOON_NS).deleted_calls == 1


@pytest.mark.postgres
def test_an_archive_that_cannot_be_written_deletes_nothing_of_a_server(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall, tmp_path: Path
) -> None:
    """The horizon is unchanged, so that writers may add older calls."""
    make_writer(path=postgres).write([make_call(start_ns=NOON_NS - 9 * DAY_NS)])
    (tmp_path / "file").touch()

    with pytest.raises((OSError, LedgerError)):
        retain(postgres, days=1, now_ns=NOON_NS, archive_to=tmp_path / "file" / "archives")

    with open_ledger(postgres) as ledger:
        assert costs(ledger).total.calls == 1
        assert ledger.rows_kept_since_ns == 0


@pytest.mark.postgres
def test_a_server_repairs_its_own_files_and_a_child_has_its_own_connection(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """The parent's connection is left open for the parent."""
    writer = make_writer(path=postgres)
    writer.write([make_call()])
    file: Any = writer._file
    parents = file.opened().connection

    assert file.set_aside() is None
    file.set_busy_timeout(100)
    file.start_anew()
    file.start_anew()
    assert writer.write([make_call()]).written == 1
    assert file.opened().connection is not parents
    parents.close()


def test_a_forked_child_touches_no_ledger_that_was_in_use(
    make_writer: MakeWriter, make_call: MakeCall, path: Path
) -> None:
    """SQLite's locks are the parent's: the child's calls go to the spill file."""
    writer = make_writer()
    writer.write([make_call()])
    child = os.fork()
    if child == 0:
        code = 1
        try:
            # As in a fork during a write.
            connection = sqlite3.connect(path, factory=forking.TrackedConnection)
            forking.track(connection, path.absolute())
            forking._after_in_child()
            try:
                check_not_inherited(path.absolute())
            except LedgerError as error:
                code = 0 if "was forked while" in str(error) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert writer.write([make_call()]).written == 1


def test_a_ledger_of_a_program_that_closed_our_descriptors_is_not_used_again(
    path: Path, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Closing its connection would close files of the program."""
    make_writer().write([make_call()])
    connection = sqlite3.connect(path, factory=forking.TrackedConnection)
    forking.track(connection, path)
    try:
        forking.abandon_connection(connection)

        with pytest.raises(LedgerError, match="closed the descriptors of"):
            check_not_inherited(path)
    finally:
        forking._given_up.remove(connection)
        connection.close()


def test_an_old_sqlite_has_no_strict_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is made without them."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create_schema(connection)
        made = [sql or "" for (sql,) in connection.execute("SELECT sql FROM sqlite_master")]

    assert any("CREATE TABLE calls" in sql for sql in made)
    assert not any("STRICT" in sql for sql in made)


def test_a_ledger_of_a_version_without_tools_has_none(path: Path) -> None:
    """A reader does not change it."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for version in (1, 2):
            run_migration(connection, version)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 2")
    path.chmod(0o600)

    with open_ledger(path) as ledger:
        found = tool_report(ledger)
        assert (found.groups, found.total.calls, found.complete) == ((), 0, True)
        assert check_integrity(ledger).problems == ()


def test_a_missing_repeated_call_describes_nothing(
    make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Nor does one without the id of the billed call."""
    make_writer().write(
        [
            make_call(billed=False, billing_reason="another span"),
            make_call(billed=False, billing_reason="another span", reported_cost_usd=Decimal(1)),
            make_call(billed=False, billing_reason="another span", billed_span_id=9),
            make_call(scope="otel_distro.wire"),
        ]
    )
    with open_ledger(make_writer().location) as ledger:
        (line,) = coverage(ledger, NOON - timedelta(days=9)).providers

    assert (line.wire_only, line.both, line.span_only) == (1, 0, 0)


def test_a_billed_call_has_names_that_arrive_while_calls_are_read(
    path: Path, make_writer: MakeWriter, make_call: MakeCall
) -> None:
    """Without a snapshot, as in ClickHouse; names that never arrive are empty."""
    make_writer().write([make_call(tenant=tenant) for tenant in ("first", "late", "never")])

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TEMP TABLE held AS SELECT * FROM dims WHERE tenant = 'late'")
        connection.execute("DELETE FROM dims WHERE tenant <> 'first'")
        found = billed_calls(Ledger(path, connection))
        tenants = [next(found).dim.tenant]
        connection.execute("INSERT INTO dims SELECT * FROM held")
        tenants += [call.dim.tenant for call in found]

    assert tenants == ["first", "late", ""]


def test_a_spill_file_that_cannot_be_replayed_does_not_stop_the_ledger(
    make_writer: MakeWriter, make_call: MakeCall, tmp_path: Path
) -> None:
    """Here a folder at its path."""
    warnings: list[str] = []
    (tmp_path / "spill.jsonl").mkdir()
    writer = make_writer(spill_to=tmp_path / "spill.jsonl", say=warnings.append)

    assert writer.write([make_call()]).written == 1
    assert any("cannot be replayed" in line for line in warnings)


def test_a_spill_file_that_is_replaced_while_it_is_rewritten_is_left_alone(
    make_writer: MakeWriter, make_call: MakeCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its calls are in the ledger by then."""
    spill = tmp_path / "spill.jsonl"
    make_writer(spill_to=spill).save_waiting([make_call(user="ann")])
    ann = parse_pseudonym(pseudonym(KEY, "user", "ann"))
    monkeypatch.setattr("otel_cost_ledger.maintenance.forgetting.identity", lambda _path: None)

    assert forget_user(tmp_path / "none.db", ann, erase=True, spill=spill).waiting_calls == 0
    assert spill.read_text()
    monkeypatch.undo()
    other = parse_pseudonym(pseudonym(KEY, "user", "bob"))
    assert forget_user(tmp_path / "none.db", other, erase=True, spill=spill).waiting_calls == 0


def test_a_replay_of_a_file_that_was_replaced_meanwhile_does_nothing(
    make_writer: MakeWriter, make_call: MakeCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has replayed it."""
    spill = tmp_path / "spill.jsonl"
    make_writer(spill_to=spill).save_waiting([make_call()])
    monkeypatch.setattr("otel_cost_ledger.write.spill.identity", lambda _path: None)

    assert SpillFile(spill).replay(lambda _entries: None) == (0, 0)
    assert spill.exists()


def test_an_unreadable_folder_is_not_used_for_the_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor is one that cannot be made private."""

    def broken(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "exists", broken)
    assert not state_folder._can_be_made(tmp_path / "state")
    monkeypatch.undo()
    (tmp_path / "open").mkdir(mode=0o755)
    monkeypatch.setattr(Path, "chmod", broken)
    assert not state_folder._is_private(tmp_path / "open")


@pytest.mark.postgres
def test_a_server_that_fails_at_the_beginning_is_connected_to_again(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """And every connection is closed."""

    def broken(*_: Any) -> Any:
        raise LedgerError("no names")

    monkeypatch.setattr("otel_cost_ledger.postgres.file.PostgresStore", broken)
    writer = make_writer(path=postgres)
    assert writer.write([make_call()]).waiting == 1
    monkeypatch.undo()

    assert writer.force_flush().written == 1


@pytest.mark.postgres
def test_sums_that_a_server_refuses_leave_it_usable(
    postgres: PostgresUrl, make_writer: MakeWriter, make_call: MakeCall,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """They are one transaction; names cached in it are dropped."""
    writer = make_writer(path=postgres)
    writer.write([make_call()])
    file: Any = writer._file

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("otel_cost_ledger.postgres.file.write_old_sums", broken)
    with pytest.raises(ZeroDivisionError):
        file.add_old_sums(None)

    assert writer.write([make_call()]).written == 1


def test_readers_share_connections_only_where_the_package_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second call changes nothing."""
    monkeypatch.setattr(pool, "find_spec", lambda _name: None)
    assert not pool.share_connections()
    monkeypatch.setattr(pool._here, "sharing", True)
    assert pool.share_connections()
