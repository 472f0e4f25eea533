"""Parts of a result that is fetched by ranges, and lines that two parts share.

A download that was broken off is continued by its range; the clients of object stores fetch a
large object in several parts at once. The line at each border is put together here.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from otel_host import fork_hooks
from otel_host.fork_hooks import Stage

MOST_ENDS = 256
"""Ends of parts that wait for their neighbour."""
MOST_END_BYTES = 16_777_216
"""Bytes of these ends; the oldest are forgotten."""
_RANGE = re.compile(r"\s*bytes\s+(\d+)-(\d+)/")


@dataclass(frozen=True, slots=True)
class _End:
    """The first or the last line of a part, of which another part has the rest."""

    place: str
    offset: int
    line: bytes
    is_head: bool


class _Borders:
    """The ends of parts until the part before or after is there."""

    def __init__(self) -> None:
        self.reset()
        fork_hooks.register(Stage.ACCOUNTS, after_in_child=self.reset)

    def reset(self) -> None:
        """Forget all ends."""
        self._lock = threading.Lock()
        self._ends: list[_End] = []

    def meet(self, end: _End) -> bytes | None:
        """Return the line that *end* is a part of; None until its other part is there."""
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
    """Return the line of which *tail* is the beginning and *head* goes on; None for others.

    The app may ask again for some bytes that were received before the break.
    """
    at = head.offset - tail.offset
    if tail.is_head or not head.is_head or head.place != tail.place:
        return None
    return tail.line[:at] + head.line if 0 <= at <= len(tail.line) else None


_borders = _Borders()


class Part:
    """What one response has of a result: all of it, or the bytes from an offset on."""

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
        found = _RANGE.match(str(content_range))
        return cls(place, int(found[1])) if found else None

    def without_head(self, chunk: bytes) -> bytes:
        """Count *chunk*, and keep what it has of the line that began in the part before."""
        self._end += len(chunk)
        if self._head is None or self._head.endswith(b"\n"):
            return chunk
        head, newline, rest = chunk.partition(b"\n")
        self._head += head + newline
        if len(self._head) > MOST_END_BYTES:
            self._head = None
        return rest if newline else b""

    def joined(self, rest: bytes) -> list[bytes]:
        """Return the lines at this part's borders whose other half is known; *rest* is its last."""
        found: list[bytes | None] = []
        head = self._head
        if head is not None and head.endswith(b"\n"):
            found.append(_borders.meet(_End(self._place, self._start, bytes(head), is_head=True)))
        if head is None or head.endswith(b"\n"):
            tail = _End(self._place, self._end - len(rest), rest, is_head=False)
            found.append(_borders.meet(tail))
        return [line for line in found if line and line.strip()]
