"""`otel-distro reports alerts`: current alerts, each sent once."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from otel_distro.base.errors import OtelDistroError
from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.cli.reading import opened_accounts, reading
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_distro.reports.alerts.rules import Incident
    from otel_distro.settings import Settings


@click.group("alerts", epilog="Example: otel-distro reports alerts check")
def command() -> None:
    """Check model calls and budgets, and send alerts."""


@command.command("check", epilog="Example: otel-distro reports alerts check --json")
@json_option
def check_command(*, as_json: bool) -> None:
    """Check once, for cron: send new and resolved alerts; exit code 1 while any alert is active."""
    settings = load(process_environment()).settings
    found = _check(settings)
    if as_json:
        output.print_json(
            {
                "incidents": [
                    {
                        "key": incident.key,
                        "severity": incident.severity,
                        "summary": incident.summary,
                        "trace_ids": list(incident.trace_ids),
                    }
                    for incident in found
                ]
            }
        )
    elif not found:
        output.note("nothing is wrong")
    else:
        for incident in found:
            click.echo(f"{incident.severity:<9} {output.printable(incident.summary)}")
    raise click.exceptions.Exit(1 if found else 0)


@command.command("watch", epilog="Example: otel-distro reports alerts watch --every 30")
@click.option(
    "--every",
    type=click.IntRange(1, 86_400),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Seconds between two checks.",
)
def watch_command(every: int) -> None:
    """Check repeatedly until stopped."""
    settings = load(process_environment()).settings
    while True:
        _check(settings)
        time.sleep(every)


@command.command("test", epilog="Example: otel-distro reports alerts test")
def test_command() -> None:
    """Send a test message to every URL of OTEL_DISTRO_ALERT_URLS."""
    from otel_distro.reports.alerts.incidents import Message
    from otel_distro.reports.alerts.notifiers import notify

    urls = load(process_environment()).settings.alert_urls
    if not urls:
        raise output.fail("OTEL_DISTRO_ALERT_URLS is not set, so alerts are only printed", code=2)
    message = Message("otel-distro: test", "Alerts of otel-distro arrive here.")
    try:
        failed = notify(urls, [message])
    except OtelDistroError as error:
        raise output.fail(str(error)) from error
    if failed:
        raise output.fail("the test message could not be sent to every URL")
    output.note(f"sent to {len(urls)} URL{'s' if len(urls) > 1 else ''}")


def _check(settings: Settings) -> list[Incident]:
    from otel_distro.reports.alerts.history import FILE_NAME, History
    from otel_distro.reports.alerts.incidents import MEMORY_FILE_NAME, Memory, messages
    from otel_distro.reports.alerts.notifiers import notify
    from otel_distro.reports.alerts.rules import check, now_utc
    from otel_distro.reports.budgets.report import lines
    from otel_distro.reports.health.report import live_checks

    now = now_utc()
    budgets = []
    if settings.cost_budgets:
        with opened_accounts(settings) as accounts:
            budgets = list(lines(settings.cost_budgets, accounts, time.time_ns()))
    with reading(settings.ledger) if settings.ledger is not None else nullcontext() as ledger:
        found = check(ledger, budgets, now, live_checks(settings))
    memory = Memory(settings.state_dir / MEMORY_FILE_NAME)
    sent, known = messages(found, memory.read(), now)
    for message in sent:
        output.note(message.title)
    try:
        failed = notify(settings.alert_urls, sent)
    except OtelDistroError as error:
        raise output.fail(str(error)) from error
    if not failed:  # alerts not sent are sent at the next check
        memory.write(known)
        History(settings.state_dir / FILE_NAME).add(sent, now)
    return found
