"""Remembers as much of a streamed answer as is needed to say what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_budget.ticket import Ticket

HEAD_BYTES = 16_384
TAIL_BYTES = 65_536
_MOST_ENCODED = 8_388_608


class Recorder:
    """Keeps the beginning and the end of an answer, and settles its ticket when it is over."""

    def __init__(
        self,
        ticket: Ticket,
        status: int,
        decode: Callable[[bytes], bytes] = lambda raw: raw,
        *,
        keep_all: bool = False,
    ) -> None:
        self._ticket = ticket
        self._status = status
        self._decode = decode
        self._tail_bytes = _MOST_ENCODED if keep_all else TAIL_BYTES
        self._head = bytearray()
        self._tail = bytearray()
        self._pieces = 0
        self._ended = False

    def add(self, part: bytes) -> None:
        """Remember *part*, the next of the answer."""
        self._pieces += part.count(b"data:")
        room = HEAD_BYTES - len(self._head)
        if room > 0:
            self._head += part[:room]
            part = part[room:]
        if part:
            self._tail += part
            if len(self._tail) > 2 * self._tail_bytes:
                del self._tail[: -self._tail_bytes]

    def end(self) -> None:
        """Settle the ticket, the first time."""
        if self._ended:
            return
        self._ended = True
        # Put together, so that nothing is missed where the two meet; the middle may be lost.
        content = bytes(self._head + self._tail)
        try:
            content = self._decode(content)
        except Exception:  # noqa: BLE001 - cut off or damaged: the pieces seen must do
            content = b""
        if self._pieces or not content:
            self._ticket.broken(self._status, self._pieces, content)
        else:
            self._ticket.answered(self._status, content)
