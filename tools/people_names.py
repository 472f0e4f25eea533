"""Generator of the table of given and family names for redaction.

    pip install --target /tmp/names Faker names
    PYTHONPATH=/tmp/names python -m tools.people_names processors/otel_redaction/people/names.txt

The names are facts from the person providers of Faker (MIT licence), all locales, and from the
census of the United States of 1990 (public domain) as the package `names` (MIT licence) carries it:
all its given names and the 20,000 most frequent family names. Names that the documentation of
Python and of the installed packages also uses as words, in lower case, are marked. Ours are the
choice and the form: folded to letters without accents, one line for each length and use, names
that begin alike written one after the other without what they share.
"""

# ruff: noqa: E501 - the expressions are tables

# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import unicodedata
from collections import Counter
from importlib import metadata
from importlib.resources import files
from typing import TYPE_CHECKING

from tools.target import target

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = """\
# Given (g) and family (f) names, and family names of the census that only count beside a given
# name (c), and those that are words as well (w), folded to lower case without accents; made by
# tools/people_names.py from the person providers of Faker (https://github.com/joke2k/faker,
# MIT licence, copyright Daniele Faraglia and contributors) and from the 1990 census of the United
# States (public domain) in the package names (MIT licence, copyright Trey Hunner). Each word is written as the number of
# letters that it shares with the one before, and the rest.
"""
_SHORTEST = 3
_LONGEST = 20
_MOST_FAMILIES = 20_000


def main(path: Path) -> None:
    """Write the table to *path*."""
    given, family, census = _names()
    words = _words() & (given | family | census)
    lines = [_HEADER]
    for use, names in (("g", given), ("f", family), ("c", census - family), ("w", words)):
        lines.append(f"{use} {_front_coded(sorted(names))}\n")
    path.write_text("".join(lines), encoding="utf-8")
    sys.stdout.write(f"{len(given):,} given and {len(family):,} family names\n")


def _names() -> tuple[set[str], set[str], set[str]]:
    import faker.providers.person as person  # type: ignore[import-not-found,unused-ignore]

    given: set[str] = set()
    family: set[str] = set()
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"{person.__name__}.{module.name}").Provider
        for attribute in dir(provider):
            names = getattr(provider, attribute)
            if callable(names) or isinstance(names, (property, str)):
                continue
            if attribute.startswith(("first_name", "middle_name", "first_romanized")):
                given.update(_folded(names))
            elif attribute.startswith(("last_name", "last_romanized")):
                family.update(_folded(names))
    table = files("names")
    for file in ("dist.female.first", "dist.male.first"):
        given.update(_folded(_census(table.joinpath(file).read_text())))
    census = _folded(_census(table.joinpath("dist.all.last").read_text())[:_MOST_FAMILIES])
    return given, family, census


_COMMON_NAMES = 150
_FEWEST_USES = 4
_WORD = re.compile(r"(?<![\w@./:=<>\"'`(\[{-])[a-z]{3,20}(?![\w@/:=<>\"'`()\[\]{}-]|\.\w)")


def _words() -> set[str]:
    """Return the words of technical prose, but for the most common given names."""
    from pydoc_data import topics

    counts = Counter(_WORD.findall(" ".join(topics.topics.values())))
    for package in metadata.distributions():
        counts.update(_WORD.findall(str(package.metadata)))
        for path in package.files or ():
            if path.suffix in {".md", ".rst", ".txt"} and "site-packages" not in str(path):
                counts.update(_WORD.findall(_read(path)))
    table = files("names")
    common: set[str] = set()
    for file in ("dist.female.first", "dist.male.first"):
        common.update(_folded(_census(table.joinpath(file).read_text())[:_COMMON_NAMES]))
    return {word for word, count in counts.items() if count >= _FEWEST_USES} - common


def _read(file: metadata.PackagePath) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _census(table: str) -> list[str]:
    return [line.split()[0] for line in table.splitlines() if line.strip()]


def _folded(names: object) -> set[str]:
    """Return *names* folded, without the short, the long and those in scripts without cases."""
    found = set()
    for name in names if hasattr(names, "__iter__") else ():
        written = " ".join(map(str, name)) if isinstance(name, tuple) else str(name)
        for part in written.replace("-", " ").replace("’", "'").split():
            folded = "".join(
                character
                for character in unicodedata.normalize("NFKD", part.lower())
                if not unicodedata.combining(character)
            ).replace("'", "")
            if (
                _SHORTEST <= len(folded) <= _LONGEST
                and folded.isalpha()
                and folded.upper() != folded
            ):
                found.add(folded)
    return found


def _front_coded(names: list[str]) -> str:
    written = []
    before = ""
    for name in names:
        shared = 0
        while shared < min(len(before), len(name), 9) and before[shared] == name[shared]:
            shared += 1
        written.append(f"{shared}{name[shared:]}")
        before = name
    return "".join(written)


if __name__ == "__main__":
    main(target(__doc__))
