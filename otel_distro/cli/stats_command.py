"""`otel-distro reports stats`: errors and latency of model calls."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base import formatting as figures
from otel_distro.cli import output
from otel_distro.cli.grouping import group_names, in_order
from otel_distro.cli.options import (
    filter_options,
    json_option,
    ledger_option,
    ledger_path,
    since_option,
    until_option,
)
from otel_distro.cli.reading import note_empty, reading

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.stats import StatLine, StatReport

_OPTIONAL = ("first token p95", "p99", "p50", "tokens/s", "first token p50")


@click.command("stats", epilog="Example: otel-distro reports stats --since 7d --by model,day")
@since_option("Only calls that began after this, such as 24h, 7d or 2026-01-31.")
@until_option
@click.option(
    "--by",
    default="model",
    show_default=True,
    metavar="NAME[,NAME]",
    help="Break down by model, provider, service, tenant, agent, operation, day, week, month...",
)
@filter_options
@ledger_option
@json_option
def command(
    since: datetime | None,
    until: datetime | None,
    by: str,
    filters: Filters,
    ledger: Location | None,
    *,
    as_json: bool,
) -> None:
    """Show error rate, latency, speed and time to first token of model calls."""
    from otel_cost_ledger.query.stats import stats

    path = ledger_path(ledger)
    with reading(path) as opened:
        report = in_order(stats(opened, since, until, by=group_names(by), filters=filters))
    if as_json:
        groups = [_data(line, report.by) for line in report.groups]
        output.print_json({"total": _data(report.total, ()), "groups": groups})
    elif not report.total.calls:
        note_empty(path)
    else:
        output.print_table(_table(report), optional=_OPTIONAL)


def _data(line: StatLine, by: tuple[str, ...]) -> dict[str, Any]:
    data = asdict(line)
    key = data.pop("key")
    return {**dict(zip(by, key, strict=False)), **data}


def _table(report: StatReport) -> Any:
    return output.grouped_table(
        report.by,
        ("calls", "errors", "p50", "p95", "p99", "tokens/s", "first token p50", "first token p95"),
        ((line.key, _cells(line)) for line in report.groups),
        _cells(report.total),
    )


def _cells(line: StatLine) -> list[str]:
    speed = line.output_tokens_per_s
    return [
        output.count(line.calls),
        figures.percent(line.error_rate) if line.calls else "-",
        output.milliseconds(line.p50_ms),
        output.milliseconds(line.p95_ms),
        output.milliseconds(line.p99_ms),
        "-" if speed is None else f"{speed:,.0f}",
        output.milliseconds(line.ttft_p50_ms),
        output.milliseconds(line.ttft_p95_ms),
    ]
