"""The words around a candidate, which decide about numbers that look like many things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.scan import LETTERS, class_map

if TYPE_CHECKING:
    from otel_redaction.scan import Scan

_BEFORE = 56
_AFTER = 16

# Keeps lower-case letters and "?", which stands for any letter outside ASCII:
# the word list writes `t?l?phone` and so needs no second, slower look at the text.
_WORDS = bytearray(class_map(b" ", unknown="??"))
for _letter in LETTERS.lower().encode():
    _WORDS[_letter] = _letter
_WORD_MAP = bytes(_WORDS)


class Context:
    """What stands before and after one candidate; worked out only when asked for."""

    __slots__ = ("_end", "_scan", "_start", "_words")

    def __init__(self, scan: Scan, start: int, end: int) -> None:
        self._scan = scan
        self._start = start
        self._end = end
        self._words: list[bytes] | None = None

    @property
    def words(self) -> list[bytes]:
        """The lower-case words of the 56 characters before, in order."""
        if self._words is None:
            if not self._start:
                return []
            lead = self._scan.lower[max(0, self._start - _BEFORE) : self._start]
            self._words = lead.translate(_WORD_MAP).split()
        return self._words

    @property
    def lead(self) -> str:
        """The lower-case text of the 56 characters before."""
        return self._scan.text[max(0, self._start - _BEFORE) : self._start].lower()

    @property
    def words_after(self) -> list[bytes]:
        """The lower-case words of the 16 characters after."""
        return self._scan.lower[self._end : self._end + _AFTER].translate(_WORD_MAP).split()

    @property
    def character_before(self) -> str:
        """The last character before that is not a space."""
        return self._scan.text[max(0, self._start - 2) : self._start].rstrip()[-1:]

    @property
    def character_after(self) -> str:
        """The character that follows."""
        return self._scan.text[self._end : self._end + 1]

    @property
    def next_is_digit(self) -> bool:
        """Whether a digit stands after the character that follows."""
        return self._scan.text[self._end + 1 : self._end + 2].isdigit()


def vocabulary(words: str) -> frozenset[bytes]:
    """Return the set of *words*, written as `Context.words` reports them."""
    return frozenset(word.encode("ascii", "replace") for word in words.lower().split())
