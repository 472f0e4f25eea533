"""`otel-distro run CMD`: the launcher."""

from __future__ import annotations

import click

from otel_distro.bootstrap.launch import execute


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

    Like opentelemetry-instrument, but selects this distribution even if another is installed.
    Python programs started by CMD are covered too.
    """
    execute(arguments)
