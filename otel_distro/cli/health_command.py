"""`otel-distro reports health`: health checks for people and probes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.cli.reading import opened_accounts, reading
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_distro.reports.budgets.report import BudgetLine


@click.command("health", epilog="Example: otel-distro reports health --json")
@json_option
def command(*, as_json: bool) -> None:
    """Check memory, errors, latency, budgets, guard and export; exit code 1 on a problem."""
    from contextlib import nullcontext

    from otel_distro.reports.budgets.report import lines
    from otel_distro.reports.health.checks import overall
    from otel_distro.reports.health.report import NOT_WELL, as_data, checks

    settings = load(process_environment()).settings
    budgets: list[BudgetLine] = []
    if settings.cost_budgets:
        with opened_accounts(settings) as accounts:
            accounts.reap()
            budgets = list(lines(settings.cost_budgets, accounts, time.time_ns()))
    with reading(settings.ledger) if settings.ledger is not None else nullcontext() as ledger:
        found = checks(settings, ledger, budgets)
    if as_json:
        output.print_json(as_data(found))
    else:
        for check in found:
            click.echo(f"{check.status:<9} {output.printable(check.name):<20} {check.found}")
    raise click.exceptions.Exit(1 if overall(found) in NOT_WELL else 0)
