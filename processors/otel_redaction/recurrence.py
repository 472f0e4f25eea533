"""Recurrence: a value found once is hidden in every occurrence: `token=X ... retry sent X`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.patterns.match import MASK, PSEUDONYM, Match, merged
from otel_redaction.patterns.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KINDS = words("password secret token api_key us_ssn national_id bank_account phone card")
_SHORTEST = 6
_LONGEST = 512
_SHORTEST_NUMBER = 8
_SHORTEST_WORD = 14
_MOST_VALUES = 32
_MOST_PLACES = 1000


def recurring(text: str, matches: Iterable[Match]) -> dict[str, str]:
    """Return the values of *matches* in *text* to hide in every occurrence."""
    found: dict[str, str] = {}
    for match in matches:
        if match.kind in _KINDS and _SHORTEST <= match.end - match.start <= _LONGEST:
            value = text[match.start : match.end]
            if is_distinctive(value, match.kind):
                found[value] = match.kind
                if len(found) >= _MOST_VALUES:
                    break
    return found


def is_distinctive(value: str, kind: str) -> bool:
    """Return whether *value* has the same meaning in any context: no word, no small number."""
    if kind not in _KINDS or not _SHORTEST <= len(value) <= _LONGEST:
        return False
    if MASK.search(value) or PSEUDONYM.search(value):
        return False
    if value.isdigit():
        return len(value) >= _SHORTEST_NUMBER
    if value.isalpha() and (value.islower() or value.isupper() or value.istitle()):
        return len(value) >= _SHORTEST_WORD
    return len(value) >= _SHORTEST_NUMBER or any(map(str.isdigit, value))


def with_recurrences(text: str, matches: list[Match], known: Mapping[str, str]) -> list[Match]:
    """Return *matches* and each further occurrence in *text* of a *known* value."""
    more: list[Match] = []
    for value, kind in known.items():
        start = text.find(value)
        while start >= 0 and len(more) < _MOST_PLACES:
            end = start + len(value)
            if not _inside_a_word(text, start, end):
                more.append(Match(start, end, kind))
            start = text.find(value, end)
    return merged(matches + more) if more else matches


def _inside_a_word(text: str, start: int, end: int) -> bool:
    return (text[start].isalnum() and text[start - 1 : start].isalnum()) or (
        text[end - 1].isalnum() and text[end : end + 1].isalnum()
    )
