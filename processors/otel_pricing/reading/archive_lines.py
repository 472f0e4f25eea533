"""Lines of an archive, plain or gzip, read in bounded memory."""

from __future__ import annotations

import gzip
import io
import re
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

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


def lines_of(stream: _Readable, *, longest: int = LONGEST_LINE) -> Iterator[tuple[int, bytes]]:
    """Yield the number, counted from 1, and the bytes of every line that is not blank.

    A line of more than *longest* bytes is yielded as its first *longest* bytes and one more.
    """
    number, pending, size = 1, list[bytes](), 0
    first = True
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
            end = chunk.find(b"\n", start)
            piece = chunk[start : end if end >= 0 else len(chunk)][: longest + 1 - size]
            if piece or not pending:
                pending.append(piece)
                size += len(piece)
            if end < 0:
                break
            yield number, b"".join(pending)
            pending, size = [], 0
            number += 1
            start = end + 1
    if pending:
        yield number, b"".join(pending)
