"""A file-like object without the usage chunk that the app did not request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otel_wire.file_in_place import FileInPlace

if TYPE_CHECKING:
    from otel_wire.stream_usage import WithoutUsageChunk

_LONGEST_LINE: Final = 65_536
_PIECE: Final = 65_536


class FilteredFile(FileInPlace):
    """Wraps the file below a response of `http.client` with an event stream as its body.

    It reads no further than requested, so that events pass on arrival and the connection can be
    reused. *chunked*: the body has chunks, which are rebuilt around the remaining data.
    """

    def __init__(self, inner: Any, events: WithoutUsageChunk, *, chunked: bool) -> None:
        super().__init__(inner)
        self._events = events
        self._chunked = chunked
        self._ready = bytearray()
        self._passes = False
        """Whether the rest passes unchanged: trailers, or an invalid body."""

    def _more(self) -> bool:
        """Buffer more of the body; return False at its end."""
        if self._passes:
            line: bytes = self._inner.readline(_LONGEST_LINE)
            self._ready += line
            return bool(line)
        return self._next_chunk() if self._chunked else self._next_piece()

    def _next_piece(self) -> bool:
        piece: bytes = self._inner.read1(_PIECE)
        if piece:
            self._ready += self._events.feed(piece)
            return True
        self._passes = True
        self._ready += self._events.end()
        return bool(self._ready)

    def _next_chunk(self) -> bool:
        head: bytes = self._inner.readline(_LONGEST_LINE)
        try:
            size = int(head.partition(b";")[0].strip(), 16)
        except ValueError:
            size = -1
        if size <= 0:
            self._passes = True
            self._ready += _chunk(self._events.end()) + head
            return bool(self._ready)
        data: bytes = self._inner.read(size)
        if len(data) < size:  # the connection has ended, and so does the body
            self._passes = True
            self._ready += _chunk(self._events.end()) + head + data
            return True
        self._inner.read(2)
        self._ready += _chunk(self._events.feed(data))
        return True

    def _take(self, size: int) -> bytes:
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        return taken

    def read(self, size: int | None = -1, /) -> bytes:
        """Read *size* bytes, or all, as the connection's file does."""
        everything = size is None or size < 0
        while (everything or len(self._ready) < (size or 0)) and self._more():
            pass
        return self._take(len(self._ready) if size is None or size < 0 else size)

    def read1(self, size: int = -1, /) -> bytes:
        """Read the available data, at most *size* bytes."""
        while size and not self._ready and self._more():
            pass
        return self._take(len(self._ready) if size < 0 else size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line of at most *size* bytes."""
        most = _LONGEST_LINE if size is None or size < 0 else size
        while b"\n" not in self._ready and len(self._ready) < most and self._more():
            pass
        return self._take(min(self._ready.find(b"\n") + 1 or most, most))

    def readinto(self, buffer: Any, /) -> int:
        """Fill *buffer* and return the number of bytes."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def peek(self, size: int = 0, /) -> bytes:
        """Return what `read1` would return next."""
        while not self._ready and self._more():
            pass
        return bytes(self._ready)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
