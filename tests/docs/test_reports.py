"""The page of public reports names tests that exist."""

from __future__ import annotations

import ast
import re

from support.documents import PROJECT

PAGE = (PROJECT / "docs" / "reports.md").read_text(encoding="utf-8")


def test_every_row_names_tests_that_exist() -> None:
    """Files, and functions in them."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "shown by" not in line]
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)

    assert all("`tests/" in row for row in rows)
    for path, function in named:
        source = (PROJECT / path).read_text(encoding="utf-8")
        assert not function or function in _functions(source), (path, function)


def _functions(source: str) -> set[str]:
    return {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
