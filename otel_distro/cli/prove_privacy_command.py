"""`otel-distro privacy prove CMD`: check whether a program would leak private data."""

from __future__ import annotations

import click

from otel_distro.cli import output
from otel_distro.cli.options import json_option
from otel_distro.settings import process_environment

_SAMPLE = 60


@click.command(
    "prove",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: otel-distro privacy prove -- python app.py",
)
@click.argument("arguments", metavar="CMD [ARGS]...", nargs=-1, required=True)
@json_option
def command(arguments: tuple[str, ...], *, as_json: bool) -> None:
    """Run CMD with fake secrets planted, and show every field that would leave the process.

    The secrets are in the variable PRIVACY_CANARIES, in the resource attributes, in place of
    {canary} among CMD's arguments, and in prompts made with
    `otel_distro.privacy.proof.canary_text()`. Telemetry goes to a receiver on this machine only.
    Exit code 1 if any of them would leave.
    """
    from otel_distro.privacy.proof.prove import ProofFailedError, prove

    try:
        proof = prove(arguments, process_environment())
    except ProofFailedError as error:
        raise output.fail(str(error)) from error
    _print_result(proof.leaked, proof.planted, proof.returncode, empty=not proof.fields)
    if as_json:
        output.print_json(
            {
                "planted": proof.planted,
                "leaked": proof.leaked,
                "returncode": proof.returncode,
                "stored_in": proof.stored,
                "fields": [
                    {
                        "signal": field.signal,
                        "field": field.where,
                        "count": field.count,
                        "sample": field.sample,
                        "leaks": field.leaks,
                    }
                    for field in proof.fields
                ],
            }
        )
    else:
        table = output.table(
            [("signal", False), ("field", False), ("values", True), ("for example", False)]
        )
        for field in proof.fields:
            sample = output.printable(field.sample)
            short = sample if len(sample) <= _SAMPLE else sample[: _SAMPLE - 1] + "…"
            table.add_row(
                field.signal,
                output.printable(field.where),
                output.count(field.count),
                short,
                style="red" if field.leaks else None,
            )
        output.print_table(table)
    if proof.leaked or not proof.fields:
        raise click.exceptions.Exit(1)


def _print_result(leaked: int, planted: int, returncode: int, *, empty: bool) -> None:
    if returncode:
        output.note(f"the program itself ended with {returncode}")
    if empty:
        output.note("nothing was exported, so there is no proof; is it a Python program?")
    elif leaked:
        output.note(f"{leaked} of {planted} planted secrets WOULD LEAVE this process")
    else:
        output.note(f"none of {planted} planted secrets would leave this process")
