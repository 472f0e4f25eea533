"""Error categories by status code, then exception class, then message."""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise


class Category(StrEnum):
    """Category of an error, by its remedy."""

    TRANSIENT = "transient"
    """Nothing to fix: a retry helps."""
    CONFIGURATION = "configuration"
    """The operator fixes keys, permissions or names."""
    DATA = "data"
    """The caller fixes an invalid request."""
    RESOURCE = "resource"
    """The owner of the machine or account adds capacity."""
    UNKNOWN = "unknown"


_BY_STATUS = {
    400: Category.DATA,
    401: Category.CONFIGURATION,
    402: Category.RESOURCE,
    403: Category.CONFIGURATION,
    404: Category.CONFIGURATION,
    408: Category.TRANSIENT,
    409: Category.TRANSIENT,
    413: Category.DATA,
    422: Category.DATA,
    425: Category.TRANSIENT,
    429: Category.TRANSIENT,
    507: Category.RESOURCE,
}
_WORDS: tuple[tuple[Category, frozenset[str]], ...] = (
    (Category.RESOURCE, frozenset({"memory", "disk", "cpu", "quota", "space", "budget"})),
    (
        Category.TRANSIENT,
        frozenset(
            {"timeout", "connection", "connect", "rate", "ratelimit", "throttle", "throttling",
             "throttled", "overloaded", "unavailable", "temporarily"}
        ),
    ),
    (
        Category.CONFIGURATION,
        frozenset({"authentication", "unauthorized", "permission", "denied", "forbidden",
                   "config", "configuration", "apikey", "credentials"}),
    ),
    (
        Category.DATA,
        frozenset({"validation", "format", "schema", "parse", "decode", "unprocessable",
                   "badrequest", "value", "type", "key", "index", "lookup", "attribute"}),
    ),
)  # fmt: skip
_MESSAGE_ONLY = frozenset({"value", "type", "key", "index", "lookup", "attribute", "rate"})
# Words of a class name, a dotted path or a sentence; "monkey" does not match "key".
_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PHRASES = (
    (re.compile(r"\bapi[ _-]?key\b", re.IGNORECASE), Category.CONFIGURATION),
    (re.compile(r"\brate[ _-]?limit", re.IGNORECASE), Category.TRANSIENT),
    (re.compile(r"\btimed[ -]out\b", re.IGNORECASE), Category.TRANSIENT),
)


def categorise(
    error_type: str | None, status_code: int | None = None, message: str = ""
) -> Category:
    """Return the category of an error.

    A known status code takes precedence, then the class: a `KeyError` is about data, independent of
    its message. Messages come last, matched by whole words.
    """
    if status_code in _BY_STATUS:
        return _BY_STATUS[status_code]
    if status_code is not None and status_code >= 500:
        return Category.TRANSIENT
    name = (error_type or "").rpartition(".")[2]
    if name.isdigit():
        return categorise(None, int(name), message)
    found = _by_words(_SPLIT.findall(name), frozenset())
    if found is not None:
        return found
    for phrase, category in _PHRASES:
        if phrase.search(message):
            return category
    return _by_words(_SPLIT.findall(message), _MESSAGE_ONLY) or Category.UNKNOWN


def _by_words(words: list[str], too_common: frozenset[str]) -> Category | None:
    lowered = {word.lower() for word in words}
    # Pairs of words too, as in "BadRequestError" and "APIKeyError".
    lowered |= {(a + b).lower() for a, b in pairwise(words)}
    for category, names in _WORDS:
        if lowered & (names - too_common):
            return category
    return None
