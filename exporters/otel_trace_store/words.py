"""What is searched for: words that a block must have, and the text that a record must have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORD: Final = re.compile(r"[^\W_]+")
_MOST_WORDS: Final = 12
_PARTS: Final = re.compile(r'"([^"]*)"|(\S+)')


def parts_of(query: str) -> list[str]:
    """Return what *query* asks for, in lower case: words, and "phrases in quotes"."""
    found = [quoted or word for quoted, word in _PARTS.findall(query[:500])]
    return [part.lower() for part in found if part][:_MOST_WORDS]


def match_expression(parts: Iterable[str]) -> str | None:
    """Return the FTS5 expression for blocks that may have all of *parts*; None for all blocks.

    The last word of a part may go on, so that `check` finds `checkout`.
    """
    terms: list[str] = []
    for part in parts:
        words = _WORD.findall(part)
        terms += [f'"{word}"' for word in words[:-1]]
        terms += [f'"{word}"*' for word in words[-1:]]
    return " AND ".join(terms) if terms else None


def has_all(parts: Iterable[str], texts: Iterable[str]) -> bool:
    """Return whether each of *parts* is in one of *texts*."""
    lowered = [text.lower() for text in texts]
    return all(any(part in text for text in lowered) for part in parts)


def texts_in(value: Any) -> Iterable[str]:
    """Yield every text in an attribute value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)
    elif value is not None and not isinstance(value, bytes):
        yield str(value).lower() if isinstance(value, bool) else str(value)


def texts_of_attributes(attributes: Mapping[str, Any]) -> Iterable[str]:
    """Yield every text in the values of *attributes*."""
    for value in attributes.values():
        yield from texts_in(value)


def indexed_part(value: str) -> list[str]:
    """Return what of an attribute's *value* can be looked up by words.

    Nothing where it may be a truth value or a number, most of which are not in the index.
    """
    value = value.strip().lower()
    if not value or value in {"true", "false"}:
        return []
    try:
        float(value)
    except ValueError:
        return [value]
    return []


def words_text(texts: set[str]) -> str:
    """Return the text that the index of words has of a block."""
    return "\n".join(texts).replace("\x00", " ")  # SQLite's tokenizer ends at a NUL


def is_in_bytes(part: str) -> bool:
    """Return whether a record that has *part* has its bytes: ASCII, and no number or truth value.

    Numbers are not written as digits there, and only ASCII is the same in both cases.
    """
    if not part.isascii() or part in {"true", "false", "none"} or part[0] in "-+.":
        return False
    return any(char.isalpha() for char in part) and not part[0].isdigit()
