"""Examples on the pages work: programs run, commands exist, settings are accepted."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from otel_cost_ledger import SqliteCostExporter
from otel_distro.cli import COMMANDS, main
from otel_distro.settings import load
from otel_distro.settings.variables import VARIABLES
from support.documents import PAGES, Block, blocks, name_of
from support.process import clean_environment, instrumented

if TYPE_CHECKING:
    from pathlib import Path

_WITH_PROGRAMS = [page for page in PAGES if blocks("python", page)]
_REDIRECTED = re.compile(r" +[#|<>]")
_COMMAND = re.compile(r"^(?:\w+=\S+ )*otel-distro (.*)$")


def is_settings(block: Block) -> bool:
    """Return whether a TOML block is a settings file; price files have a separate test."""
    return {"price", "alias"}.isdisjoint(tomllib.loads(block.text))


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("page", _WITH_PROGRAMS, ids=name_of)
def test_the_programs_of_a_page_run(page: Path, tmp_path: Path) -> None:
    """As one session under the agent, with the settings that the page shows."""
    SqliteCostExporter(tmp_path / "ledger.db").shutdown()
    program = "\n".join(block.text for block in blocks("python", page))
    settings = tmp_path / "settings.toml"
    settings.write_text("\n".join(b.text for b in blocks("toml", page) if is_settings(b)))
    environ = clean_environment(
        tmp_path,
        OTEL_DISTRO_CONFIG=str(settings),
        **dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"), "none"),
        OTEL_LOGS_EXPORTER="none",
    )

    done = instrumented(program, environ, cwd=tmp_path)

    assert done.returncode == 0, done.stderr


def command_lines() -> list[tuple[Block, str]]:
    """Return the commands of ours that shell blocks show."""
    return [
        (block, found[1])
        for language in ("sh", "")
        for block in blocks(language)
        for line in block.text.splitlines()
        if (found := _COMMAND.match(_REDIRECTED.split(line, maxsplit=1)[0].strip()))
    ]


@pytest.mark.parametrize(
    ("block", "line"), command_lines(), ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_shown_command_is_understood(
    block: Block, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every option and argument that the page gives it."""
    monkeypatch.chdir(tmp_path)
    line = line.replace("~/", f"{tmp_path}/")
    for file in re.findall(r"\S+\.(?:toml|csv|jsonl|key)\b", line):
        (tmp_path / file).touch()
    understand(shlex.split(line))


def understand(arguments: list[str]) -> None:
    """Raise a usage error unless our command line takes *arguments*."""
    command: click.Command = main
    while isinstance(command, click.Group):
        context = command.make_context(command.name, list(arguments))
        # Older versions of click keep the subcommand's name apart from its arguments.
        kept = context._protected_args
        rest = context.args if context.args[: len(kept)] == kept else [*kept, *context.args]
        if not rest:
            return  # a group that runs without a subcommand
        _, found, arguments = command.resolve_command(context, rest)
        assert found is not None
        command = found
    command.make_context(command.name, list(arguments))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_in_a_page_exist(page: Path) -> None:
    """Every variable and every command in it."""
    text = page.read_text(encoding="utf-8")

    variables = set(re.findall(r"\bOTEL_DISTRO_[A-Z_]*[A-Z]\b", text))
    commands = set(re.findall(r"`otel-distro ([a-z][\w-]*)", text))

    assert variables <= {variable.name for variable in VARIABLES}
    assert commands <= set(COMMANDS)


@pytest.mark.parametrize("block", [b for b in blocks("toml") if is_settings(b)], ids=str)
def test_a_shown_settings_file_can_be_used(block: Block) -> None:
    """Without a single problem."""
    assert load({"HOME": "/home/ada"}, tomllib.loads(block.text)).problems == ()


@pytest.mark.parametrize("block", [*blocks("yaml"), *blocks("json")], ids=str)
def test_a_shown_document_is_well_formed(block: Block) -> None:
    """A reader may copy a part of it; it has to parse."""
    if block.language == "json":
        json.loads(block.text)
    else:
        assert list(yaml.safe_load_all(block.text))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """To an existing file."""
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []
