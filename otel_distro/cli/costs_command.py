"""`otel-distro costs`: the cost of model calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otel_distro.base import formatting as figures
from otel_distro.cli import output
from otel_distro.cli.cost_report import (
    OPTIONAL,
    as_data,
    cost_table,
    remarks,
    saved_by_caches,
    write_csv,
)
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
    from otel_cost_ledger.query.costs import CostReport


_MOST_PERSONS = 100


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
    "hour, day, week, month...",
)
@click.option(
    "--least-users",
    type=click.IntRange(min=2),
    metavar="N",
    help="Join groups of fewer than N users in one line, so that no user is shown alone.",
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    metavar="N",
    help="List the N most expensive groups and sum the others; 0 lists all. By user or session the "
    f"table lists {_MOST_PERSONS} unless asked; --json and --csv list all.",
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
    top: int | None,
    filters: Filters,
    ledger: Location | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Show what model calls cost, from the local ledger."""
    from otel_cost_ledger.query.costs import costs
    from otel_cost_ledger.query.likely import likely_more
    from otel_cost_ledger.query.top_persons import is_by_person

    path = ledger_path(ledger)
    with reading(path) as opened:
        likely = likely_more(opened, since, until, filters)
        names = group_names(by)
        if top and least_users is not None:
            raise click.BadParameter("not together with --least-users", param_hint="--top")
        if top is None and least_users is None and is_by_person(names) and not (as_json or as_csv):
            top = _MOST_PERSONS
        most = top or None
        found = costs(opened, since, until, by=names, filters=filters, most_groups=most)
        report = in_order(found)
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
        write_csv(report)
    else:
        _show(report, path, since, likely)
        if left:
            output.note(
                f"{figures.counted(left, 'call')} of killed processes are not among these; "
                "the next program that calls a model stores them as unpriced"
            )


def _left_calls(path: Location) -> int:
    """Return how many calls of killed processes await the ledger at *path*."""
    from otel_distro.pipeline.accounting.killed_requests import left_calls
    from otel_distro.pipeline.accounting.open_requests import FOLDER
    from otel_distro.settings import load, process_environment

    settings = load(process_environment()).settings
    return left_calls(settings.state_dir / FOLDER) if path == settings.ledger else 0


def _show(report: CostReport, path: Location, since: datetime | None, likely: int | None) -> None:
    if not report.total.calls:
        note_empty(path, f" since {since:%Y-%m-%d %H:%M} UTC" if since else "")
        return
    output.print_table(
        cost_table(report),
        lines_after=[
            *remarks(report.total, likely),
            *saved_by_caches(report.cached_answers, report.cached_nano_usd),
        ],
        optional=OPTIONAL,
        complete_with="--csv or --json",
    )
    if not report.complete:
        output.note("older single calls were removed by retention, so these sums are too low")
