"""`otel-distro privacy catalogue`: every field that can leave or is kept, as configured."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_distro.privacy.catalogue.catalogue import Entry


@click.command(
    "catalogue", epilog="Example: otel-distro privacy catalogue --leaves --markdown > catalogue.md"
)
@click.option(
    "--leaves", is_flag=True, help="Only fields that leave this machine's files and console."
)
@click.option("--markdown", is_flag=True, help="Print a document, to publish or to review.")
@json_option
def command(*, leaves: bool, markdown: bool, as_json: bool) -> None:
    """List every exported or stored field: place, purpose, retention and protection.

    It describes programs run with the settings and variables of this shell.
    """
    from otel_distro.privacy.catalogue.catalogue import catalogue

    environ = process_environment()
    settings = load(environ).settings
    wanted_entries = [e for e in catalogue(settings, environ) if e.leaves or not leaves]
    if as_json:
        output.print_json({"fields": [asdict(entry) for entry in wanted_entries]})
        return
    if settings.do_not_track:
        output.note("DO_NOT_TRACK is set: nothing is exported or stored")
    elif settings.consent:
        output.note("all of it only after consent: otel-distro privacy consent show")
    for place, entries in groupby(wanted_entries, lambda entry: entry.place):
        if markdown:
            _document(place, list(entries))
        else:
            _table(place, list(entries))


def _table(place: str, entries: list[Entry]) -> None:
    click.echo(f"\n{output.printable(place)}")
    table = output.table(
        [("  field", False), ("what", False), ("why", False), ("kept", False), ("how", False)]
    )
    for entry in entries:
        cells = (f"  {entry.name}", entry.meaning, entry.why, entry.kept, entry.protection)
        table.add_row(*(output.printable(cell) for cell in cells))
    output.print_table(table)


def _document(place: str, entries: list[Entry]) -> None:
    click.echo(f"\n## {_cell(place)}\n")
    click.echo("| field | what | why | kept | how protected |\n|---|---|---|---|---|")
    for entry in entries:
        cells = (entry.name, entry.meaning, entry.why, entry.kept, entry.protection)
        click.echo(f"| {' | '.join(_cell(cell) for cell in cells)} |")


def _cell(text: str) -> str:
    return output.printable(text).replace("|", "\\|")
