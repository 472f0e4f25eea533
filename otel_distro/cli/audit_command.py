"""`otel-distro privacy audit`: the audit trail of decisions about data, and its integrity."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from otel_distro.base.formatting import counted
from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.settings import load, process_environment

if TYPE_CHECKING:
    from pathlib import Path


@click.group("audit", epilog="Example: otel-distro privacy audit verify")
def command() -> None:
    """Show and check the audit trail: consent, forgetting, purges, exports, settings."""


@command.command("show", epilog="Example: otel-distro privacy audit show --json")
@json_option
def show_command(*, as_json: bool) -> None:
    """List the entries, oldest first."""
    from otel_distro.privacy import audit

    try:
        found = list(audit.entries(_state_dir()))
    except audit.AuditError as error:
        raise output.fail(str(error)) from error
    if as_json:
        output.print_json({"entries": [asdict(entry) for entry in found]})
        return
    if not found:
        output.note("the audit trail is empty")
    for entry in found:
        detail = " ".join(f"{key}={value}" for key, value in entry.detail.items())
        line = f"{entry.number:>4}  {entry.at}  {entry.by:<10}  {entry.action:<18}  {detail}"
        click.echo(output.printable(line.rstrip()))


@command.command("verify", epilog="Example: otel-distro privacy audit verify")
@click.option("--expect", metavar="HASH", help="A hash noted earlier that must be in the trail.")
@json_option
def verify_command(expect: str | None, *, as_json: bool) -> None:
    """Check that no entry was changed, removed or inserted; exit code 1 if one was.

    The last hash printed covers all earlier entries: keep it outside this machine.
    """
    from otel_distro.privacy import audit

    try:
        result = audit.verify(_state_dir(), expect)
    except audit.AuditError as error:
        raise output.fail(str(error)) from error
    if as_json:
        output.print_json({**asdict(result), "ok": not result.problems})
    else:
        for problem in result.problems:
            click.echo(problem)
        state = "not intact" if result.problems else "intact"
        entries = counted(result.entries, "entry", "entries")
        click.echo(f"{entries}, {state}; last hash {result.last_hash}")
    if result.problems:
        raise click.exceptions.Exit(1)


def _state_dir() -> Path:
    return load(process_environment()).settings.state_dir
