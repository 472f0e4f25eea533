"""Lines of an archive, plain or gzip, read in bounded memory."""

from __future__ import annotations

import gzip
import io
import re
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GZIP_MAGIC = b"\x1f\x8b"
LONGEST_LINE = 32 * 2**20
"""Maximum bytes of a line; the Collector's requests have at most some megabytes."""
_CHUNK = 2**20
_BLANKS = re.compile(rb"[ \t\r\n]*")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


@contextmanager
def open_archive(
    source: Path | str | IO[bytes], on_open: Callable[[IO[bytes]], object] = lambda _stream: None
) -> Iterator[_Readable]:
    """Open *source*, a path or a binary stream, and unzip it if it is gzip.

    A stream of the caller stays open. *on_open* receives the raw stream of a path, so that its
    position shows the progress.
    """
    if isinstance(source, str | Path):
        with Path(source).open("rb") as stream, _unzipped(stream) as plain:
            on_open(stream)
            yield plain
    else:
        with _unzipped(source) as plain:
            yield plain


@contextmanager
def _unzipped(stream: IO[bytes]) -> Iterator[_Readable]:
    buffered = io.BufferedReader(cast("io.RawIOBase", stream))
    try:
        if buffered.peek(2).startswith(GZIP_MAGIC):
            # Concatenated members (a rotated archive) are read as one file.
            with gzip.open(buffered, "rb") as plain:
                yield cast("_Readable", plain)
        else:
            yield buffered
    finally:
        # The stream belongs to the caller: closing the buffer would close it too.
        buffered.detach()


class Line(NamedTuple):
    """One line of an archive."""

    number: int
    """Counted from 1."""
    offset: int
    """Bytes before it, after the archive is unzipped."""
    content: bytes


class Place(NamedTuple):
    """The start of a line."""

    number: int = 1
    offset: int = 0


BEGINNING = Place()


def lines_of(
    stream: _Readable, *, longest: int = LONGEST_LINE, start_at: Place = BEGINNING
) -> Iterator[Line]:
    """Yield every line that is not blank, from *start_at*.

    A line of more than *longest* bytes is yielded as its first *longest* bytes and one more.
    """
    number, pending, size = start_at.number, list[bytes](), 0
    before = _skip(stream, start_at.offset)
    line_start = before
    first = not before
    while chunk := stream.read1(_CHUNK):
        start = 0
        if first:
            first = False
            start = len(_BYTE_ORDER_MARK) if chunk.startswith(_BYTE_ORDER_MARK) else 0
        while start < len(chunk):
            if not pending:
                # Blank lines must be cheap: a megabyte of gzip may contain a billion.
                blanks = _BLANKS.match(chunk, start)
                end = blanks.end() if blanks else start
                number += chunk.count(b"\n", start, end)
                start = end
                if start == len(chunk):
                    break
                line_start = before + start
            end = chunk.find(b"\n", start)
            piece = chunk[start : end if end >= 0 else len(chunk)][: longest + 1 - size]
            if piece or not pending:
                pending.append(piece)
                size += len(piece)
            if end < 0:
                break
            yield Line(number, line_start, b"".join(pending))
            pending, size = [], 0
            number += 1
            start = end + 1
        before += len(chunk)
    if pending:
        yield Line(number, line_start, b"".join(pending))


def _skip(stream: _Readable, size: int) -> int:
    """Read the first *size* bytes of *stream*; return how many there were."""
    if isinstance(stream, io.BufferedReader) and stream.seekable():
        return stream.seek(size)
    left = size
    while left and (chunk := stream.read1(min(left, _CHUNK))):
        left -= len(chunk)
    return size - left
