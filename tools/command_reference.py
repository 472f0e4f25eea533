"""Generator of the page of commands from the commands themselves.

python -m tools.command_reference docs/commands.md    # writes it in place
"""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING

import click

from otel_distro.cli import main
from tools.target import target

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """# Commands

Results go to stdout, everything else to stderr.
Exit codes: 0 fine, 1 a problem was found, 2 wrong usage. Every command has `--help`.

This page is made by `python -m tools.command_reference docs/commands.md`.
"""


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join([_HEAD, *_sections(main, "otel-distro")])


def _sections(group: click.Group, path: str) -> Iterator[str]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        full = f"{path} {name}"
        yield from _section(command, full)
        if isinstance(command, click.Group):
            yield from _sections(command, full)


def _section(command: click.Command, full: str) -> Iterator[str]:
    context = click.Context(command, info_name=full)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## {full}\n"
    yield f"`{full} {usage}`".replace(" `", "`") + "\n"
    yield cleandoc(command.help or "").replace("\b\n", "") + "\n"
    rows = [
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) and not record[0].endswith("--help")
    ]
    if rows:
        yield "| option | meaning |\n|---|---|"
        yield "\n".join(f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in rows)
        yield ""
    if command.epilog:
        yield f"{command.epilog}\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    target(__doc__).write_text(page(), encoding="utf-8")
