"""Names of persons in lower case: after a title, after words that introduce them, in chats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import Match
from otel_redaction.people.name_form import is_inside
from otel_redaction.people.vocabulary import NOT_NAMES, folded, words_too

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_redaction.people.vocabulary import Beside
    from otel_redaction.people.word_starts import Lowered

_LOWER_NAME = lazy_pattern(
    r"(?<![\w@/.\\-])([^\W\d_]{3,20}) ((?:[^\W\d_]\.? )?(?:(?:van|von|de|del|della|der|den|la|da) ){0,2})([^\W\d_]{3,20})(?![\w@/\\-])"
)
_LOWER_ITEM = lazy_pattern(r"(?:, |: | and )([^\W\d_]{4,20})(?=, | and |[.!?]|\Z)")
_LOWER_CUE = lazy_pattern(
    r"(?:my name is|my name's|i am called|call me|m'appelle|me llamo|ich hei\u00dfe|mein name ist)[ ]"
    r"([^\W\d_]{2,20}(?: [^\W\d_]\.?(?= ))?(?: [^\W\d_]{2,20})?)",
    re.IGNORECASE,
)
_LOWER_TITLE = lazy_pattern(
    r"(?:mr|mrs|ms|dr|prof)\.? ([^\W\d_]{3,20}(?: (?:[^\W\d_]\. )?[^\W\d_]{3,20})?)",
    re.IGNORECASE,
)
_TITLE_STEMS = (b"mr", b"ms", b"dr", b"prof")
_NAME_STEMS = (
    *(b"my name", b"i am called", b"call me", b"m'appelle", b"me llamo", b"ich hei", b"mein name"),
)


def find_in_lower_case(
    text: str, lower: Lowered, given: frozenset[str], beside: Beside
) -> Iterator[Match]:
    """Yield lower-case names: *given* names, and family names *beside* them."""
    for place in lower.places(_TITLE_STEMS):
        title = None if is_inside(text, place) else _LOWER_TITLE.match(text, place)
        if title is None:
            continue
        first, _, rest = title[1].partition(" ")
        if folded(first) in given or folded(first) in beside:
            both = rest and (folded(rest) in beside or folded(rest) in given)
            end = title.end(1) if both else title.start(1) + len(first)
            yield Match(title.start(1), end, "person")
    if text.islower():
        yield from _in_text_without_capitals(text, given, beside)
    for place in lower.places(_NAME_STEMS):
        cue = _LOWER_CUE.match(text, place)
        if cue is None:
            continue
        words_of_name = cue[1].split()
        if folded(words_of_name[0]) in given or folded(words_of_name[-1]) in beside:
            if folded(words_of_name[0]) not in NOT_NAMES:
                yield Match(*cue.span(1), "person")


def _in_text_without_capitals(text: str, given: frozenset[str], family: Beside) -> Iterator[Match]:
    """Yield pairs of a given and a family name in a text without capitals."""
    position = 0
    while (found := _LOWER_NAME.search(text, position)) is not None:
        first, last = folded(found[1]), folded(found[3])
        position = found.start(3)
        if first in given and last in family and words_too().isdisjoint((first, last)):
            yield Match(*found.span(), "person")
            position = found.end()
    for item in _LOWER_ITEM.finditer(text):
        name = folded(item[1])
        if name in given and name not in words_too():
            yield Match(*item.span(1), "person")
