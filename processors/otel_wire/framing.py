"""HTTP/1.1 message framing of a response body, for hooks that see raw bytes of the connection."""

from __future__ import annotations

_LONGEST_LINE = 256


class Framing:
    """Removes the framing and detects the end of the body. Nothing here raises."""

    complete = False

    def feed(self, data: bytes) -> bytes:
        """Return the part of the body in *data*, the next bytes of the connection."""
        return data

    def at_eof(self) -> None:
        """Record that the connection ended."""
        self.complete = True


class ByLength(Framing):
    """A body of known length."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.complete = length <= 0

    def feed(self, data: bytes) -> bytes:
        """Count *data* and return it."""
        self._left -= len(data)
        self.complete = self._left <= 0
        return data

    def at_eof(self) -> None:
        """Change nothing: a connection that ends early leaves the body incomplete."""


class Chunked(Framing):
    """A body in chunks, each preceded by its size in hexadecimal digits."""

    def __init__(self) -> None:
        self._line = b""
        self._left = 0
        self._skip = 0
        self._damaged = False

    def feed(self, data: bytes) -> bytes:
        """Return the content of the chunks in *data*."""
        body: list[bytes] = []
        while data and not self.complete and not self._damaged:
            if self._left:
                piece = data[: self._left]
                body.append(piece)
                data = data[len(piece) :]
                self._left -= len(piece)
                if not self._left:
                    self._skip = 2
            elif self._skip:
                data, self._skip = data[self._skip :], max(0, self._skip - len(data))
            else:
                data = self._size(data)
        return b"".join(body)

    def _size(self, data: bytes) -> bytes:
        line, newline, rest = data.partition(b"\n")
        self._line += line
        if not newline:
            self._damaged = len(self._line) > _LONGEST_LINE
            return b""
        digits, self._line = self._line.partition(b";")[0].strip(), b""
        try:
            self._left = int(digits, 16)
        except ValueError:
            self._damaged = True
            return b""
        self.complete = self._left == 0
        return rest

    def at_eof(self) -> None:
        """Change nothing: a connection that ends early leaves the body incomplete."""


def framing_of(*, chunked: bool, length: int | None) -> Framing:
    """Return the framing of a response; *length* is that of `Content-Length`, None without it."""
    if chunked:
        return Chunked()
    return Framing() if length is None else ByLength(length)
