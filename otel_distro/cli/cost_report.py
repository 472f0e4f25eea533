"""A cost report as a table with notes, as JSON and as CSV."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from otel_distro.base import formatting as figures
from otel_distro.cli import output

if TYPE_CHECKING:
    from otel_cost_ledger.query.costs import CostLine, CostReport

OPTIONAL = ("p99", "p50", "p95", "failed", "output", "input")
"""Columns that a narrow terminal omits, in this order."""


def as_data(report: CostReport) -> dict[str, Any]:
    """Return *report* as in `costs --json`."""
    key = "by_" + "_".join(report.by)
    groups = [
        {**dict(zip(report.by, line.key, strict=True)), **_line(line)} for line in report.groups
    ]
    cached = {"calls": report.cached_answers, "saved_nano_usd": report.cached_nano_usd}
    return {
        "total": _line(report.total),
        key: groups,
        "groups": report.count,
        "others": None if report.others is None else _line(report.others),
        "complete": report.complete,
        "cached_answers": cached,
    }


def write_csv(report: CostReport) -> None:
    """Print *report* to stdout as CSV, safe to open as a spreadsheet."""
    from otel_cost_ledger.model import csv_safe

    names = list(_line(report.total))
    rows = [[*line.key, *_line(line).values()] for line in report.groups]
    if report.others is not None:
        names_of_others = ["others", *[""] * (len(report.by) - 1)]
        rows.append([*names_of_others, *_line(report.others).values()])
    csv_safe.write_csv(sys.stdout, [*report.by, *names], rows)


def _line(line: CostLine) -> dict[str, Any]:
    return {
        "calls": line.calls,
        "cost_nano_usd": line.cost_nano_usd,
        "cost_usd": line.cost_usd,
        "exposure_nano_usd": line.exposure_nano_usd,
        "unpriced_calls": line.unpriced_calls,
        "partial_calls": line.partial_calls,
        "estimated_calls": line.estimated_calls,
        "reported_calls": line.reported_calls,
        "free_calls": line.free_calls,
        "failed_calls": line.failed_calls,
        "input_tokens": line.input_tokens,
        "output_tokens": line.output_tokens,
        "cache_read_tokens": line.cache_read_tokens,
        "cache_write_tokens": line.cache_write_tokens,
        "reasoning_tokens": line.reasoning_tokens,
        "p50_ms": line.p50_ms,
        "p95_ms": line.p95_ms,
        "p99_ms": line.p99_ms,
    }


def cost_table(report: CostReport) -> Any:
    """Return the table of *report* with a line for the total."""
    lines = [(line.key, _cells(line)) for line in report.groups]
    if report.others is not None:
        # If a limit cuts the groups by cost, the table itself has a line for the others.
        name = figures.counted(report.count - len(report.groups), "other")
        lines.append(((name, *[""] * (len(report.by) - 1)), _cells(report.others)))
    return output.grouped_table(
        report.by,
        ("calls", "failed", "input", "output", "cost", "p50", "p95", "p99"),
        lines,
        _cells(report.total),
    )


def _cells(line: CostLine) -> list[str]:
    cost = figures.cost(
        line.cost_nano_usd,
        calls=line.calls,
        unpriced=line.unpriced_calls,
        partial=line.partial_calls,
        shown=figures.usd_short,
    )
    return [
        output.count(line.calls),
        output.count(line.failed_calls),
        output.count(line.input_tokens),
        output.count(line.output_tokens),
        cost,
        output.milliseconds(line.p50_ms),
        output.milliseconds(line.p95_ms),
        output.milliseconds(line.p99_ms),
    ]


def remarks(total: CostLine, likely: int | None = None) -> list[str]:
    """Return notes on calls whose cost is not fully known; *likely* is an estimate of it."""
    notes = figures.cost_notes(
        unpriced=total.unpriced_calls,
        partial=total.partial_calls,
        reported=total.reported_calls,
    )
    if total.exposure_nano_usd:
        bound = figures.bound(total.exposure_nano_usd, likely, shown=figures.usd_short)
        notes.append(bound)
    return ["; ".join(notes)] if notes else []


def saved_by_caches(answers: int, nano_usd: int) -> list[str]:
    """Return the savings of framework caches, if any; cached responses made no call."""
    if not answers:
        return []
    counted = figures.counted(answers, "answer")
    saved = output.usd(nano_usd)
    return [f"{counted} from caches of frameworks, not among these calls, saved {saved}"]
