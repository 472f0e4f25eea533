"""`otel-distro ledger reprice`: price stored calls again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.options import When, ledger_option, ledger_path
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.model.location import Location


@click.command(
    "reprice", epilog="Example: otel-distro ledger reprice --since 7d --prices prices.toml"
)
@click.option("--since", type=When(), required=True, metavar="AGE|DATE", help="Calls after this.")
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of your own prices, used before the built-in ones.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@ledger_option
def command(
    since: datetime, prices: Path | None, ledger: Location | None, *, dry_run: bool
) -> None:
    """Price the calls in the ledger again, each by the price of its day.

    For prices that were missing or wrong. The previous figures are kept beside the new ones.
    """
    from otel_cost_ledger.model.errors import LedgerError
    from otel_distro.reports.analysis.repricing import RepricingFailedError, reprice
    from otel_pricing import PriceBook, PriceBookError, read_price_file

    prices = prices or load(process_environment()).settings.prices
    try:
        book = PriceBook(read_price_file(prices)) if prices else PriceBook()
        done = reprice(ledger_path(ledger), since, book, write=not dry_run, report=output.note)
    except (LedgerError, PriceBookError, RepricingFailedError) as error:
        raise output.fail(str(error)) from error
    verb = "would change" if dry_run else "changed"
    click.echo(
        f"{done.changed:,} of {done.calls:,} calls {verb}: "
        f"{output.usd(done.before_nano_usd)} before, {output.usd(done.after_nano_usd)} now"
    )
