"""Places where a word begins, found at memory speed: expressions are only tried there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def lowered(text: str) -> bytes:
    """Return *text* in lower case, one byte for each character; `?` where it is not ASCII."""
    return text.encode("ascii", "replace").lower()


def places(lower: bytes, stems: Iterable[bytes]) -> Iterator[int]:
    """Yield the offset of each of *stems* in *lower*."""
    for stem in stems:
        position = lower.find(stem)
        while position >= 0:
            yield position
            position = lower.find(stem, position + len(stem))
