"""Records written to a trace store are stored once, for every kind of process end."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from otel_trace_store import (
    Arrivals,
    LogFilter,
    SpanCost,
    StoreInUseError,
    StoreLimits,
    StoreReader,
    TraceFilter,
    TraceStoreError,
    TraceStoreWriter,
    find_logs,
    find_traces,
    read_trace,
    read_trace_logs,
)
from otel_trace_store.blocks import RECORDS
from otel_trace_store.forgetting import forget_person
from otel_trace_store.metric_list import list_metrics, read_metric
from otel_trace_store.operations import by_service, operation_sums
from otel_trace_store.segments import segment_files
from support.otlp_messages import BEGAN_NS, TRACE, A, counter, logs, span_id, spans, trace_id

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a store."""
    return tmp_path / "traces"


def write(folder: Path, **arrivals: list) -> object:  # type: ignore[type-arg]
    """Write *arrivals* with a new writer."""
    writer = TraceStoreWriter(folder)
    try:
        return writer.write(Arrivals(**arrivals))
    finally:
        writer.close()


def test_spans_logs_and_points_are_read_back(folder: Path) -> None:
    """With all fields."""
    write(
        folder,
        spans=[
            spans(
                A(1, "POST /checkout", ms=900),
                A(2, "SELECT", 1, attributes={"n": 3, "x": [1.5, "a"], "deep": {"k": True}}),
            )
        ],
        logs=[logs("payment failed", severity=17, trace=TRACE, span=span_id(1))],
        metrics=[counter("shop.orders", 1, 5)],
    )

    with StoreReader(folder) as reader:
        root, select = read_trace(reader, TRACE)
        (record,) = read_trace_logs(reader, TRACE)
        (series,) = read_metric(reader, "shop.orders")
        (metric,) = list_metrics(reader)
    assert (root.name, root.service, root.parent_span_id) == ("POST /checkout", "shop", "")
    assert root.end_ns - root.start_ns == 900_000_000
    assert select.attributes == {"n": 3, "x": [1.5, "a"], "deep": {"k": True}}
    assert (record.body, record.severity, record.span_id) == ("payment failed", 17, root.span_id)
    assert [point.value for point in series.points] == [1, 5]
    assert (metric.name, metric.last, metric.series) == ("shop.orders", 5, 1)


def test_a_repeated_request_changes_nothing(folder: Path) -> None:
    """Neither in the same segment nor in a later one; new spans beside old ones are stored."""
    first: dict[str, Any] = {
        "spans": [spans(A(1), A(2, parent=1), A(1))],
        "logs": [logs("a", "b", "a")],
        "metrics": [counter("n", 1, 2)],
    }
    times = iter([datetime(2026, 1, 1, tzinfo=UTC)] * 4 + [datetime(2026, 1, 3, tzinfo=UTC)] * 20)
    written = []
    for arrivals in (first, first, {**first, "spans": [spans(A(1), A(3, parent=1))]}):
        writer = TraceStoreWriter(folder, now=lambda: next(times))
        written.append(writer.write(Arrivals(**arrivals)))
        writer.close()

    assert [one.spans for one in written] == [2, 0, 1]
    assert [one.log_records for one in written] == [3, 0, 0]
    assert len(segment_files(folder)) == 2
    with StoreReader(folder) as reader:
        assert len(read_trace(reader, TRACE)) == 3


def test_a_large_request_is_split_and_small_ones_are_joined(folder: Path) -> None:
    """Blocks hold a bounded number of records."""
    write(folder, spans=[spans(*[A(n) for n in range(1, RECORDS + 100)]), spans(A(9_999))])

    (path,) = segment_files(folder)
    with closing(sqlite3.connect(path)) as connection:
        sizes = [n for (n,) in connection.execute("SELECT records FROM blocks")]
    assert sizes == [RECORDS, 100]
    with StoreReader(folder) as reader:
        assert len(read_trace(reader, TRACE)) == RECORDS + 100


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (TraceFilter(), ["c", "b", "a"]),
        (TraceFilter(service="cart"), ["b"]),
        (TraceFilter(service="cart", failed=True), []),
        (TraceFilter(failed=True), ["a"]),
        (TraceFilter(operation="step"), ["c", "a"]),
        (TraceFilter(model="gpt-4o"), ["c"]),
        (TraceFilter(model="gpt-4o", session="s-1"), ["c"]),
        (TraceFilter(least_us=50_000), ["a"]),
        (TraceFilter(most_us=50_000), ["c", "b"]),
        (TraceFilter(least_nano_usd=5), ["c"]),
        (TraceFilter(text="search_web"), ["b"]),
        (TraceFilter(text="search_webs"), []),
        (TraceFilter(text="SEARCH web"), ["b"]),
        (TraceFilter(text='"blue moon"'), ["a"]),
        (TraceFilter(text='"moon blue"'), []),
        (TraceFilter(text="moo"), ["a"]),
        (TraceFilter(text="nothing-has-this"), []),
        (TraceFilter(text="grün"), ["c"]),
        (TraceFilter(attribute="user.tier=gold"), ["a"]),
        (TraceFilter(attribute="user.tier"), ["c", "a"]),
        (TraceFilter(attribute="user.tier=go"), []),
        (TraceFilter(attribute="ok=true"), ["b"]),
        (TraceFilter(text="blue", service="cart"), []),
        (TraceFilter(since_us=BEGAN_NS // 1000 + 1_000_000), ["c", "b"]),
        (TraceFilter(text="' OR 1=1 --"), []),
        (TraceFilter(text='"'), []),
        (TraceFilter(text="AND NOT * ("), []),
    ],
    ids=itertools.count(),
)
def test_traces_are_found(folder: Path, wanted: TraceFilter, found: list[str]) -> None:
    """By tags, durations, cost, words, phrases and attributes, and by all of them together."""
    late = BEGAN_NS + 5_000_000_000
    write(
        folder,
        spans=[
            spans(
                A(1, "a", trace=trace_id(1), ms=80, attributes={"note": "once in a Blue Moon"}),
                A(2, "step", 1, trace_id(1), failed=True, attributes={"user.tier": "gold"}),
            ),
            spans(
                A(3, "b", trace=trace_id(2), attributes={"ok": True}),
                A(4, "execute_tool search_web", 3, trace_id(2)),
                service="cart",
                began_ns=late,
            ),
            spans(
                A(5, "c", trace=trace_id(3), attributes={"color": "grün", "user.tier": "free"}),
                A(
                    6,
                    "step",
                    5,
                    trace_id(3),
                    attributes={"gen_ai.request.model": "gpt-4o", "session.id": "s-1"},
                ),
                began_ns=late,
            ),
        ],
        costs=[SpanCost(trace_id(3), span_id(6), 7, billed=True)],
    )

    with StoreReader(folder) as reader:
        rows = find_traces(reader, wanted).rows

    assert [row.name for row in rows] == found


def test_a_list_continues_after_the_last_page(folder: Path) -> None:
    """Over segments too, without gaps and repetitions."""
    days = iter(range(1, 100))
    for number in range(7):
        writer = TraceStoreWriter(
            folder, now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=7 * next(days))
        )
        writer.write(Arrivals(spans=[spans(A(1, f"t{number}", trace=trace_id(number + 1)))]))
        writer.close()

    seen, before = [], ""
    with StoreReader(folder) as reader:
        assert len(reader.segments) > 1
        while rows := find_traces(reader, TraceFilter(), limit=2, before=before).rows:
            seen += [row.name for row in rows]
            before = rows[-1].place

    assert seen == [f"t{number}" for number in range(6, -1, -1)]


def test_log_records_are_found(folder: Path) -> None:
    """By service, severity, event, trace and words."""
    write(
        folder,
        logs=[
            logs("started", service="cart"),
            logs({"text": "payment failed", "n": 7}, severity=17, trace=TRACE),
            logs("x", event="claude_code.api_request", attributes={"session.id": "s"}),
        ],
    )

    def found(**wanted: object) -> list[object]:
        with StoreReader(folder) as reader:
            return [row.body for row in find_logs(reader, LogFilter(**wanted)).rows]  # type: ignore[arg-type]

    assert found(service="cart") == ["started"]
    assert found(least_severity=17) == [{"text": "payment failed", "n": 7}]
    assert found(text="payment") == [{"text": "payment failed", "n": 7}]
    assert found(event="claude_code.api_request") == ["x"]
    assert found(session="s") == ["x"]
    assert found(trace_id=TRACE.hex()) == [{"text": "payment failed", "n": 7}]
    assert found(text="payment", service="cart") == []
    assert len(found()) == 3


def test_rates_errors_and_percentiles_come_from_the_hourly_sums(folder: Path) -> None:
    """By operation and by service; a percentile is within five percent."""
    slow = [A(n, "op", ms=100) for n in range(1, 100)]
    write(folder, spans=[spans(*slow, A(200, "op", ms=1000, failed=True), A(201, "other"))])

    with StoreReader(folder) as reader:
        at = BEGAN_NS // 1000
        op, other = operation_sums(reader, at - 3_600_000_000, at + 3_600_000_000)
        (service,) = by_service([op, other])

    assert (op.name, op.spans, op.errors) == ("op", 100, 1)
    assert op.percentile_us(0.5) == pytest.approx(100_000, rel=0.05)
    assert op.percentile_us(1.0) == pytest.approx(1_000_000, rel=0.05)
    assert (service.service, service.spans, service.errors) == ("shop", 101, 1)


def test_files_are_private(folder: Path) -> None:
    """Under any umask."""
    before = os.umask(0)
    try:
        writer = TraceStoreWriter(folder)
        writer.write(Arrivals(spans=[spans(A(1))]))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        writer.close()
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    assert len(modes) >= 3


def test_there_is_one_writer(folder: Path) -> None:
    """A second one gets an error with the owner; after the first closes another may open."""
    first = TraceStoreWriter(folder)

    with pytest.raises(StoreInUseError, match="running already"):
        TraceStoreWriter(folder)

    first.close()
    TraceStoreWriter(folder).close()


def test_old_and_large_stores_lose_whole_files_the_oldest_first(folder: Path) -> None:
    """By age, and by size; the newest stays."""
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    for day in range(6):
        writer = TraceStoreWriter(folder, StoreLimits(days=3), now=lambda: clock[0])
        writer.write(Arrivals(spans=[spans(A(1, trace=trace_id(day + 1)))]))
        writer.close()
        clock[0] += timedelta(days=1)

    with StoreReader(folder) as reader:
        kept = len(find_traces(reader, TraceFilter()).rows)
    # Files begun on days 2 to 5: that of day 2 ended three days before.
    assert kept == 4

    writer = TraceStoreWriter(folder, StoreLimits(max_bytes=1), now=lambda: clock[0])
    writer.close()
    assert len(segment_files(folder)) == 1


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(folder: Path) -> None:
    """Nothing raises, and a message has its path."""
    write(folder, spans=[spans(A(1))])
    (path,) = segment_files(folder)
    path.write_bytes(b"not a database at all" * 500)
    warnings: list[str] = []

    writer = TraceStoreWriter(folder, say=warnings.append)
    written = writer.write(Arrivals(spans=[spans(A(2))]))
    writer.close()

    assert written.spans == 1
    assert path.with_name(path.name + ".damaged").exists()
    assert "damaged" in warnings[0]


def test_the_database_of_another_program_is_not_touched(folder: Path) -> None:
    """Under any file name."""
    folder.mkdir()
    path = folder / "20260101T000000000000.traces.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE precious (x)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(TraceStoreError, match="another program"):
        TraceStoreWriter(folder, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    assert path.read_bytes() == before


def test_a_removed_folder_is_recreated(folder: Path) -> None:
    """Later spans are not lost in a deleted file."""
    writer = TraceStoreWriter(folder)
    writer.write(Arrivals(spans=[spans(A(1))]))
    for path in folder.iterdir():
        path.unlink()

    writer.write(Arrivals(spans=[spans(A(2))]))
    writer.close()

    with StoreReader(folder) as reader:
        assert [span.span_id for span in read_trace(reader, TRACE)] == [span_id(2).hex()]


def test_a_failed_write_leaves_nothing_and_the_next_one_works(folder: Path) -> None:
    """Its interned names are rolled back too."""
    writer = TraceStoreWriter(folder)
    too_large = SpanCost(TRACE, span_id(1), 2**70, billed=True)

    with pytest.raises((TraceStoreError, OverflowError)):
        writer.write(Arrivals(spans=[spans(A(1, "new name"))], costs=[too_large]))
    written = writer.write(Arrivals(spans=[spans(A(1, "new name"))]))
    writer.close()

    assert written.spans == 1
    with StoreReader(folder) as reader:
        assert find_traces(reader, TraceFilter(operation="new name")).rows


_KILLED = """
import sys
from pathlib import Path
from typing import Any
from otel_trace_store import Arrivals, TraceStoreWriter
from support.otlp_messages import A, spans, trace_id
writer = TraceStoreWriter(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    writer.write(Arrivals(spans=[spans(*[A(n, trace=trace_id(number)) for n in range(1, 9)])]))
    print(number, flush=True)
"""


@pytest.mark.process
def test_acknowledged_records_survive_kill_9(folder: Path) -> None:
    """At any moment of writing; the store can be read and written at once."""
    acknowledged = [0]
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(folder), str(acknowledged[-1] + 1)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            text=True,
        )
        assert process.stdout is not None
        for _ in range(25):
            acknowledged.append(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split("\n")[:-1]
        acknowledged += [int(line) for line in rest]
        process.wait()
        process.stdout.close()

    with StoreReader(folder) as reader:
        lost = [n for n in acknowledged[1:] if len(read_trace(reader, trace_id(n))) != 8]
    assert len(acknowledged) > 200
    assert not lost


def test_the_list_has_the_tokens_of_billed_calls(folder: Path) -> None:
    """None if unknown, which is not zero."""
    write(
        folder,
        spans=[spans(A(1, "a"), A(2, "b", 1)), spans(A(3, "c", trace=trace_id(2)))],
        costs=[
            SpanCost(TRACE, span_id(1), 7, billed=True, tokens=1_500),
            SpanCost(TRACE, span_id(2), 7, billed=False, tokens=1_500),
            SpanCost(trace_id(2), span_id(3), None, billed=True),
        ],
    )

    with StoreReader(folder) as reader:
        rows = {row.name: row.tokens for row in find_traces(reader, TraceFilter()).rows}

    assert rows == {"a": 1_500, "c": None}


def test_names_that_lead_to_a_forgotten_person_are_taken_out(folder: Path) -> None:
    """Names that contain the user's, and sessions of only that user."""
    shown = "user_0123abcd"
    write(
        folder,
        spans=[
            spans(A(1, f"mail {shown}", attributes={"user.id": shown, "session.id": "own"})),
            spans(
                A(2, "other", trace=trace_id(2), attributes={"session.id": "shared"}),
                A(3, "hers", trace=trace_id(3), attributes={"user.id": shown}),
                A(4, "too", 3, trace_id(3), attributes={"session.id": "shared"}),
            ),
        ],
    )

    forget_person(folder, shown)

    (path,) = segment_files(folder)
    with closing(sqlite3.connect(path)) as connection:
        texts = {text for (text,) in connection.execute("SELECT text FROM names")}
    assert {"other", "shared"} <= texts
    assert not any(shown in text or text == "own" for text in texts)
