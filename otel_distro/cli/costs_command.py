"""`otel-distro costs`: what model calls cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from otel_distro.base import formatting as figures
from otel_distro.cli import output
from otel_distro.cli.groups import closest
from otel_distro.cli.options import (
    filter_options,
    json_option,
    ledger_option,
    ledger_path,
    since_option,
    until_option,
)
from otel_distro.cli.reading import reading

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location
    from otel_cost_ledger.query.costs import CostLine, CostReport
    from otel_cost_ledger.query.stats import StatReport

Report = TypeVar("Report", "CostReport", "StatReport")

EMPTY = (
    "no model calls in {path}{window}; run a program under `otel-distro run -- python app.py`, "
    "or fill the ledger with `otel-distro ledger import FILE`"
)

OPTIONAL = ("p99", "p50", "p95", "failed", "output", "input")
"""Columns that a narrow terminal does without, in that order."""


@click.command("costs", epilog="Example: otel-distro costs --since 24h --by model")
@since_option("Only calls that began after this, such as 24h, 7d or 2026-01-31.")
@until_option
@click.option(
    "--by",
    "by",
    default="model",
    show_default=True,
    metavar="NAME[,NAME]",
    help="Break down by model, provider, service, tenant, user, session, agent, operation, "
    "day, week, month...",
)
@click.option(
    "--least-users",
    type=click.IntRange(min=2),
    metavar="N",
    help="Join groups of fewer than N users in one line, so that nobody stands alone.",
)
@filter_options
@ledger_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, safe to open as a spreadsheet.")
def command(
    since: datetime | None,
    until: datetime | None,
    by: str,
    least_users: int | None,
    filters: Filters,
    ledger: Location | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Show what model calls cost, from the local ledger."""
    from otel_cost_ledger.query.costs import costs
    from otel_cost_ledger.query.likely import likely_more

    path = ledger_path(ledger)
    with reading(path) as opened:
        likely = likely_more(opened, since, until, filters)
        report = in_order(costs(opened, since, until, by=group_names(by), filters=filters))
        if least_users is not None:
            from otel_cost_ledger.query.small_groups import without_small_groups

            try:
                report = without_small_groups(opened, report, since, until, least_users=least_users)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint="--by") from error
    left = _left_calls(path)
    if as_json:
        output.print_json(
            {
                **as_data(report),
                "likely_nano_usd": likely,
                "not_stored_calls": left,
            }
        )
    elif as_csv:
        _write_csv(report)
    else:
        _show(report, path, since, likely)
        if left:
            output.note(
                f"{figures.counted(left, 'call')} of killed processes are not among these; "
                "the next program that calls a model stores them as unpriced"
            )


def _left_calls(path: Location) -> int:
    """Return how many calls killed processes have left for the ledger at *path*."""
    from otel_distro.pipeline.accounting.killed_requests import left_calls
    from otel_distro.pipeline.accounting.open_requests import FOLDER
    from otel_distro.settings import load, process_environment

    settings = load(process_environment()).settings
    return left_calls(settings.state_dir / FOLDER) if path == settings.ledger else 0


def in_order(report: Report) -> Report:
    """Return *report* with periods in order of time; other groups stay the dearest first."""
    from dataclasses import replace

    from otel_cost_ledger.query.grouping import PERIODS

    places = [place for place, name in enumerate(report.by) if name in PERIODS]
    if not places:
        return report
    ordered = sorted(report.groups, key=lambda line: [line.key[place] for place in places])
    return replace(report, groups=tuple(ordered))


def group_names(by: str) -> list[str]:
    """Return the names of `--by`, or end with what is allowed."""
    from otel_cost_ledger.query.grouping import GROUPS

    names = [name for part in by.split(",") if (name := part.strip())]
    unknown = [name for name in names if name not in GROUPS]
    if unknown or not names:
        hint = closest(unknown[0], {name: name for name in GROUPS}) if unknown else ""
        raise click.BadParameter(
            f"{', '.join(unknown) or 'nothing'} is not among {', '.join(GROUPS)}{hint}",
            param_hint="--by",
        )
    return names


def _write_csv(report: CostReport) -> None:
    from otel_cost_ledger.model.csv_safe import write_csv

    names = list(_line(report.total))
    rows = [[*line.key, *_line(line).values()] for line in report.groups]
    write_csv(sys.stdout, [*report.by, *names], rows)


def as_data(report: CostReport) -> dict[str, Any]:
    """Return *report* in the shape of `costs --json`."""
    key = "by_" + "_".join(report.by)
    groups = [
        {**dict(zip(report.by, line.key, strict=True)), **_line(line)} for line in report.groups
    ]
    cached = {"calls": report.cached_answers, "saved_nano_usd": report.cached_nano_usd}
    return {
        "total": _line(report.total),
        key: groups,
        "complete": report.complete,
        "cached_answers": cached,
    }


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


def _show(report: CostReport, path: Location, since: datetime | None, likely: int | None) -> None:
    if not report.total.calls:
        window = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
        output.note(EMPTY.format(path=path, window=window))
        return
    output.print_table(
        cost_table(report),
        lines_after=[*remarks(report.total, likely), *_saved(report)],
        optional=OPTIONAL,
        complete_with="--csv or --json",
    )
    if not report.complete:
        output.note("older single calls were removed by retention, so these sums are too low")


def _saved(report: CostReport) -> list[str]:
    """Return what caches of frameworks saved; no call was made for those answers."""
    if not report.cached_answers:
        return []
    answers = figures.counted(report.cached_answers, "answer")
    saved = output.usd(report.cached_nano_usd)
    return [f"{answers} from caches of frameworks, not among these calls, saved {saved}"]


def cost_table(report: CostReport) -> Any:
    """Return the table of *report* with a line for the total."""
    table = output.table(
        [
            *((name, False) for name in report.by),
            ("calls", True),
            ("failed", True),
            ("input", True),
            ("output", True),
            ("cost", True),
            ("p50", True),
            ("p95", True),
            ("p99", True),
        ]
    )
    for line in report.groups:
        table.add_row(*(output.printable(name) or "-" for name in line.key), *_cells(line))
    blanks = [""] * (len(report.by) - 1)
    table.add_row("total", *blanks, *_cells(report.total), style="bold")
    return table


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
    """Return notes on calls whose cost is not known in full; *likely* is an estimate of it."""
    said = figures.cost_notes(
        unpriced=total.unpriced_calls,
        partial=total.partial_calls,
        reported=total.reported_calls,
    )
    if total.exposure_nano_usd:
        bound = figures.bound(total.exposure_nano_usd, likely, shown=figures.usd_short)
        said.append(bound)
    return ["; ".join(said)] if said else []
