"""Words of search queries, and the matching of records."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from otel_trace_store.schema import TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST_WORDS: Final = 12
_MOST_DIGITS: Final = 6
_PARTS: Final = re.compile(r'"([^"]*)"|(\S+)')


def parts_of(query: str) -> list[str]:
    """Return the parts of *query* in lower case: words, and "phrases in quotes"."""
    tokens = [quoted or word for quoted, word in _PARTS.findall(query[:500])]
    return [part.lower() for part in tokens if part][:_MOST_WORDS]


def tokens_of(parts: Sequence[str]) -> list[list[str]]:
    """Return the words of each of *parts* as the index spells them, in order.

    SQLite splits and folds them, because a separate rule for other scripts might differ.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE words USING fts5 (text, {TOKENIZER})")
        connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (words, instance)")
        connection.executemany(
            "INSERT INTO words (rowid, text) VALUES (?, ?)",
            [(number, part.replace("\x00", " ")) for number, part in enumerate(parts, 1)],
        )
        tokens: list[list[str]] = [[] for _ in parts]
        for number, term in connection.execute("SELECT doc, term FROM terms ORDER BY doc, offset"):
            tokens[number - 1].append(term)
    return tokens


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
    """Return the text of an attribute's *value* that can be looked up by words.

    Nothing if it may be a boolean or a number, most of which are not in the index: those of at most
    six digits are.
    """
    value = value.strip().lower()
    if not value or value in {"true", "false"}:
        return []
    if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        return [value]
    try:
        float(value)
    except ValueError:
        return [value]
    return []


def words_text(texts: Iterable[str]) -> str:
    """Return the indexed text of a record."""
    return "\n".join(texts).replace("\x00", " ")  # SQLite's tokenizer stops at a NUL


def is_in_bytes(part: str) -> bool:
    """Return whether a record with *part* contains its bytes: ASCII, and no number or boolean.

    Numbers are not stored as digits, and only ASCII has the same length in both cases.
    """
    if not part.isascii() or part in {"true", "false", "none"} or part[0] in "-+.":
        return False
    return any(char.isalpha() for char in part) and not part[0].isdigit()
