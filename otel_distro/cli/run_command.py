"""`otel-distro run CMD`: our launcher."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NoReturn

import click

from otel_distro.launch import launch_environment
from otel_distro.settings import process_environment


@click.command(
    "run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: otel-distro run -- python app.py",
)
@click.argument(
    "arguments", metavar="CMD [ARGS]...", nargs=-1, required=True, type=click.UNPROCESSED
)
def command(arguments: tuple[str, ...]) -> None:
    """Run CMD with telemetry, priced, redacted and stored.

    Like opentelemetry-instrument, but this distribution is the one selected even where another
    is installed. Python programs that CMD starts are covered as well.
    """
    _execute(arguments)


def _execute(arguments: tuple[str, ...]) -> NoReturn:
    environ = launch_environment(process_environment())
    program = shutil.which(arguments[0], path=environ.get("PATH"))
    if program is None:
        click.echo(f"otel-distro run: command not found: {arguments[0]}", err=True)
        sys.exit(127)
    try:
        os.execve(program, list(arguments), environ)  # noqa: S606 - the user names the program
    except OSError as error:
        click.echo(f"otel-distro run: cannot run {arguments[0]}: {error.strerror}", err=True)
        sys.exit(126)
