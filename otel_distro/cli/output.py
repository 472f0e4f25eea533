"""Output of commands: results on stdout, messages on stderr, tables that fit."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from otel_distro.base.formatting import UNKNOWN, count, printable, printable_json, usd
from otel_distro.base.formatting import duration as milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
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

_PIPED_WIDTH = 160
_NEVER_BROKEN = frozenset({"trace", "span", "start (UTC)", "day"})
"""Headings of columns that never wrap, so that ids can be copied."""


def fail(message: str, *, code: int = 1) -> click.exceptions.Exit:
    """Print *message* to stderr and return the exception that ends the command with *code*."""
    click.echo(f"otel-distro: {_lines(message)}", err=True)
    return click.exceptions.Exit(code)


def note(message: str) -> None:
    """Print *message* to stderr."""
    click.echo(_lines(message), err=True)


def print_json(value: Any) -> None:
    """Print *value* as strict JSON to stdout.

    Terminal control characters are escaped as JSON allows.
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
        whole = is_number or heading in _NEVER_BROKEN
        result.add_column(
            heading, justify="right" if is_number else "left", no_wrap=whole, overflow="fold"
        )
    return result


def grouped_table(
    by: Sequence[str],
    numbers: Sequence[str],
    groups: Iterable[tuple[Sequence[str], Sequence[str]]],
    total: Sequence[str],
) -> Table:
    """Return a table with a line for each of *groups*, its key and its cells, and a total.

    *by* heads the key columns, *numbers* the cells.
    """
    result = table([*((name, False) for name in by), *((name, True) for name in numbers)])
    for key, cells in groups:
        result.add_row(*(printable(name) or "-" for name in key), *cells)
    result.add_row("total", *[""] * (len(by) - 1), *total, style="bold")
    return result


def print_table(
    result: Table,
    *,
    lines_after: Iterable[str] = (),
    optional: Sequence[str] = (),
    complete_with: str = "--json",
) -> None:
    """Print *result* to stdout, as wide as the terminal; full width if there is none.

    Columns in *optional* are omitted in order until the rest fits. A line on stderr names them and
    *complete_with*, the options that print everything.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else _PIPED_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
    result, left_out = _fitting(result, console, optional)
    console.print(result)
    if left_out:
        note(f"left out at {console.width} columns: {', '.join(left_out)}; see {complete_with}")
    for line in lines_after:
        console.print(Text(line))


def _fitting(result: Table, console: Console, optional: Sequence[str]) -> tuple[Table, list[str]]:
    """Return *result* without the columns that do not fit *console*, and their headings."""
    from rich.measure import Measurement

    unbounded = console.options.update(max_width=10_000)
    left_out: list[str] = []
    for heading in optional:
        if Measurement.get(console, unbounded, result).maximum <= console.width:
            break
        result = _without(result, heading)
        left_out.append(heading)
    return result, left_out


def _without(result: Table, heading: str) -> Table:
    columns = [column for column in result.columns if column.header != heading]
    rest = table([(str(column.header), column.justify == "right") for column in columns])
    rows = zip(*(column.cells for column in columns), strict=True)
    for row, cells in zip(result.rows, rows, strict=True):
        rest.add_row(*cells, style=row.style)
    return rest
