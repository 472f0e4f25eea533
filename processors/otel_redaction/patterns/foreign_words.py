"""Search for words with non-ASCII letters at memory speed; expressions are only tried there.

An expression of many words takes a step for each of them at each character of a text. A search for
the beginning of one word takes as long for the whole text as the expression for some thousand
characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import places, rare_places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_redaction.patterns.scan import Scan

_OTHER_SCRIPTS = lazy_pattern("[\u0370-\u1cff\u3040-\ud7ff]")
_FIRST_OTHER: Final = "\u0370"
"""Start of non-Latin letters; Vietnamese ones from U+1E00 are Latin."""
_PIECE = 32
"""Longer than every word."""
_LATIN_AGAIN: Final = range(0x1E00, 0x1F00)


@dataclass(frozen=True, slots=True)
class ForeignWords:
    """An expression and the lower-case beginnings of all its matches."""

    pattern: re.Pattern[str]
    plain: tuple[bytes, ...]
    """Beginnings in ASCII letters."""
    latin: tuple[tuple[bytes, int], ...]
    """Beginnings in Latin letters, with `?` for others than ASCII; each with its first `?`."""
    anchor: re.Pattern[bytes]
    """A `?` with the letters around it in any of them; found at memory speed."""
    other: tuple[str, ...]
    """Beginnings in other scripts."""

    def matches(self, scan: Scan) -> Iterator[re.Match[str]]:
        """Yield every match in the text of *scan*, not in order; some may overlap."""
        for place in self._places(scan):
            found = self.pattern.match(scan.text, place)
            if found is not None:
                yield found

    def _places(self, scan: Scan) -> Iterator[int]:
        if scan.text.isascii():
            return
        lower_data = scan.lower
        for beginning in self.plain:
            yield from places(lower_data, beginning)
        for sign in self.anchor.finditer(lower_data):
            for beginning, before in self.latin:
                start = sign.start() - before
                if start >= 0 and lower_data.startswith(beginning, start):
                    yield start
        rare = rare_places(scan.text, scan.data)
        if rare is not None:
            found = [place for place in rare if _OTHER_SCRIPTS.match(scan.text, place)]
            starts = [(scan.text[place : place + _PIECE].lower(), place) for place in found]
            for word in self.other:
                yield from (place for start, place in starts if start.startswith(word))
        elif _OTHER_SCRIPTS.search(scan.text) is not None:
            # The only letter that becomes two in lower case.
            lower = scan.text.replace("\u0130", "i").lower()
            for word in self.other:
                yield from places(lower, word)


def foreign_words(pattern: re.Pattern[str], *beginnings: str) -> ForeignWords:
    """Return the words that match *pattern*; each begins with one of *beginnings*."""
    latin = [word for word in beginnings if all(map(_is_latin, word))]
    written = [word.encode("ascii", "replace") for word in latin]
    marked = tuple((word, word.index(b"?")) for word in written if b"?" in word)
    around = b"|".join(
        rb"(?<=%b)(?=%b)" % (re.escape(word[: first + 1]), re.escape(word[first + 1 :]))
        for word, first in marked
    )
    return ForeignWords(
        pattern,
        plain=tuple(word for word in written if b"?" not in word),
        latin=marked,
        anchor=lazy_pattern(rb"\?(?:%b)" % around),
        other=tuple(word for word in beginnings if word not in latin),
    )


def _is_latin(character: str) -> bool:
    return character < _FIRST_OTHER or ord(character) in _LATIN_AGAIN
