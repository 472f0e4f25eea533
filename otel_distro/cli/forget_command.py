"""`otel-distro privacy forget USER`: remove a user from all data stored on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_distro.privacy.erasure import Receipt


@click.command("forget", epilog="Example: otel-distro privacy forget ada@example.com --erase")
@click.argument("user")
@click.option("--erase", is_flag=True, help="Delete the calls too, instead of anonymizing them.")
@click.option(
    "--receipt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the receipt to this file.",
)
@json_option
def command(user: str, receipt: Path | None, *, erase: bool, as_json: bool) -> None:
    """Anonymize the stored data of USER and delete their messages; print a receipt.

    USER is the id that the app sets, or the pseudonym that begins with user_. Costs stay exact:
    calls lose user and session, or are deleted with --erase, and the daily sums stay.
    """
    import sqlite3

    from otel_cost_ledger.model.errors import LedgerError
    from otel_distro.base.errors import OtelDistroError
    from otel_distro.privacy.erasure import forget

    environ = process_environment()
    try:
        done = forget(load(environ).settings, user, environ, erase=erase)
        if receipt is not None:
            receipt.write_text(json.dumps(done.data(), indent=2) + "\n")
    except (OtelDistroError, LedgerError, sqlite3.Error, OSError) as error:
        raise output.fail(f"not everything was forgotten: {error}") from error
    if as_json:
        output.print_json(done.data())
    else:
        _show(done)


def _show(receipt: Receipt) -> None:
    click.echo(f"receipt {receipt.number}, {receipt.at}: {receipt.pseudonym} {receipt.how}")
    for place, count in receipt.done.items():
        click.echo(f"  {place.replace('_', ' ')}: {count:,}")
    click.echo("what remains:")
    for line in receipt.remains:
        click.echo(f"  {output.printable(line)}")
    click.echo(f"sha256 {receipt.data()['sha256']}, also in: otel-distro privacy audit show")
