"""Access to request bodies of every type that a client accepts.

Bytes and text are used directly, files are read and their position is restored, generators are read
once, in bounds, and replaced by their items. With a budget that happens before the request is sent;
else the items of a generator are recorded while they are sent.
"""

from __future__ import annotations

import io
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MOST_BYTES = 32 * 1_048_576
"""Maximum bytes of a body to keep; a longer one is not available."""


class Passing:
    """Records the chunks of a body while they are sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._left = MOST_BYTES

    def note(self, piece: Any) -> None:
        """Record the next chunk, bytes or text; any other type makes the body unreadable."""
        if isinstance(piece, str):
            piece = piece.encode("utf-8", "surrogatepass")
        if not isinstance(piece, bytes | bytearray | memoryview):
            self._left = -1
            return
        data = bytes(piece)
        self._left -= len(data)
        if self._left >= 0:
            self._pieces.append(data)
        else:
            self._pieces = []

    def content(self) -> bytes | None:
        """Return the recorded body; None if it was too long or not bytes."""
        return b"".join(self._pieces) if self._left >= 0 else None

    @property
    def is_readable(self) -> bool:
        """Whether the whole body so far is available."""
        return self._left >= 0


def as_bytes(body: Any, encoding: str = "utf-8") -> bytes | None:
    """Return *body* as bytes if it is bytes, text or empty; None for other types."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    if isinstance(body, str):
        return body.encode(encoding, "surrogatepass" if encoding == "utf-8" else "replace")
    return None


def shown(body: Any, *, before: bool, encoding: str = "utf-8") -> tuple[Any, Any]:
    """Return the content of *body* (bytes, None or a `Passing`) and the body to send instead.

    *before*: whether the content is needed before anything is sent. Errors of the app's generator
    are raised to the app, as they would be while it is sent.
    """
    content = as_bytes(body, encoding)
    if content is not None:
        return content, body
    if hasattr(body, "read"):
        return _file(body, encoding)
    if isinstance(body, list | tuple):
        passing = Passing()
        for piece in body:
            passing.note(piece)
        return passing.content(), body
    if hasattr(body, "__next__") or hasattr(body, "__iter__"):
        return _read_once(iter(body)) if before else _passing(iter(body))
    return None, body


def _file(body: Any, encoding: str) -> tuple[Any, Any]:
    try:
        position = body.tell()
        content = body.read(MOST_BYTES + 1)
        body.seek(position)
    except (OSError, ValueError, AttributeError, io.UnsupportedOperation):
        return None, body  # a pipe: it can be read only once, by the client
    content = as_bytes(content, encoding)
    return (None if content is None or len(content) > MOST_BYTES else content), body


def _read_once(pieces: Iterator[Any]) -> tuple[bytes | None, Any]:
    taken: list[Any] = []
    passing = Passing()
    for piece in pieces:
        taken.append(piece)
        passing.note(piece)
        if not passing.is_readable:
            return None, chain(taken, pieces)
    # As chunks, not joined: the client has chosen its framing for chunks.
    return passing.content(), taken


def _passing(pieces: Iterator[Any]) -> tuple[Passing, Any]:
    passing = Passing()

    def noted() -> Iterator[Any]:
        for piece in pieces:
            passing.note(piece)
            yield piece

    return passing, noted()


async def shown_async(pieces: AsyncIterator[Any], *, before: bool) -> tuple[Any, Any]:
    """Do the same for an asynchronous generator."""
    passing = Passing()
    if not before:

        async def noted() -> AsyncIterator[Any]:
            async for piece in pieces:
                passing.note(piece)
                yield piece

        return passing, noted()
    taken: list[Any] = []
    async for piece in pieces:
        taken.append(piece)
        passing.note(piece)
        if not passing.is_readable:
            return None, _joined(taken, pieces)
    return passing.content(), _joined(taken, None)


async def _joined(taken: list[Any], rest: AsyncIterator[Any] | None) -> AsyncIterator[Any]:
    for piece in taken:
        yield piece
    if rest is not None:
        async for piece in rest:
            yield piece
