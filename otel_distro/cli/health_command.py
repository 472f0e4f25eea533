"""`otel-distro health`: is everything well, for people and for probes."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import click

from otel_distro.cli import output
from otel_distro.cli.budgets_command import opened_books
from otel_distro.cli.options import json_option
from otel_distro.cli.reading import reading
from otel_distro.settings import load, process_environment


@click.command("health", epilog="Example: otel-distro health --json")
@json_option
def command(*, as_json: bool) -> None:
    """Look at memory, errors, latency and budgets; end with 1 unless all is well enough."""
    import psutil

    from otel_distro.budget_report import lines
    from otel_distro.delivery_books import today
    from otel_distro.health.checks import check_budgets, check_ledger, check_memory, overall
    from otel_distro.health.deliveries import check_deliveries, check_spool
    from otel_distro.spool.offline import status as spool_status

    settings = load(process_environment()).settings
    checks = [check_memory(psutil.virtual_memory().percent)]
    if settings.ledger is not None:
        with reading(settings.ledger) as ledger:
            checks += check_ledger(ledger, datetime.now(UTC))
    if settings.cost_budgets:
        with opened_books(settings) as books:
            checks += check_budgets(list(lines(settings.cost_budgets, books, time.time_ns())))
    checks += [
        *check_deliveries(today(settings.state_dir)),
        check_spool(spool_status(settings.state_dir)),
    ]
    status = overall(checks)
    if as_json:
        output.print_json(
            {
                "status": status,
                "checks": {
                    check.name: {
                        "status": check.status,
                        "found": check.found,
                        "value": check.value,
                    }
                    for check in checks
                },
            }
        )
    else:
        for check in checks:
            click.echo(f"{check.status:<9} {output.printable(check.name):<20} {check.found}")
    raise click.exceptions.Exit(1 if status in {"degraded", "critical"} else 0)
