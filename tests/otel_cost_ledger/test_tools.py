"""Executions of tools: stored once, counted exactly, in a file and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from otel_cost_ledger import LedgerWriter, open_ledger
from otel_cost_ledger.maintenance.copying import copy_ledger
from otel_cost_ledger.maintenance.integrity import check_integrity
from otel_cost_ledger.maintenance.retention import retain
from otel_cost_ledger.model.entries import Entry, from_line, to_line
from otel_cost_ledger.model.event_rows import tool_row
from otel_cost_ledger.model.location import Location
from otel_cost_ledger.query.tools import ToolLine, tool_report
from otel_pricing.model.tool_call import BY_PROVIDER, ToolCall

MakeWriter = Callable[..., LedgerWriter]
NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9
DAY_NS = 86_400 * 10**9


@pytest.fixture
def writer(make_writer: MakeWriter, location: Location) -> LedgerWriter:
    return make_writer(path=location)


def tools(count: int = 12) -> list[ToolCall]:
    """One every eight hours up to noon; each fourth fails, each sixth is from the provider."""
    made = []
    for number in range(count):
        tool = ToolCall(
            tool=("search", "weather")[number % 2],
            trace_id=number + 1,
            span_id=number + 1,
            start_ns=NOON_NS - number * DAY_NS // 3,
            duration_ns=(number + 1) * 1_000_000,
            service="shop",
            agent=("planner", "")[number % 2],
            error_type="timeout" if number % 4 == 0 else "",
            failed=number % 4 == 0,
        )
        if number % 6 == 5:
            tool = replace(tool, source=BY_PROVIDER, duration_ns=None)
        made.append(tool)
    return made


def test_a_tool_counts_once(writer: LedgerWriter, location: Location) -> None:
    """Replays change nothing."""
    results = [writer.record_tools(tools()) for _ in range(2)]

    assert [(r.written, r.already_known) for r in results] == [(12, 0), (0, 12)]
    with open_ledger(location) as ledger:
        assert check_integrity(ledger).problems == ()
        report = tool_report(ledger)
    assert report.total == ToolLine((), 12, 3, 6.0, 11.0, 11.0)
    assert report.groups == (
        ToolLine(("search",), 6, 3, 6.0, 11.0, 11.0),
        ToolLine(("weather",), 6, 0, 6.0, 10.0, 10.0),
    )


def test_any_window_and_any_group(writer: LedgerWriter, location: Location) -> None:
    """Whole days from the sums, the rest from the rows."""
    writer.record_tools(tools())

    with open_ledger(location) as ledger:
        full_report = tool_report(ledger, NOON - timedelta(days=3, hours=12), by=("day",))
        part = tool_report(ledger, NOON - timedelta(days=2, hours=1), NOON, by=("agent", "source"))

    assert {line.key: line.calls for line in full_report.groups} == {
        ("2025-11-19",): 3,
        ("2025-11-20",): 3,
        ("2025-11-21",): 3,
        ("2025-11-22",): 2,
    }
    assert (part.total.calls, part.complete) == (6, True)
    assert {line.key: line.calls for line in part.groups} == {
        ("planner", "span"): 3,
        ("", "span"): 2,
        ("", "provider"): 1,
    }


def test_counts_stay_when_retention_removes_the_rows(
    writer: LedgerWriter, location: Location, tmp_path: Path
) -> None:
    """Also in a copy; percentiles need the rows."""
    writer.record_tools(tools())
    retain(location, days=1, now_ns=NOON_NS)
    replay = writer.record_tools(tools())

    with open_ledger(location) as ledger:
        assert check_integrity(ledger).problems == ()
        report = tool_report(ledger)
        copy_ledger(ledger, tmp_path / "copy.db")
        copy_ledger(ledger, tmp_path / "copy.db")
    with open_ledger(tmp_path / "copy.db") as ledger:
        assert tool_report(ledger) == report
        assert check_integrity(ledger).problems == ()

    assert (replay.written, replay.expired) == (0, 7)
    assert report.complete
    assert (report.total.calls, report.total.longest_ms, report.total.p95_ms) == (12, 11.0, None)


def test_a_tool_that_waits_on_disk_is_the_same_afterwards() -> None:
    """A line of the spill file restores the row."""
    entry = Entry("tool", tool_row(tools()[0], str))

    assert from_line(to_line(entry)) == entry


def test_names_that_never_repeat_become_other(make_writer: MakeWriter, location: Location) -> None:
    """A name that is different each time must not make the sums as large as the rows."""
    many = [replace(tools()[0], tool=f"tool {n}", span_id=n + 1) for n in range(30)]
    make_writer(path=location, max_names=10).record_tools(many)

    with open_ledger(location) as ledger:
        report = tool_report(ledger)

    assert report.total.calls == 30
    assert len(report.groups) == 11
