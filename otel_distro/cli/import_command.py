"""`otel-distro ledger import`: fill a ledger from an archive of spans and log records."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otel_distro.base.formatting import counted
from otel_distro.cli import output
from otel_distro.cli.options import ledger_option, ledger_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_cost_ledger.model.location import Location


@contextmanager
def _progress(files: tuple[Path, ...]) -> Iterator[Callable[[int], object]]:
    """Show the progress of reading *files*, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _bytes: None
        return
    size = sum(file.stat().st_size for file in files)
    with click.progressbar(length=size, label="Importing", file=sys.stderr) as bar:
        yield bar.update


@click.command("import", epilog="Example: otel-distro ledger import traces.jsonl traces-2.jsonl.gz")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--prices",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of your own prices, used before the built-in ones.",
)
@ledger_option
def command(files: tuple[Path, ...], prices: Path | None, ledger: Location | None) -> None:
    """Fill the ledger from OTLP/JSON Lines files, as the Collector's file exporter writes them.

    Model calls are read from spans, and from the log records of coding agents (Claude Code, Codex,
    Gemini CLI) and of the GenAI conventions. Result files of batch jobs (OpenAI, Anthropic, Gemini,
    Bedrock) are read as well, at batch rates. Importing a file twice changes nothing. Each call is
    priced by the price of its day.

    An interrupted import continues at about the last calls that it stored.
    """
    from otel_cost_ledger.model.errors import LedgerError
    from otel_distro.server.importing import ImportFailedError, import_files
    from otel_pricing import PriceBookError

    path = ledger_path(ledger, may_be_new=True)
    try:
        with _progress(files) as progress:
            summary = import_files(files, path, prices, report=output.note, progress=progress)
    except (ImportFailedError, LedgerError, PriceBookError) as error:
        raise output.fail(str(error)) from error
    read = f"{counted(summary.spans, 'span')} read"
    if summary.log_records:
        read += f" and {counted(summary.log_records, 'log record')}"
    click.echo(
        f"{read}, {summary.calls:,} of them model calls: "
        f"{summary.written:,} new in {path}, {summary.known:,} already there"
    )
    if summary.tool_calls:
        click.echo(f"{counted(summary.tool_calls, 'execution')} of tools read")
    if summary.passed:
        skipped = ", ".join(f"{number:,} {kind}" for kind, number in summary.passed.items())
        click.echo(f"skipped: {skipped}")
    if summary.problems:
        raise output.fail(
            f"{counted(summary.problems, 'line or record', 'lines or records')} could not be read"
        )
