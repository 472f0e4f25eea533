"""Prose uses the words of the field: private phrases stay under a limit per 1,000 words."""

from __future__ import annotations

from functools import cache

import pytest

from tools.docstrings import functions_in, shipped_files, suppressions
from tools.words import PHRASES, Prose, places_in, rates, tracked_files

GROUPS = ("packages", "tests", "docs")
MOST_PER_1000_WORDS: dict[str, float] = {
    "what is": 0.4,
    "nobody": 0.12,
    "anew": 0.02,
    "books": 0.05,
    "told": 0.02,
    "mend": 0.02,
    "hand on": 0.02,
    "question": 0.02,
}
"""Twice what well-written projects of the field have; never raise them."""
LEAST_STATED_PERCENT = 90
"""Public functions with units, None or errors whose docstring states them."""
MOST_SUPPRESSIONS = {"noqa": 80, "type: ignore": 8}


@cache
def found() -> dict[str, dict[str, float]]:
    return rates(tracked_files())


@pytest.mark.parametrize("phrase", PHRASES)
@pytest.mark.parametrize("group", GROUPS)
def test_a_private_phrase_stays_rare(group: str, phrase: str) -> None:
    """`python -m tools.words --list` shows the places."""
    assert found()[group][phrase] <= MOST_PER_1000_WORDS[phrase]


def test_docstrings_state_units_none_and_errors() -> None:
    """`python -m tools.docstrings --list` shows those that do not."""
    functions = [each for path in shipped_files() for each in functions_in(path) if each.needs]
    stated = sum(not each.lacks for each in functions)

    assert 100 * stated / len(functions) >= LEAST_STATED_PERCENT


def test_checks_are_rarely_suppressed() -> None:
    """A new suppression replaces an old one, or a per-file rule states its reason."""
    assert {
        name: count
        for name, count in suppressions(shipped_files()).items()
        if count > MOST_SUPPRESSIONS[name]
    } == {}


@pytest.mark.parametrize(
    ("text", "opens_module", "phrases"),
    [
        ("What is exported.", True, ["what is", "question"]),
        ("What is exported.", False, ["what is"]),
        ("Export of what is queued, told to nobody.", False, ["what is", "nobody", "told"]),
        ("The collector's response.", True, []),
        ("Quoted code, `what is`, does not count.", False, []),
    ],
)
def test_phrases_are_found_in_prose_only(text: str, opens_module: bool, phrases: list[str]) -> None:
    """A question word counts at the start of a module docstring only."""
    prose = Prose("docs/page.md", 1, text, opens_module)

    assert [place.phrase for place in places_in(prose)] == phrases
