"""The command line: any arguments end with a result or one clear message, never a traceback."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import click
from click.testing import CliRunner
from hypothesis import strategies as st

from fuzz.entry_points.entry_point import EntryPoint, texts
from support.otlp_archive import chat_span, write_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

LEFT_OUT = frozenset(
    {
        *("run", "demo", "serve", "ui", "mcp", "stack", "golden", "top", "health"),  # do not end
        "watch",  # of alerts, too
        *("doctor", "prove"),  # start programs, or inspect the machine
        "drain",  # sends to the network
    }
)
ENDLESS = frozenset({"follow", "watch", "every"})
"""Options with which a command does not end."""
_FILES = ("ledger.db", "archive.jsonl", "junk.bin", "empty", "folder", "missing")


class Line(NamedTuple):
    """Arguments and standard input."""

    arguments: list[str]
    stdin: str


@cache
def _commands() -> tuple[tuple[tuple[str, ...], click.Command], ...]:
    """Return every command that ends, with its names."""
    from otel_distro.cli import main

    found: list[tuple[tuple[str, ...], click.Command]] = []

    def walk(group: click.Group, names: tuple[str, ...]) -> None:
        context = click.Context(group)
        for name in group.list_commands(context):
            member = group.get_command(context, name)
            if name in LEFT_OUT or member is None:
                continue
            if isinstance(member, click.Group):
                walk(member, (*names, name))
            else:
                found.append(((*names, name), member))

    walk(main, ())
    return tuple(found)


# Without slashes: files stay in the folder. No shell passes a NUL, and bytes that are
# not UTF-8 arrive as these surrogates.
_texts = texts.map(lambda text: re.sub(r"[/\\\x00]", "", text))
_texts = _texts.map(lambda text: re.sub(r"[\ud800-\udfff]", "\udc80", text))
_files = st.sampled_from(_FILES)


@st.composite
def lines(draw: Any) -> Line:
    """Return a command with some of its options, with valid and invalid values."""
    names, command = draw(st.sampled_from(_commands()))
    arguments: list[str] = []
    parameters = [each for each in command.params if each.name not in {"help", *ENDLESS}]
    for parameter in draw(st.lists(st.sampled_from(parameters), max_size=4)) if parameters else ():
        value = draw(_value_of(parameter))
        if isinstance(parameter, click.Option):
            name = draw(st.sampled_from([*parameter.opts, *parameter.secondary_opts]))
            arguments += [name] if parameter.is_flag else [name, value]
        else:
            arguments.append(value)
    arguments += draw(st.lists(_texts | _files, max_size=1))
    return Line([*names, *arguments], draw(texts))


def _value_of(parameter: click.Parameter) -> st.SearchStrategy[str]:
    right: st.SearchStrategy[str] = _files | st.sampled_from(["7d", "10", "model", f"{1:032x}"])
    if isinstance(parameter.type, click.Choice):
        right = st.sampled_from([str(choice) for choice in parameter.type.choices])
    return right | _texts


def check(line: Line) -> None:
    """Exit code 0, 1 or 2, and no exception but the end of the program."""
    with _place():
        result = CliRunner().invoke(_main(), line.arguments, input=_typed(line.stdin))
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in {0, 1, 2}, result.output
    assert "Traceback" not in result.output


def _typed(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _main() -> click.Command:
    from otel_distro.cli import main

    return main


@contextmanager
def _place() -> Iterator[None]:
    """Change to a new folder with files of every kind, with an environment that names only it."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="otel-distro-fuzz-cli-") as name:
        folder = Path(name, "work")
        shutil.copytree(_folder(), folder)
        with _inside(folder, before):
            yield


@contextmanager
def _inside(folder: Path, before: Path) -> Iterator[None]:
    named = {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "PATH": os.environ.get("PATH", ""),
        "OTEL_DISTRO_LEDGER": str(folder / "ledger.db"),
    }
    os.chdir(folder)
    try:
        with mock.patch.dict(os.environ, named, clear=True):
            yield
    finally:
        os.chdir(before)


@cache
def _folder() -> Path:
    from otel_distro.server.importing import import_files

    folder = Path(tempfile.mkdtemp(prefix="otel-distro-fuzz-cli-"))
    archive = write_archive(folder / "archive.jsonl", *map(chat_span, range(3)))
    import_files([archive], folder / "ledger.db", report=lambda _line: None)
    (folder / "junk.bin").write_bytes(bytes(range(256)) * 4)
    (folder / "empty").touch()
    (folder / "folder").mkdir()
    return folder


ENTRY_POINT = EntryPoint(lines(), check, few=25)
