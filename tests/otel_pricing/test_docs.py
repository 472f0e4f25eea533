"""Examples of the documentation give the shown results."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from otel_pricing import CostStatus, price_table
from otel_pricing.prices.price_file import KEYS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "pricing.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the first code block in *language*."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def test_the_example_prints_what_its_comment_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Copied into a file, it runs."""
    code = block("python")
    documented = re.search(r"# (priced .*)", code)
    assert documented

    exec(compile(code, "pricing.md", "exec"), {})

    assert capsys.readouterr().out.strip() == documented[1]


def test_the_example_of_a_price_file_is_one() -> None:
    """It shows or names every key of the format."""
    code = block("toml")

    table = price_table(tomllib.loads(code, parse_float=Decimal))

    assert len(table.overrides) == 3
    assert all(re.search(rf"\b{key}\b", code) for key in KEYS)


@pytest.mark.parametrize("status", CostStatus)
def test_every_status_is_explained(status: CostStatus) -> None:
    """Every status is in the table."""
    assert f"| `{status}` |" in PAGE
