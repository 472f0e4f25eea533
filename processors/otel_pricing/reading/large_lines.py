"""Requests of several megabytes on one line, decoded some hundred records at a time.

The Collector's file exporter writes a whole batch, thousands of spans, on one line. Decoded at once
it takes twenty times its size in memory.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGE = 2**18
"""Lines of more bytes are decoded in pieces."""
_PIECE = 256
"""Records decoded together."""
_SPACE = re.compile(r"[ \t\r\n]*")
_BEGINNING = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"resource_?(?:Spans|spans|Logs|logs)"')
_REQUESTS = frozenset({"resourceSpans", "resource_spans", "resourceLogs", "resource_logs"})
_GROUPS = frozenset(
    {"scopeSpans", "scope_spans", "scopeLogs", "scope_logs"}
    | {"instrumentationLibrarySpans", "instrumentation_library_spans"}
)
_RESOURCE = frozenset({"resource"})
_SCOPES = frozenset({"scope", "instrumentationLibrary"})
_RECORDS = frozenset({"spans", "logRecords", "log_records"})
_decode = json.JSONDecoder().raw_decode

Object = dict[str, object]


def is_large_request(line: bytes) -> bool:
    """Return whether *line* is decoded in pieces: it is large and begins like a request."""
    return len(line) > LARGE and _BEGINNING.match(line) is not None


def pieces_of(line: bytes) -> Iterator[Object]:
    """Yield the request in *line* as several with the same resources and scopes, in order.

    Raises ValueError or RecursionError where *line* is not JSON, after the pieces before.
    """
    cursor = _Cursor(line.decode("utf-8", "surrogatepass"))
    for name in cursor.members():
        if name in _REQUESTS and cursor.sign() == "[":
            for _ in cursor.items():
                for piece in _resources(cursor):
                    yield {name: [piece]}
        else:
            yield {name: cursor.value()}
    if cursor.sign():
        raise ValueError("characters after the request")


def _resources(cursor: _Cursor) -> Iterator[Object]:
    """Yield the object of one resource in pieces."""

    def groups() -> Iterator[object]:
        for _ in cursor.items():
            for piece in _scopes(cursor):
                yield [piece]

    return _split(cursor, _GROUPS, _RESOURCE, groups)


def _scopes(cursor: _Cursor) -> Iterator[Object]:
    """Yield the object of one scope in pieces."""
    return _split(cursor, _RECORDS, _SCOPES, lambda: cursor.pieces(_PIECE))


def _split(
    cursor: _Cursor,
    lists: frozenset[str],
    heads: frozenset[str],
    pieces: Callable[[], Iterator[object]],
) -> Iterator[Object]:
    """Yield the object here once for each of the *pieces* of a list in it.

    *lists* are the names of such lists. One that comes before any of *heads*, which says what its
    items belong to, cannot be read alone and stays whole.
    """
    if cursor.sign() != "{":
        if isinstance(value := cursor.value(), dict):
            yield cast("Object", value)
        return
    others: Object = {}
    for name in cursor.members():
        if name in lists and not heads.isdisjoint(others) and cursor.sign() == "[":
            for piece in pieces():
                yield {**others, name: piece}
        else:
            others[name] = cursor.value()
    if not lists.isdisjoint(others):
        yield others


class _Cursor:
    """A place in a JSON text. Whoever takes a member or an item moves it past the value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def sign(self) -> str:
        """Return the next character that is not blank; empty at the end."""
        blank = _SPACE.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def value(self) -> object:
        """Return the value here and move past it."""
        self.sign()
        value, self._at = _decode(self._text, self._at)
        return value

    def members(self) -> Iterator[str]:
        """Yield each name of the object here, at its value."""
        for _ in self._between("{", "}"):
            name = self.value()
            self._take(":")
            if isinstance(name, str):
                yield name
            else:
                raise ValueError("a name of an object is no text")  # noqa: TRY004 - of the text

    def items(self) -> Iterator[None]:
        """Yield at each item of the list here."""
        return self._between("[", "]")

    def pieces(self, size: int) -> Iterator[list[object]]:
        """Yield the items of the list here, *size* at a time."""
        text, piece = self._text, list[object]()
        self._take("[")
        more_follow = self.sign() != "]"
        while more_follow:
            value, at = _decode(text, self._at)
            piece.append(value)
            if len(piece) >= size:
                yield piece
                piece = []
            if text[at : at + 2] != ",{":  # as the Collector writes, without blanks
                self._at = at
                more_follow = self.sign() == ","
                if not more_follow:
                    break
                at = self._at
            self._at = at + 1
            if text[at + 1 : at + 2] != "{":
                self.sign()
        yield piece
        self._take("]")

    def _between(self, opening: str, closing: str) -> Iterator[None]:
        self._take(opening)
        if self.sign() == closing:
            self._at += 1
            return
        while True:
            yield
            if self.sign() == closing:
                self._at += 1
                return
            self._take(",")

    def _take(self, sign: str) -> None:
        if self.sign() != sign:
            raise ValueError(f"expected {sign!r} at character {self._at}")
        self._at += 1
