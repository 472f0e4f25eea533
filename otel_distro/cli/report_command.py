"""`otel-distro reports report`: a summary of the ledger, as text or as an HTML file."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_distro.cli import output
from otel_distro.cli.options import filter_options, ledger_option, ledger_path
from otel_distro.privacy import audit
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.model.location import Location

_WINDOWS = ("1h", "24h", "7d", "30d", "90d", "all")


@click.command(
    "report", epilog="Example: otel-distro reports report --window 30d --html report.html"
)
@click.option(
    "--html",
    "target",
    metavar="FILE",
    help="Write the page of `otel-distro ui` as one file that loads nothing; - is stdout.",
)
@click.option("--window", type=click.Choice(_WINDOWS), help="By default one that fits the data.")
@click.option(
    "--by",
    default="model",
    show_default=True,
    help="Dimension that breaks down spend, with --html.",
)
@filter_options
@ledger_option
def command(
    target: str | None,
    window: str | None,
    by: str,
    filters: Filters,
    ledger: Location | None,
) -> None:
    """Report volume, errors, latency, tokens and cost: as text, or with --html as one file."""
    from otel_distro.cli.grouping import group_names

    group_names(by)
    if target is None and by != "model":
        raise click.BadParameter(
            "only a report with --html has it; see costs --by", param_hint="--by"
        )
    chosen = {"window": window, "by": by, "failed": "1" if filters.failed else None}
    chosen |= {name: getattr(filters, name) for name in filters.names() - {"failed"}}
    query = {name: value for name, value in chosen.items() if value}
    location = ledger_path(ledger)
    if target is None:
        _print(location, query)
        return
    from otel_distro.cli.ui_command import check_parts

    check_parts(("jinja2",))
    from otel_cost_ledger.model.errors import LedgerError
    from otel_distro.ui.report_file import report
    from otel_distro.ui.view import BY

    if by not in BY:
        raise click.BadParameter(f"{by!r} is not among {', '.join(BY)}", param_hint="--by")
    settings = load(process_environment()).settings
    try:
        text = report(location, settings, query)
    except LedgerError as error:
        raise output.fail(str(error)) from error
    if target == "-":
        sys.stdout.write(text)
        return
    _write(Path(target).expanduser(), text)
    audit.record_quietly(settings.state_dir, "report.written", file=target, query=query)


def _write(path: Path, text: str) -> None:
    if not path.name:
        raise output.fail(f"{str(path)!r} is not the name of a file; name one after --html")
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(text, "utf-8")
        beside.replace(path)
    except OSError as error:
        raise output.fail(f"cannot write {path}: {error.strerror}; choose another file") from error
    output.note(f"wrote {path} ({len(text.encode()) / 1000:,.0f} kB)")


def _print(location: Location, query: dict[str, str]) -> None:
    from otel_distro.cli.reading import note_empty, reading
    from otel_distro.cli.terminal.report_text import print_report
    from otel_distro.cli.top_command import budgets_of

    budgets = budgets_of(load(process_environment()).settings)
    with reading(location) as opened:
        if not print_report(opened, query, datetime.now(UTC), budgets):
            note_empty(location)
