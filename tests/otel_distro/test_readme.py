"""The README says what is true: its tables are made from the code, its snippets run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from otel_distro.cli import COMMANDS
from otel_distro.settings import load
from tools.settings_table import with_table

README = Path(__file__).resolve().parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_settings_table_is_up_to_date() -> None:
    """`python -m tools.settings_table README.md` makes it."""
    text = README.read_text()

    assert with_table(text) == text


def test_every_command_is_listed() -> None:
    """And none that does not exist."""
    listed = set(re.findall(r"^\| `otel-distro ([\w-]+)", README.read_text(), re.MULTILINE))

    assert listed == set(COMMANDS)


def test_the_toml_example_can_be_used() -> None:
    """Without a single problem."""
    (example,) = blocks("toml")

    assert load({"HOME": "/home/ada"}, tomllib.loads(example)).problems == ()
