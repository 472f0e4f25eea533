"""The words around a candidate, which decide about ambiguous numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import DIGITS, WORD_LETTERS, class_map

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_BEFORE = 56
_AFTER = 16

# The word list writes `t?l?phone` and so needs no second, slower search.
_WORD_MAP = class_map(b" ", digits="0" + DIGITS, **WORD_LETTERS)
_NUMBERED = lazy_pattern(rb"([a-z?]{3,})0{1,2}")


def _words_of(lower: bytes) -> list[bytes]:
    """Return the words of *lower*; `phone2` is one, the letters in `e8e01cc4e` are none."""
    return words_in(lower.translate(_WORD_MAP))


@lru_cache(maxsize=1024)
def words_in(written: bytes) -> list[bytes]:
    """Return the words of a text in which every digit is a `0`; not to be changed.

    So written, the same words come before a number in every line of a log.
    """
    found = written.split()
    if b"0" not in written:
        return found
    words = []
    for word in found:
        if b"0" not in word:
            words.append(word)
        elif numbered := _NUMBERED.fullmatch(word):
            words.append(numbered[1])
    return words


class Context:
    """Text before and after one candidate; computed on first use."""

    __slots__ = ("_end", "_scan", "_start", "_words", "span")

    def __init__(self, scan: Scan, start: int, end: int) -> None:
        self._scan = scan
        self._start = start
        self._end = end
        self.span = (start, end)
        self._words: list[bytes] | None = None

    @property
    def words(self) -> list[bytes]:
        """The lower-case words of the 56 characters before, in order."""
        if self._words is None:
            scan = self._scan
            if scan.last_words[0] != self._start:
                scan.last_words = (self._start, words_in(self.written))
            self._words = scan.last_words[1]
        return self._words

    @property
    def written(self) -> bytes:
        """The 56 characters before in small letters, every digit a `0`."""
        start = self._start
        return self._scan.lower[max(0, start - _BEFORE) : start].translate(_WORD_MAP)

    @property
    def is_ascii(self) -> bool:
        """Whether the whole text is ASCII."""
        return self._scan.text.isascii()

    @property
    def lead(self) -> str:
        """The lower-case text of the 56 characters before."""
        return self._scan.text[max(0, self._start - _BEFORE) : self._start].lower()

    @property
    def words_after(self) -> list[bytes]:
        """The lower-case words of the 16 characters after."""
        return _words_of(self._scan.lower[self._end : self._end + _AFTER])

    @property
    def in_a_row(self) -> bool:
        """Whether other numbers are next to it with only a space between, as in a table."""
        text = self._scan.text
        lead = text[max(0, self._start - 4) : self._start]
        tail = text[self._end : self._end + 4]
        return (lead[-1:].isspace() and lead.rstrip()[-1:].isdigit()) or (
            tail[:1].isspace() and tail.lstrip()[:1].isdigit()
        )

    @property
    def in_a_name(self) -> bool:
        """Whether it is joined to words by dashes and dots, as in a host name."""
        text = self._scan.text
        lead = text[max(0, self._start - 2) : self._start]
        tail = text[self._end : self._end + 2]
        return (lead[-1:] == "-" and lead[:1].isalpha()) or (
            tail[:1] in {"-", "."} and tail[1:].isalpha()
        )

    def quoted_since(self, word: bytes) -> bool:
        """Return whether a quotation mark is between the last *word* and the number."""
        lead = self._scan.lower[max(0, self._start - _BEFORE) : self._start]
        return b'"' in lead[lead.rfind(word) :]

    @property
    def character_before(self) -> str:
        """The last non-space character before it."""
        return self._scan.text[max(0, self._start - 2) : self._start].rstrip()[-1:]

    @property
    def character_after(self) -> str:
        """The next character."""
        return self._scan.text[self._end : self._end + 1]

    @property
    def next_is_digit(self) -> bool:
        """Whether a digit follows the next character."""
        return self._scan.text[self._end + 1 : self._end + 2].isdigit()


def vocabulary(words: str) -> frozenset[bytes]:
    """Return the set of *words*, written as `Context.words` reports them."""
    return frozenset(word.encode("ascii", "replace") for word in words.lower().split())
