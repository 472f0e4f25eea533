"""Plain form of a text: offsets in the original, and the parts to search."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from otel_redaction.patterns.cues import find_cues

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT = 4096
"""Texts up to this length are searched as a whole."""
_REACH = 320
"""Characters to search on both sides of a rewritten one.

No detector searches further for a label. Longer values have no space (a token: then the whole text
is searched), or begin with a marker or a row of names (see `_begins_more`).
"""
_MOST_SHARE = 0.6
_LONGEST_CELL = 32
_TO_SPACE = 512


class Plain(NamedTuple):
    """A text in plain form, and the original offset of each character."""

    text: str
    changed: list[tuple[int, int]]
    """Rewritten spans of the original, in order."""
    plain_starts: list[int]
    """Start of each kept or rewritten piece in `text`."""
    starts: list[int]
    """Start of each piece in the original."""
    ends: list[int]
    """End of each piece in the original."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the original offsets of `text[start:end]`."""
        return self._at(start)[0], self._at(end - 1)[1]

    def stretches(self) -> Iterator[tuple[int, str]]:
        """Yield offset and text of each part to search.

        Text far from rewritten characters is the same in the original, and searched there.
        """
        found = self._around_changes() if len(self.text) > _SHORT else None
        if found is None or any(map(self._begins_more, found)):
            yield 0, self.text
            return
        for start, end in found:
            yield start, self.text[start:end]

    def _begins_more(self, part: tuple[int, int]) -> bool:
        """Return whether *part* may begin a longer match: a key block, a table."""
        text = self.text[slice(*part)]
        if "BEGIN" in text or "insert" in text.lower():
            return True
        return any(map(_is_header, text.splitlines()))

    def _around_changes(self) -> list[tuple[int, int]] | None:
        """Return the parts around rewritten characters; None if they are most of the text."""
        found: list[tuple[int, int]] = []
        total = 0
        for first, last in self.changed:
            reached = found[-1][1] if found else -1
            until = self._place(last) + _REACH
            if until <= reached:
                continue
            start = _after_space(self.text, max(0, self._place(first) - _REACH))
            end = _before_space(self.text, min(len(self.text), until))
            if start < 0 or end < 0:
                return None
            total += end - max(start, reached)
            if start <= reached:
                start, _ = found.pop()
            found.append((start, end))
            if total > _MOST_SHARE * len(self.text):
                return None
        return found

    def _place(self, original: int) -> int:
        """Return the position in `text` of the character at *original*, or of the next one."""
        piece = max(0, bisect_right(self.starts, original) - 1)
        return min(self.plain_starts[piece] + original - self.starts[piece], len(self.text))

    def _at(self, position: int) -> tuple[int, int]:
        piece = bisect_right(self.plain_starts, position) - 1
        start, end = self.starts[piece], self.ends[piece]
        offset = position - self.plain_starts[piece]
        following = piece + 1 < len(self.plain_starts)
        length = (self.plain_starts[piece + 1] if following else len(self.text)) - (
            self.plain_starts[piece]
        )
        if length == end - start:
            return start + offset, start + offset + 1
        return start, end


def edited(text: str, edits: list[tuple[int, int, str]], changed: list[tuple[int, int]]) -> Plain:
    """Return *text* with *edits* applied: start, end and replacement of each, in order."""
    parts: list[str] = []
    result = Plain("", changed, [], [], [])
    position = length = 0

    def keep(start: int, end: int, written: str) -> None:
        nonlocal length
        if written:
            parts.append(written)
            result.plain_starts.append(length)
            result.starts.append(start)
            result.ends.append(end)
            length += len(written)

    for start, end, written in edits:
        if start < position:
            continue
        keep(position, start, text[position:start])
        keep(start, end, written)
        position = end
    keep(position, len(text), text[position:])
    return result._replace(text="".join(parts))


def _is_header(line: str) -> bool:
    """Return whether *line* may name the columns of a table, one of them secret."""
    for sign in ",;\t|":
        cells = line.split(sign) if sign in line else []
        if cells and max(map(len, cells)) <= _LONGEST_CELL:
            return "name" in find_cues(line.lower().encode("ascii", "replace"))
    return False


def _after_space(text: str, start: int) -> int:
    """Return the start of the word around *start*; -1 if it is far away."""
    first = max(0, start - _TO_SPACE)
    place = max(text.rfind(" ", first, start), text.rfind("\n", first, start))
    return place + 1 if place >= 0 else (0 if first == 0 else -1)


def _before_space(text: str, end: int) -> int:
    """Return the end of the word around *end*; -1 if it is far away."""
    last = min(len(text), end + _TO_SPACE)
    places = [place for sign in " \n" if (place := text.find(sign, end, last)) >= 0]
    return min(places) if places else (len(text) if last == len(text) else -1)
