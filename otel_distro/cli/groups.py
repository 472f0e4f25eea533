"""Command groups whose members are imported only when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_pricing import PriceBook


def load_command(name: str) -> click.Command:
    """Return the command in the file named after *name*, `prove-privacy` for example."""
    module = import_module(f"otel_distro.cli.{name.replace('-', '_')}_command")
    command: click.Command = module.command
    return command


def closest(word: str, names: Mapping[str, str], least: float = 0.6) -> str:
    """Return "; did you mean X?" for the name closest to *word*, or an empty string.

    *names* maps each name to the text to suggest for it; *least* is the similarity, 0 to 1, from
    which a name is suggested.
    """
    from difflib import get_close_matches

    near = get_close_matches(word, names, n=1, cutoff=least)
    return f"; did you mean {names[near[0]]}?" if near else ""


def closest_model(model: str, book: PriceBook) -> str:
    """Return "; did you mean X?" for the closest model on the price list, or an empty string."""
    return closest(model, {name: name for name in sorted(book.listed_models())}, 0.8)


class LazyGroup(click.Group):
    """A command group of registered commands and of commands in separate files.

    *files* maps a member's name to its file and its line of help.
    """

    def __init__(
        self, *args: Any, files: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.files = files or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all members, sorted."""
        return sorted({*self.files, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a member, or None; imports its file, if it has one."""
        if cmd_name in self.files:
            return load_command(self.files[cmd_name][0])
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of members without importing any file."""
        lines = {name: text for name, (_, text) in self.files.items()}
        lines |= {name: member.get_short_help_str(60) for name, member in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(lines.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the member that *args* name; an unknown one ends with the closest name."""
        known = {name: name for name in self.list_commands(ctx)}
        if args and args[0] not in known and not args[0].startswith("-"):
            ctx.fail(f"no such command {args[0]!r}{closest(args[0], known)}")
        return super().resolve_command(ctx, args)
