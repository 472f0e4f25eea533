"""`otel-distro reports tools`: how often tools ran, how long, and how many failed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base import formatting as figures
from otel_distro.cli import output
from otel_distro.cli.grouping import group_names
from otel_distro.cli.options import (
    json_option,
    ledger_option,
    ledger_path,
    since_option,
    until_option,
)
from otel_distro.cli.reading import reading

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.tools import ToolLine, ToolReport

_OPTIONAL = ("longest", "p95", "mean")


@click.command("tools", epilog="Example: otel-distro reports tools --since 7d --by tool,agent")
@since_option("Only tools started after this, such as 24h, 7d or 2026-01-31.")
@until_option
@click.option(
    "--by",
    default="tool",
    show_default=True,
    metavar="NAME[,NAME]",
    help="Break down by tool, agent, service, source, error_type, day.",
)
@ledger_option
@json_option
def command(
    since: datetime | None,
    until: datetime | None,
    by: str,
    ledger: Location | None,
    *,
    as_json: bool,
) -> None:
    """Show how often tools ran, how long they took and how many failed.

    A tool is counted for each span of its execution, and for each use of a provider-side tool that
    the provider reports, which has no duration.
    """
    from otel_cost_ledger.query.tools import TOOL_GROUPS, tool_report

    with reading(ledger_path(ledger)) as opened:
        report = tool_report(opened, since, until, by=group_names(by, TOOL_GROUPS))
    if as_json:
        output.print_json(_as_data(report))
    elif not report.total.calls:
        output.note("no tool has run in this window, or no span described it")
    else:
        output.print_table(_table(report), optional=_OPTIONAL)
    if not report.complete:
        output.note("older single executions were removed by retention: these counts are too low")


def _as_data(report: ToolReport) -> dict[str, Any]:
    return {
        "total": _line(report.total),
        "by_" + "_".join(report.by): [
            {**dict(zip(report.by, line.key, strict=True)), **_line(line)} for line in report.groups
        ],
        "complete": report.complete,
    }


def _line(line: ToolLine) -> dict[str, Any]:
    return {name: value for name, value in asdict(line).items() if name != "key"}


def _table(report: ToolReport) -> Any:
    return output.grouped_table(
        report.by,
        ("calls", "failed", "failure rate", "mean", "p95", "longest"),
        ((line.key, _cells(line)) for line in report.groups),
        _cells(report.total),
    )


def _cells(line: ToolLine) -> list[str]:
    return [
        output.count(line.calls),
        output.count(line.failed_calls),
        figures.percent(line.failed_calls / line.calls) if line.calls else "-",
        *(output.milliseconds(one) for one in (line.mean_ms, line.p95_ms, line.longest_ms)),
    ]
