"""How commands speak: results on stdout, everything else on stderr, tables that fit."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base.formatting import UNKNOWN, count, milliseconds, printable, printable_json, usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

__all__ = [
    "UNKNOWN",
    "count",
    "fail",
    "milliseconds",
    "note",
    "print_json",
    "print_table",
    "printable",
    "table",
    "usd",
]


def fail(message: str, *, code: int = 1) -> click.exceptions.Exit:
    """Say *message* on stderr and return the exception that ends the command with *code*."""
    click.echo(f"otel-distro: {_lines(message)}", err=True)
    return click.exceptions.Exit(code)


def note(message: str) -> None:
    """Say *message* on stderr."""
    click.echo(_lines(message), err=True)


def print_json(value: Any) -> None:
    """Print *value* as JSON on stdout; strict, so that every parser reads it.

    What a terminal could take for a command is written as an escape, which parsers read as well.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    click.echo(printable_json(text))


def _lines(message: str) -> str:
    return "\n".join(printable(line) for line in message.split("\n"))


def table(columns: Sequence[tuple[str, bool]]) -> Table:
    """Return a plain table with (heading, is a number) columns."""
    from rich.table import Table

    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, is_number in columns:
        result.add_column(
            heading, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    return result


def print_table(result: Table, *, lines_after: Iterable[str] = ()) -> None:
    """Print *result* on stdout as wide as the terminal, or as it needs where there is none."""
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else 160,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(result)
    for line in lines_after:
        console.print(Text(line))
