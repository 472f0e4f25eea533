"""Search for the starts of words at memory speed; expressions are only tried there."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import WORD_LETTERS, class_map, places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PREFIX = 4
_LETTERS = lazy_pattern(rb"[a-z?]+")
_WORDS = class_map(b" ", **WORD_LETTERS)


class Lowered:
    """A text in lower case, one byte for each character, and the beginnings of its words."""

    __slots__ = ("data", "prefixes")

    def __init__(self, text: str) -> None:
        self.data = text.encode("ascii", "replace").lower()
        """The text, with `?` for non-ASCII characters."""
        self.prefixes = {word[:_PREFIX] for word in set(self.data.translate(_WORDS).split())}
        """The first four letters of each word: most stems match none, and need no search."""

    def places(self, stems: tuple[bytes, ...]) -> Iterable[int]:
        """Return the positions of *stems*, each the beginning of a word, in the text."""
        if self.prefixes.isdisjoint(_beginnings(stems)):
            return ()
        return self._places(stems)

    def _places(self, stems: tuple[bytes, ...]) -> Iterator[int]:
        data = self.data
        for stem in stems:
            if _beginning(stem) not in self.prefixes:
                continue
            yield from places(data, stem)


@lru_cache(maxsize=256)
def _beginnings(stems: tuple[bytes, ...]) -> frozenset[bytes]:
    return frozenset(map(_beginning, stems))


@lru_cache(maxsize=1024)
def _beginning(stem: bytes) -> bytes:
    found = _LETTERS.search(stem)
    return found.group()[:_PREFIX] if found else b""
