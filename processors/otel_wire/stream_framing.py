"""Framings of responses: server-sent events and AWS event streams.

A framer takes the decoded bytes of a response in chunks of any size and yields the messages inside.
It keeps at most one line or frame, up to a limit; a longer one is passed on in parts.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BUFFERED_BYTES = 65_536
"""Maximum bytes of a message that is buffered to be read at once."""


class Document(Protocol):
    """A JSON text that arrives in parts."""

    def feed(self, data: bytes) -> None:
        """Take the next part."""
        ...

    def end(self) -> bool:
        """Finish, and return whether it was complete."""
        ...


class SseFramer:
    """Server-sent events: the data of each event is a document."""

    def __init__(self, document: Callable[[], Document], done: Callable[[], None]) -> None:
        self._make = document
        self._done = done
        self._line = bytearray()
        self._is_long = False
        self._ends_with_cr = False
        self._document: Document | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        if not data:
            return
        if b"\r" in data or self._ends_with_cr:
            if self._ends_with_cr and data.startswith(b"\n"):
                data = data[1:]
            self._ends_with_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if self._line or self._is_long or end - start > MOST_BUFFERED_BYTES:
                self._add(data[start:end])
                self._finish_line()
            else:
                self._whole_line(data[start:end])
            start = end + 1
        if start < len(data):
            self._add(data[start:])

    def end(self) -> bool:
        """Finish; return whether the stream ended with a complete event."""
        if self._line or self._is_long:
            self._finish_line()
        return self._dispatch()

    def _add(self, part: bytes) -> None:
        if self._is_long:
            if self._document is not None:
                self._document.feed(part)
            return
        self._line += part
        if len(self._line) > MOST_BUFFERED_BYTES:
            line, self._line = bytes(self._line), bytearray()
            self._is_long = True
            if line.startswith(b"data:"):
                self._data(line[5:])
            elif self._document is not None:
                self._dispatch()

    def _finish_line(self) -> None:
        if self._is_long:
            self._is_long = False
            return
        line, self._line = bytes(self._line), bytearray()
        self._whole_line(line)

    def _whole_line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._data(line[5:])
        elif not line:
            self._dispatch()
        # Names, ids and comments of events are ignored: every message has its type.

    def _data(self, data: bytes) -> None:
        if self._document is None:
            if data.strip() == b"[DONE]":
                self._done()
                return
            self._document = self._make()
        else:
            self._document.feed(b"\n")
        self._document.feed(data)

    def _dispatch(self) -> bool:
        if self._document is None:
            return True
        document, self._document = self._document, None
        return document.end()


_PRELUDE = struct.Struct(">III")
_LONGEST_FRAME = 24 * 1024 * 1024
_LONGEST_HEADERS = 131_072
_STRING_TYPE = 7
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class EventStreamFramer:
    """AWS event streams: the payload of each frame is a document."""

    def __init__(
        self, document: Callable[[], Document], frame: Callable[[dict[str, str]], None]
    ) -> None:
        self._make = document
        self._frame = frame
        self._buffer = bytearray()
        self._payload_left = 0
        self._checksum_left = 0
        self._document: Document | None = None
        self.is_damaged = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream; reading stops at a damaged frame."""
        if self.is_damaged:
            return
        self._buffer += data
        while self._step():
            pass

    def end(self) -> bool:
        """Finish; return whether the stream ended between two frames."""
        is_between = not (self._buffer or self._payload_left or self._checksum_left)
        if self._document is not None:
            self._document.end()
            self._document = None
        return is_between and not self.is_damaged

    def _step(self) -> bool:
        buffer = self._buffer
        if self._payload_left:
            part = bytes(buffer[: self._payload_left])
            if not part:
                return False
            del buffer[: len(part)]
            self._payload_left -= len(part)
            if self._document is not None:
                self._document.feed(part)
                if not self._payload_left:
                    self._document.end()
                    self._document = None
            return True
        if self._checksum_left:
            taken = min(self._checksum_left, len(buffer))
            del buffer[:taken]
            self._checksum_left -= taken
            return taken > 0
        return self._begin()

    def _begin(self) -> bool:
        buffer = self._buffer
        if len(buffer) < _PRELUDE.size:
            return False
        total, headers, checksum = _PRELUDE.unpack_from(buffer)
        if (
            zlib.crc32(buffer[:8]) != checksum
            or total > _LONGEST_FRAME
            or headers > _LONGEST_HEADERS
            or total < headers + 16
        ):
            self.is_damaged = True
            buffer.clear()
            return False
        start = _PRELUDE.size + headers
        if len(buffer) < start:
            return False
        self._frame(_headers(bytes(buffer[_PRELUDE.size : start])))
        del buffer[:start]
        self._payload_left = total - headers - 16
        self._checksum_left = 4
        self._document = self._make() if self._payload_left else None
        return True


def _headers(data: bytes) -> dict[str, str]:
    """Return the text headers of a frame, up to a damaged one."""
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind = data[at + 1 : name_end], data[name_end]
            at = name_end + 1
            if kind in _FIXED:
                at += _FIXED[kind]
                continue
            length = int.from_bytes(data[at : at + 2], "big")
            value, at = data[at + 2 : at + 2 + length], at + 2 + length
            if kind == _STRING_TYPE:
                headers[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    except IndexError:
        pass
    return headers
