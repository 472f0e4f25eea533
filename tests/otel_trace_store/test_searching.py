"""A search reads only records with its words, the newest first."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otel_trace_store import (
    Arrivals,
    LogFilter,
    StoreReader,
    TraceFilter,
    TraceStoreWriter,
    find_logs,
    find_traces,
)
from otel_trace_store import schema as store_schema
from otel_trace_store.blocks import RECORDS
from otel_trace_store.schema import BlockKind, create_tables
from otel_trace_store.segments import open_writable, segment_files
from otel_trace_store.sources import Sources
from otel_trace_store.text_search import candidates
from support.otlp_messages import A, logs, spans, trace_id

if TYPE_CHECKING:
    from pathlib import Path

COUNT = RECORDS + 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two blocks: every span has one of two words, the last of each has a rare one."""
    folder = tmp_path_factory.mktemp("store") / "traces"
    many = [
        A(n, f"t{n}", trace=trace_id(n), attributes={"word": ("odd", "even")[n % 2 == 0], "n": n})
        for n in range(1, COUNT + 1)
    ]
    many[-1].attributes["rare"] = "needle"
    writer = TraceStoreWriter(folder)
    writer.write(
        Arrivals(
            spans=[
                spans(*many, resource={"host.name": "lighthouse"}),
                spans(A(9_001, "pay", 1, trace_id(1), failed=True), service="cart"),
            ],
            logs=[logs(*(f"line {n} {('left', 'right')[n % 2]}" for n in range(COUNT)))],
        )
    )
    writer.close()
    return folder


def names(folder: Path, limit: int = 3, **wanted: object) -> list[str]:
    """Return the names of the traces found."""
    with StoreReader(folder) as reader:
        found = find_traces(reader, TraceFilter(**wanted), limit=limit)  # type: ignore[arg-type]
    assert found.complete
    return [row.name for row in found.rows]


def test_words_that_are_never_together_cost_no_record(folder: Path) -> None:
    """For any number of blocks with both; also for log records."""
    with StoreReader(folder) as reader:
        (segment,) = reader
        assert list(candidates(segment, BlockKind.SPANS, ["odd", "even"])) == []
        assert list(candidates(segment, BlockKind.LOGS, ["left", "right"])) == []
        (found,) = candidates(segment, BlockKind.SPANS, ["even"], ["needle"])
    assert found == (2, [COUNT - RECORDS - 1])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"text": "odd"}, [f"t{COUNT - 1}", f"t{COUNT - 3}", f"t{COUNT - 5}"]),
        ({"text": "lighthouse even"}, [f"t{COUNT}", f"t{COUNT - 2}", f"t{COUNT - 4}"]),
        ({"text": "lightho needl"}, [f"t{COUNT}"]),
        ({"text": "lighthouse needles"}, []),
        ({"text": "cart odd"}, []),
        ({"text": "cart pay"}, ["t1"]),
        ({"text": "odd", "service": "cart"}, ["t1"]),
        ({"text": "even", "service": "cart"}, []),
        ({"text": "odd", "failed": True}, ["t1"]),
        ({"attribute": "n=7"}, ["t7"]),
        ({"attribute": f"n={COUNT}"}, [f"t{COUNT}"]),
        ({"attribute": "host.name=lighthouse", "text": "t7"}, ["t79", "t78", "t77"]),
        ({"text": "t", "limit": 2}, [f"t{COUNT}", f"t{COUNT - 1}"]),
        ({"text": trace_id(5).hex()}, ["t5"]),
        ({"text": trace_id(5).hex().upper(), "service": "cart"}, []),
        ({"text": "***"}, []),
        ({"text": "\ue0001"}, []),
    ],
)
def test_traces_are_found_by_words(
    folder: Path, wanted: dict[str, object], found: list[str]
) -> None:
    """Words of a span, of its resource, beginnings, numbers, and a trace's id."""
    assert names(folder, **wanted) == found  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["9" * 99, "\u00b2", "-1", "x", ""])
def test_places_and_bounds_of_any_size_are_no_error(folder: Path, number: str) -> None:
    """They come from addresses typed by users."""
    huge = 10**30
    with StoreReader(folder) as reader:
        (segment,) = reader
        find_traces(reader, TraceFilter(text="odd"), before=f"{segment.name}:{number}")
        find_traces(reader, TraceFilter(least_nano_usd=huge, most_us=huge, since_us=huge))
        find_logs(reader, LogFilter(since_us=huge, until_us=huge))


def test_log_records_are_found_by_words(folder: Path) -> None:
    """The newest first."""
    with StoreReader(folder) as reader:
        rows = find_logs(reader, LogFilter(text="left line"), limit=2).rows
        assert find_logs(reader, LogFilter(text="left right")).rows == []
    assert [row.body for row in rows] == [f"line {COUNT - 2} left", f"line {COUNT - 4} left"]


def test_a_search_ends_when_its_time_is_over(folder: Path) -> None:
    """It returns the results so far, and that there may be more."""
    with StoreReader(folder) as reader:
        reader.limit_time(-1)
        assert not find_traces(reader, TraceFilter(text="odd")).complete
        assert not find_logs(reader, LogFilter(text="left")).complete


def test_sources_beyond_the_bound_are_still_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record whose source is not stored may have any word in it."""
    monkeypatch.setattr("otel_trace_store.sources._MOST", 2)
    writer = TraceStoreWriter(tmp_path / "traces")
    for n in range(1, 6):
        one = spans(A(n, f"t{n}", trace=trace_id(n)), resource={"pod": f"pod-{n}-zebra"})
        writer.write(Arrivals(spans=[one]))
    writer.close()

    assert names(tmp_path / "traces", text="pod-5-zebra") == ["t5"]
    assert names(tmp_path / "traces", text="pod-1-zebra") == ["t1"]
    assert names(tmp_path / "traces", text="zebra", limit=9) == ["t5", "t4", "t3", "t2", "t1"]


def test_a_long_source_is_not_stored() -> None:
    """It takes no space and does not fail."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE sources (id INTEGER PRIMARY KEY, text TEXT UNIQUE)")
        assert Sources(connection).token_of(["x" * 40_000]) == "\ue0000"


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one file of schema version 1."""
    folder = tmp_path / "traces"
    writer = TraceStoreWriter(folder)
    writer.write(Arrivals(spans=[spans(A(1, "old", attributes={"x": "needle"}))]))
    writer.close()
    (path,) = segment_files(folder)
    connection = sqlite3.connect(path)
    tables = ("names", "blocks", "traces", "trace_blocks")
    stored = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
    connection.close()
    path.unlink()
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    create_tables(connection)
    for name, rows in stored.items():
        marks = ",".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    connection.execute(f"PRAGMA application_id = {store_schema.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    return folder


def test_a_file_of_an_earlier_version_is_read_and_not_written_to(earlier: Path) -> None:
    """A new one is started at once, and both are searched."""
    writer = TraceStoreWriter(earlier)
    later = spans(A(1, "old", attributes={"x": "needle"}))
    new = spans(A(2, "new", trace=trace_id(2), attributes={"x": "needle"}))
    written = writer.write(Arrivals(spans=[later, new]))
    writer.close()

    assert written.spans == 1
    assert len(segment_files(earlier)) == 2
    assert names(earlier, text="needle") == ["new", "old"]
    assert names(earlier, text="needles") == []


def test_a_file_of_an_earlier_version_is_migrated_with_its_texts(earlier: Path) -> None:
    """If it has to be changed, its records are indexed again."""
    (path,) = segment_files(earlier)
    open_writable(path).close()

    with StoreReader(earlier) as reader:
        (segment,) = reader
        assert segment.has_record_index
        assert list(candidates(segment, BlockKind.SPANS, ["needle"])) == [(1, [0])]
    assert names(earlier, text="needle") == ["old"]


def test_a_search_over_many_blocks_reads_as_many_as_its_page_needs(tmp_path: Path) -> None:
    """A hundred blocks with both words; the page is full after one."""
    writer = TraceStoreWriter(tmp_path / "traces")
    for block in range(100):
        writer.write(
            Arrivals(
                spans=[
                    spans(
                        A(block + 1, f"t{block}", trace=trace_id(block + 1)),
                        began_ns=time.time_ns(),
                        resource={"k": "common"},
                    )
                ]
            )
        )
    writer.close()
    read: list[str] = []
    with StoreReader(tmp_path / "traces") as reader:
        (segment,) = reader
        segment.connection.set_trace_callback(read.append)
        found = find_traces(reader, TraceFilter(text="common t"), limit=1)
    assert [row.name for row in found.rows] == ["t99"]
    assert sum("SELECT data FROM blocks" in query for query in read) == 1
