"""`otel-distro ledger`: maintenance of the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base.formatting import counted
from otel_distro.cli import output
from otel_distro.cli.groups import LazyGroup
from otel_distro.cli.options import (
    LedgerLocation,
    json_option,
    ledger_option,
    ledger_path,
    since_option,
    until_option,
)
from otel_distro.cli.reading import reading
from otel_distro.privacy import audit
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.model.location import Location

_FOLDER = click.Path(file_okay=False, path_type=Path)


_FILES = {
    "import": ("import", "fill the ledger from OTLP/JSON Lines files"),
    "prices": ("prices", "the price of a model, and its source"),
    "reconcile": ("reconcile", "compare the ledger with a provider's usage or cost export"),
    "reprice": ("reprice", "price stored calls again, after a price was added or corrected"),
}


@click.group("ledger", cls=LazyGroup, files=_FILES, epilog="Example: otel-distro ledger check")
def command() -> None:
    """Check, fill, reprice, archive or copy the ledger; compare it with a bill."""


@command.command("check", epilog="Example: otel-distro ledger check --ledger ledger.db")
@ledger_option
@json_option
def check(ledger: Location | None, *, as_json: bool) -> None:
    """Check that the ledger is intact and that every sum is the sum of its calls.

    Reads everything, about two seconds per million calls. Exit code 1 if a check has failed.
    """
    from otel_cost_ledger.maintenance.integrity import check_integrity
    from otel_cost_ledger.model.errors import LedgerError
    from otel_cost_ledger.query.ledger import open_ledger

    path = ledger_path(ledger)
    try:
        with open_ledger(path) as opened:
            report = check_integrity(opened)
    except LedgerError as error:
        raise output.fail(str(error)) from error
    if as_json:
        problems = list(report.problems)
        output.print_json({"calls": report.calls, "ok": report.ok, "problems": problems})
    else:
        click.echo(f"{counted(report.calls, 'row')} of calls in {path}")
        for problem in report.problems:
            click.echo(problem)
        click.echo("sound, and every sum is exact" if report.ok else "not sound")
    if not report.ok:
        raise click.exceptions.Exit(1)


@command.command("retain", epilog="Example: otel-distro ledger retain --days 90 --archive-to old/")
@click.option(
    "--days",
    type=click.IntRange(1, 36_500),
    help="Whole days (UTC) to keep; by default OTEL_DISTRO_LEDGER_RETENTION_DAYS.",
)
@click.option("--archive-to", type=_FOLDER, help="First write the calls to a verified file here.")
@ledger_option
def retain(days: int | None, archive_to: Path | None, ledger: Location | None) -> None:
    """Remove single calls older than some days; daily sums stay forever.

    Programs under this distribution do it automatically once a day, without an archive.
    """
    import sqlite3

    from otel_cost_ledger.maintenance.retention import retain
    from otel_cost_ledger.model.errors import LedgerError

    if days is None:
        days = load(process_environment()).settings.ledger_retention_days
    try:
        done = retain(ledger_path(ledger), days=days, archive_to=archive_to)
    except (LedgerError, sqlite3.Error, OSError) as error:
        raise output.fail(f"old calls were not all removed: {error}") from error
    if done.busy:
        raise output.fail("another process is doing this now")
    _record("ledger.retained", days=days, calls=done.deleted_calls, archive=str(done.archive or ""))
    if done.archive is not None:
        output.note(f"archived in {done.archive}")
    click.echo(
        f"{done.deleted_calls:,} calls removed, the last {days} days kept; "
        f"other writers waited at most {done.longest_lock_ms:.0f} ms"
    )


@command.command("archive", epilog="Example: otel-distro ledger archive old/ --until 2026-01-01")
@click.argument("folder", type=_FOLDER)
@since_option("Only calls that began at this time or later.")
@until_option
@click.option("--parquet", is_flag=True, help="Write Parquet instead of compressed CSV.")
@ledger_option
def archive(
    folder: Path,
    since: datetime | None,
    until: datetime | None,
    ledger: Location | None,
    *,
    parquet: bool,
) -> None:
    """Copy single calls to a file in FOLDER, compressed CSV or Parquet; nothing is removed.

    The file is read back and verified before it gets its final name.
    """
    from otel_cost_ledger.maintenance.archive import archive_window

    with reading(ledger_path(ledger)) as opened:
        try:
            archive = archive_window(opened, folder, since, until, parquet=parquet)
        except OSError as error:
            raise output.fail(f"cannot write to {folder}: {error.strerror}") from error
    if archive is None:
        raise output.fail("no calls in this window; nothing was written")
    path, calls = archive
    _record("ledger.archived", calls=calls, archive=str(path))
    click.echo(f"{calls:,} calls in {path}")


@command.command(
    "copy", epilog="Example: otel-distro ledger copy ledger.db postgresql://user@host/database"
)
@click.argument("source", type=LedgerLocation())
@click.argument("target", type=LedgerLocation())
def copy(source: Location, target: Location) -> None:
    """Copy the ledger SOURCE into TARGET; each is a file or a PostgreSQL URL.

    Running it again adds new calls. The password may come from PGPASSWORD or ~/.pgpass.
    """
    import sqlite3

    from otel_cost_ledger.maintenance.copying import copy_ledger
    from otel_cost_ledger.model.errors import LedgerError
    from otel_cost_ledger.query.ledger import open_ledger

    try:
        with open_ledger(source) as opened:
            done = copy_ledger(opened, target)
    except (LedgerError, sqlite3.Error, OSError) as error:
        raise output.fail(str(error)) from error
    _record("ledger.copied", calls=done.calls.written, to=str(target))
    click.echo(
        f"{done.calls.written:,} calls and violations copied to {target}, "
        f"{done.calls.already_known:,} were there; {done.old_sums:,} sums of earlier days"
    )
    if done.calls.expired:
        output.note(f"{done.calls.expired:,} calls are older than {target} keeps")
    if done.old_sums_there:
        output.note(
            f"{done.old_sums_there:,} sums of earlier days already existed and are unchanged"
        )


def _record(action: str, **detail: Any) -> None:
    audit.record_quietly(load(process_environment()).settings.state_dir, action, **detail)
