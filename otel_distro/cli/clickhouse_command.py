"""`otel-distro stack clickhouse`: the ledger's tables in ClickHouse."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base.formatting import counted
from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_cost_ledger.model.location import ClickHouseUrl

_MOST_DAYS = 3650
_URL = click.argument("url", required=False, metavar="[URL]")
_DAYS = click.IntRange(1, _MOST_DAYS)


@click.group(
    "clickhouse",
    epilog="Example: otel-distro stack clickhouse init clickhouse://otel@localhost/otel",
)
def command() -> None:
    """Create, upgrade, check and sum the ledger's tables in ClickHouse.

    URL is clickhouse://user:password@host[:port]/database, by default OTEL_DISTRO_LEDGER. The user
    needs the right to create tables there; programs that only read need no more than SELECT.
    """


@command.command("init", epilog="Example: otel-distro stack clickhouse init --days 90")
@_URL
@click.option("--days", type=_DAYS, default=30, show_default=True, help="Days to keep calls.")
def init(url: str | None, days: int) -> None:
    """Create the database, its tables and materialized views; fill them from stored spans.

    Running it again brings them up to date.
    """
    from otel_cost_ledger.clickhouse import schema

    where = _location(url)
    done = _guarded(lambda: schema.init(where, rows_days=days))
    from_spans = (
        f", filled from {counted(done.read_days, 'day')} of spans" if done.read_days else ""
    )
    click.echo(
        f"{where}: schema {done.after}, calls are kept for {done.rows_days} days{from_spans}"
    )


@command.command("upgrade", epilog="Example: otel-distro stack clickhouse upgrade")
@_URL
@click.option("--days", type=_DAYS, help="Days to keep calls; by default as before.")
def upgrade(url: str | None, days: int | None) -> None:
    """Upgrade tables and views to the schema of this version; never downgrade them."""
    from otel_cost_ledger.clickhouse import schema

    where = _location(url)
    done = _guarded(lambda: schema.upgrade(where, rows_days=days))
    step = "already" if done.before == done.after else f"from schema {done.before}"
    click.echo(f"{where}: schema {done.after} ({step}), calls are kept for {done.rows_days} days")


@command.command("check", epilog="Example: otel-distro stack clickhouse check")
@_URL
@json_option
def check(url: str | None, *, as_json: bool) -> None:
    """Check server, schema, views, calls and sums; change nothing.

    Exit code 1 if a check has failed.
    """
    from otel_distro.stack.clickhouse_checks import check_clickhouse

    checks = list(check_clickhouse(_location(url)))
    if as_json:
        output.print_json({"checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            click.echo(f"{check.status:<4}  {check.subject:<8}  {output.printable(check.found)}")
            if check.remedy:
                click.echo(f"{'':<16}{output.printable(check.remedy)}")
    if any(check.status == "fail" for check in checks):
        raise click.exceptions.Exit(1)


@command.command("sum", epilog="Example: otel-distro stack clickhouse sum --every 60")
@_URL
@click.option(
    "--every", type=click.FloatRange(1), metavar="SECONDS", help="Repeat at this interval."
)
@click.option(
    "--quiet-for",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Sum an hour after no call has arrived for it for this long.",
)
def sum_hours(url: str | None, every: float | None, quiet_for: float) -> None:
    """Compute the sums of completed hours.

    Reports are exact without them, but slower. Run it once a minute, or leave it running.
    """
    from otel_cost_ledger.clickhouse import summing

    where = _location(url)
    while True:
        done = _guarded(
            lambda: summing.sum_hours(where, quiet_seconds=quiet_for), retry=bool(every)
        )
        if done or every is None:
            click.echo(f"{counted(done or 0, 'hour')} summed")
        if every is None:
            return
        time.sleep(every)


def _guarded(work: Callable[[], Any], *, retry: bool = False) -> Any:
    """Return the result of *work*; with *retry*, None after a transient error."""
    from otel_cost_ledger.model.errors import LedgerError, ServerError

    try:
        return work()
    except ServerError as error:
        if not retry:
            raise output.fail(str(error)) from error
        output.note(str(error))
        return None
    except LedgerError as error:
        raise output.fail(str(error)) from error


def _location(url: str | None) -> ClickHouseUrl:
    from otel_cost_ledger.model.location import ClickHouseUrl

    if url is not None:
        try:
            return ClickHouseUrl.parse(url)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="URL") from error
    ledger = load(process_environment()).settings.ledger
    if isinstance(ledger, ClickHouseUrl):
        return ledger
    raise click.UsageError(
        "name the database, such as clickhouse://otel@localhost/otel, or set OTEL_DISTRO_LEDGER"
    )
