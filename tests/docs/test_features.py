"""The page of features names existing files, tests and commands, and every feature once."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import NamedTuple

import click
import pytest

from otel_distro.cli import COMMANDS
from support.documents import PROJECT

PAGE = (PROJECT / "docs" / "features.md").read_text(encoding="utf-8")
SOURCE = PROJECT.parent / "shared" / "FEATURES.md"
"""Where the features were gathered; not part of the project."""

_ID = re.compile(r"\| (S\d-\d\d) \|")
_SPAN = re.compile(r"`([^`]+)`")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)+|[\w-]+\.(?:md|toml|yml)")
_STATE = re.compile(r"done|(?:partly|not): \S.*")
_PER_SOURCE = {"S0": 27, "S1": 35, "S2": 12, "S3": 18, "S4": 26}


class Row(NamedTuple):
    """One row of a table: its cells unchanged."""

    id: str
    cells: tuple[str, ...]


def rows(columns: int) -> list[Row]:
    """Return the rows of the tables with so many columns: five of features, four of mistakes."""
    found = []
    for line in PAGE.splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if _ID.match(line) and len(cells) == columns:
            found.append(Row(cells[0], cells))
    return found


FEATURES = rows(5)
MISTAKES = rows(4)


def named(pattern: re.Pattern[str]) -> set[str]:
    """Return the code spans of the page with this form."""
    return {span for span in _SPAN.findall(PAGE) if pattern.fullmatch(span)}


@cache
def functions(path: str) -> frozenset[str]:
    """Return the names of the functions of a file."""
    tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"))
    defined = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, defined))


def test_every_row_was_understood() -> None:
    """A row with a bar in a cell would belong to neither table and be unchecked."""
    lines = [line for line in PAGE.splitlines() if _ID.match(line)]

    assert len(lines) == len(FEATURES) + len(MISTAKES)


def test_there_are_118_features_in_their_order() -> None:
    """Each once, numbered without a gap."""
    expected = [f"{s}-{n:02}" for s, count in _PER_SOURCE.items() for n in range(1, count + 1)]

    assert len(expected) == 118
    assert [row.id for row in FEATURES] == expected


@pytest.mark.skipif(not SOURCE.exists(), reason="the list of features owed is not beside the tree")
def test_the_features_are_the_required_ones() -> None:
    """And the mistakes to avoid too."""
    owed = SOURCE.read_text(encoding="utf-8")
    mistakes = re.findall(r"S\d-\d\d", owed.rpartition("Defects in the originals")[2])

    assert [row.id for row in FEATURES] == re.findall(r"^\| (S\d-\d\d) \|", owed, re.MULTILINE)
    assert [row.id for row in MISTAKES] == mistakes


@pytest.mark.skipif(not SOURCE.exists(), reason="the list of features owed is not beside the tree")
def test_the_words_are_our_own() -> None:
    """No eight words in a row come from the list; it is not copied here."""
    upstream = set(runs(SOURCE.read_text(encoding="utf-8")))

    assert not [words for words in runs(PAGE) if words in upstream]


def runs(text: str) -> list[str]:
    """Return all runs of eight words."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [" ".join(words[at : at + 8]) for at in range(len(words) - 7)]


def test_a_row_has_feature_place_proof_and_state() -> None:
    """Missing features are marked; present ones have files, and done ones a test."""
    for row in FEATURES:
        _, what, where, shown, state = row.cells
        proofs = _SPAN.findall(shown)

        assert what, row.id
        assert _STATE.fullmatch(state), row.id
        if not state.startswith("not"):
            assert _SPAN.search(where), row.id
            assert proofs, row.id
        if state == "done":
            assert all(proof.startswith("tests/") for proof in proofs), row.id


def test_a_mistake_is_shown_not_to_be_repeated_by_a_test() -> None:
    """By one that exists, or else the next test fails."""
    assert all("`tests/" in row.cells[-1] for row in MISTAKES)


def test_every_file_is_there() -> None:
    """Modules, folders, documents, benchmarks."""
    paths = {span.partition("::")[0] for span in _SPAN.findall(PAGE)}
    paths = {path for path in paths if _PATH.fullmatch(path)}

    assert len(paths) > 100
    assert not sorted(path for path in paths if not (PROJECT / path).exists())


def test_every_test_is_there() -> None:
    """By its name, at the top of its file."""
    tests = named(re.compile(r"tests/[\w/]+\.py::\w+"))

    assert len(tests) > 150
    assert not sorted(
        test for test in tests if test.partition("::")[2] not in functions(test.partition("::")[0])
    )


def test_every_command_is_there() -> None:
    """Down to subcommands."""
    lines = [span.split()[1:] for span in _SPAN.findall(PAGE) if span.startswith("otel-distro ")]

    assert lines
    for name, *rest in lines:
        assert name in COMMANDS
        path = [name]
        for word in rest:
            assert word in subcommands(path), f"{path} {word}"
            path.append(word)


def subcommands(path: list[str]) -> set[str]:
    """Return the subcommands of a command of ours."""
    from otel_distro.cli import main

    command: click.Command | None = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    if not isinstance(command, click.Group):
        return set()
    return set(command.list_commands(click.Context(command)))


def test_every_named_item_is_checked() -> None:
    """In the columns "where" and "shown by" every code span is a file, a test or a command."""
    columns = [cell for row in FEATURES for cell in row.cells[2:4]]
    columns += [row.cells[-1] for row in MISTAKES]
    for cell in columns:
        for span in _SPAN.findall(cell):
            file = span.partition("::")[0]
            assert _PATH.fullmatch(file) or span.startswith("otel-distro "), span


def test_the_groups_follow_each_other() -> None:
    """One heading for each of the five designs, then the mistakes."""
    headings = re.findall(r"^## .*?(?:\((S\d)\))?$", PAGE, re.MULTILINE)

    assert headings == [*_PER_SOURCE, ""]
