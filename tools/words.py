"""Counts private phrases per 1,000 words of prose, for comparison with the field's language.

Prose is docstrings, comments and messages in Python files, and Markdown outside code blocks.
Quoted code is not prose. `python -m tools.words` prints a table; `--list` prints each place, and
paths restrict both: `python -m tools.words --list otel_distro/export`.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent

PHRASES: Final = {
    "what is": r"\bwhat (?:is|are|was|were|comes?|came|goes|has|had|stands|waits|lies|leaves)\b",
    "nobody": r"\b(?:nobody|whoever|somebody|whichever|whatever)\b",
    "anew": r"\b(?:anew|stands?|stood|standing|go(?:es)? on|went on|going on)\b",
    "books": r"\b(?:books?|booked|booking|bookkeeping)\b",
    "told": r"\b(?:told|tells?|telling|tellers?)\b",
    "mend": r"\b(?:mend|mends|mended|mending)\b",
    "hand on": r"\b(?:hands? on|handed on|handing on|has the last word|it is a no)\b",
    "question": r"^(?:What|How|Which|Who|Whose|Whether|Where|When|Why)\b",
}
"""Name of each phrase and its pattern; `question` applies to the start of module docstrings."""

_FOLDERS: Final = {
    "packages": ("otel_distro/", "processors/", "exporters/"),
    "tests": ("tests/", "benchmarks/", "tools/", "examples/"),
}
_MESSAGE_CALLS: Final = frozenset(
    {"warn", "warn_once", "say", "echo", "secho", "report", "record", "Problem", "Check", "option"}
)
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_CODE: Final = re.compile(r"``?[^`]*``?|\]\([^)]*\)|https?://\S+")
_FENCE: Final = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prose:
    """One docstring, comment, message or Markdown file."""

    path: str
    line: int
    text: str
    opens_module: bool = False
    """Whether this is the docstring of a module."""


@dataclass(frozen=True, slots=True)
class Place:
    """One occurrence of a phrase."""

    phrase: str
    path: str
    line: int
    text: str
    """The line of prose around the occurrence."""


def tracked_files() -> list[str]:
    """Return the Python and Markdown files of the repository, relative to its root."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "*.py", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for path in sorted(listed.stdout.split()) if (ROOT / path).is_file()]


def group_of(path: str) -> str:
    """Return `packages`, `tests` or `docs` for a path relative to the root."""
    if path.endswith(".md"):
        return "docs"
    return next((name for name, starts in _FOLDERS.items() if path.startswith(starts)), "tests")


def prose_in(path: str) -> Iterator[Prose]:
    """Yield the prose of the file at *path*, which is relative to the root."""
    source = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        yield Prose(path, 1, _FENCE.sub(lambda found: "\n" * found[0].count("\n"), source))
        return
    yield from _comments(path, source)
    tree = ast.parse(source)
    opening = tree.body[0] if ast.get_docstring(tree) is not None else None
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                yield Prose(path, node.lineno, node.value.value, node is opening)
        elif isinstance(node, ast.Raise) or (
            isinstance(node, ast.Call) and _name(node.func) in _MESSAGE_CALLS
        ):
            yield from _messages(path, node)


def _comments(path: str, source: str) -> Iterator[Prose]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Prose(path, token.start[0], token.string.lstrip("# "))


def _messages(path: str, node: ast.AST) -> Iterator[Prose]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value:
            yield Prose(path, part.lineno, part.value)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def places_in(prose: Prose) -> Iterator[Place]:
    """Yield each occurrence of a phrase in *prose*."""
    text = _CODE.sub(lambda found: "\n" * found[0].count("\n"), prose.text)
    for phrase, pattern in PHRASES.items():
        if phrase == "question" and not prose.opens_module:
            continue
        for found in re.finditer(pattern, text, re.IGNORECASE if phrase != "question" else 0):
            before = text[: found.start()]
            line = text.splitlines()[before.count("\n")].strip()
            yield Place(phrase, prose.path, prose.line + before.count("\n"), line)


def words_in(prose: Prose) -> int:
    """Return the number of words of *prose* outside quoted code."""
    return len(_WORD.findall(_CODE.sub(" ", prose.text)))


def rates(paths: list[str]) -> dict[str, dict[str, float]]:
    """Return occurrences per 1,000 words, by group of files and phrase."""
    words: Counter[str] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    for path in paths:
        group = group_of(path)
        for prose in prose_in(path):
            words[group] += words_in(prose)
            found.update((group, place.phrase) for place in places_in(prose))
    return {
        group: {phrase: found[group, phrase] * 1000 / total for phrase in PHRASES}
        for group, total in words.items()
        if total
    }


def main() -> None:
    """Print the rates, or the places with `--list`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", help="folders or files; all without any")
    parser.add_argument("--list", action="store_true", help="print each place instead of rates")
    chosen = parser.parse_args()
    paths = [p for p in tracked_files() if not chosen.paths or p.startswith(tuple(chosen.paths))]
    if chosen.list:
        for path in paths:
            for prose in prose_in(path):
                for place in places_in(prose):
                    print(f"{place.path}:{place.line}: {place.phrase}: {place.text}")
        return
    for group, found in rates(paths).items():
        print(group, *(f"{phrase} {rate:.2f}" for phrase, rate in found.items()), sep="  ")


if __name__ == "__main__":
    main()
