"""Hides setting values that may contain a secret in messages.

Some variables contain secrets; any other may contain one by mistake, most often the value of an
adjacent variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Final

NOT_SHOWN: Final = "(not shown)"

_WORD: Final = re.compile(r"[^\s/,;=:'\"()\[\]{}]+")
_PARTS: Final = re.compile(r"[\s/,;=:@]+")
_LONG, _VERY_LONG, _SHORTEST = 16, 40, 4
_NAMES: Final = re.compile(r"OTEL_[A-Z0-9_]+\Z|[A-Z_]+\Z")


def shown(value: object, *, secret: bool) -> str:
    """Return *value* for printing; hidden if it is *secret* or looks like a secret."""
    if secret or any(_may_be_secret(text) for text in _texts(value)):
        return NOT_SHOWN
    return repr(value)


def without_value(message: str, value: object, *, secret: bool) -> str:
    """Return *message* without parts of *value* that may not be printed."""
    for text in _texts(value):
        for part in sorted({text, *_PARTS.split(text)}, key=len, reverse=True):
            if len(part) >= _SHORTEST and (secret or _may_be_secret(part)):
                message = message.replace(repr(part), NOT_SHOWN).replace(part, NOT_SHOWN)
    return without_secrets(message)


def without_secrets(message: str) -> str:
    """Return *message* without the words in it that look like keys or tokens."""
    return _WORD.sub(lambda found: NOT_SHOWN if _is_key(found[0]) else found[0], message)


def _may_be_secret(text: str) -> bool:
    return any(_is_key(word) for word in _WORD.findall(text)) or _redacted(text) != text


def _is_key(word: str) -> bool:
    if _NAMES.match(word):
        return False
    has_digit = any(character.isdigit() for character in word)
    has_letter = any(character.isalpha() for character in word)
    return len(word) >= _VERY_LONG or (len(word) >= _LONG and has_digit and has_letter)


def _redacted(text: str) -> str:
    return _redactor()(text)


@cache
def _redactor() -> Callable[[str], str]:
    from otel_redaction import DEFAULT_POLICY, Redactor

    return Redactor(DEFAULT_POLICY).text


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(key)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    else:
        yield str(value)
