"""Parts of a result that is fetched by ranges, and lines across two parts.

An interrupted download is continued by its range; the clients of object stores fetch a large object
in several concurrent parts. This module joins the line at each boundary.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

MOST_ENDS = 256
"""Maximum ends of parts kept until the adjacent part arrives."""
MOST_END_BYTES = 16_777_216
"""Maximum bytes of these ends; the oldest are dropped."""
_RANGE = re.compile(r"\s*bytes\s+(\d+)-(\d+)/")


@dataclass(frozen=True, slots=True)
class _End:
    """The incomplete first or last line of a part; another part has the rest."""

    place: str
    offset: int
    line: bytes
    is_head: bool


class _Borders:
    """Ends of parts, kept until the adjacent part arrives."""

    def __init__(self) -> None:
        self.reset()
        fork_hooks.register(Stage.ACCOUNTS, after_in_child=self.reset)

    def reset(self) -> None:
        """Forget all ends."""
        self._lock = threading.Lock()
        self._ends: list[_End] = []

    def meet(self, end: _End) -> bytes | None:
        """Return the whole line of *end*; None until its other half arrives."""
        with self._lock:
            for other in self._ends:
                line = _joined(end, other) if end.is_head else _joined(other, end)
                if line is not None:
                    self._ends.remove(other)
                    return line
            self._ends.append(end)
            while len(self._ends) > MOST_ENDS or self._bytes() > MOST_END_BYTES:
                del self._ends[0]
        return None

    def _bytes(self) -> int:
        return sum(len(end.line) for end in self._ends)


def _joined(head: _End, tail: _End) -> bytes | None:
    """Return the line that begins with *tail* and continues with *head*; None if they do not join.

    The app may request some bytes again that it received before the interruption.
    """
    at = head.offset - tail.offset
    if tail.is_head or not head.is_head or head.place != tail.place:
        return None
    return tail.line[:at] + head.line if 0 <= at <= len(tail.line) else None


_borders = _Borders()


class Part:
    """Content of one response: all of a result, or the bytes from an offset."""

    def __init__(self, place: str, offset: int) -> None:
        self._place = place
        self._start = self._end = offset
        self._head: bytearray | None = bytearray() if offset else None

    @classmethod
    def of(cls, place: str, content_range: object) -> Part | None:
        """Return the part in a response from *place* with this Content-Range.

        None for a range that cannot be read.
        """
        if content_range is None:
            return cls(place, 0)
        if isinstance(content_range, bytes):
            content_range = content_range.decode("latin-1")
        match = _RANGE.match(str(content_range))
        return cls(place, int(match[1])) if match else None

    def without_head(self, chunk: bytes) -> bytes:
        """Count *chunk*, and keep its bytes of the line that began in the previous part."""
        self._end += len(chunk)
        if self._head is None or self._head.endswith(b"\n"):
            return chunk
        head, newline, rest = chunk.partition(b"\n")
        self._head += head + newline
        if len(self._head) > MOST_END_BYTES:
            self._head = None
        return rest if newline else b""

    def joined(self, rest: bytes) -> list[bytes]:
        """Return the completed lines at this part's boundaries; *rest* is its last line."""
        pieces: list[bytes | None] = []
        head = self._head
        if head is not None and head.endswith(b"\n"):
            pieces.append(_borders.meet(_End(self._place, self._start, bytes(head), is_head=True)))
        if head is None or head.endswith(b"\n"):
            tail = _End(self._place, self._end - len(rest), rest, is_head=False)
            pieces.append(_borders.meet(tail))
        return [line for line in pieces if line and line.strip()]
