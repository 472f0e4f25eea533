"""The README agrees with the commands and settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click

from otel_distro.cli import COMMANDS, main
from otel_distro.settings import load
from otel_pricing import CostStatus

README = Path(__file__).resolve().parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def test_every_command_is_listed() -> None:
    """And every listed one exists."""
    listed = set(re.findall(r"^\| `otel-distro ([\w-]+)", README.read_text(), re.MULTILINE))

    assert listed == set(COMMANDS)


def test_members_of_groups_are_listed() -> None:
    """Each by name, in the line of its group."""
    for name, members in re.findall(
        r"^\| `otel-distro (ledger|privacy|reports)` \| (.*) \|$", README.read_text(), re.MULTILINE
    ):
        group = main.get_command(click.Context(main), name)
        assert isinstance(group, click.Group)
        listed = re.findall(r"`([\w-]+)`", members)
        assert sorted(listed) == group.list_commands(click.Context(group))


def test_every_cost_status_is_explained() -> None:
    """In the table of statuses."""
    listed = re.findall(r"^\| `(\w+)` \|", README.read_text(), re.MULTILINE)

    assert set(listed) == {status.value for status in CostStatus}


def test_there_are_exactly_two_commands_from_a_clone() -> None:
    """The demo, and the tests; each creates an environment and installs this folder."""
    (commands,) = [b for b in blocks("sh") if "venv" in b]
    lines = commands.splitlines()

    assert len(lines) == 2
    assert all(line.startswith("python3 -m venv .venv && .venv/bin/pip install") for line in lines)
    assert lines[0].endswith("&& .venv/bin/otel-distro demo")
    assert lines[1].endswith("&& .venv/bin/python -m pytest -n 2")


def test_the_toml_example_can_be_used() -> None:
    """Without a single problem."""
    (example,) = blocks("toml")

    assert load({"HOME": "/home/ada"}, tomllib.loads(example)).problems == ()
