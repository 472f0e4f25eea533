"""Response body of `aiohttp` without the usage chunk that the app did not request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from otel_wire.clients.aiohttp_body import NotedBody

if TYPE_CHECKING:
    from otel_wire.exchange import Exchange
    from otel_wire.stream_usage import WithoutUsageChunk


class FilteredBody(NotedBody):
    """A stream of events, recorded on arrival and filtered before it is read."""

    def __init__(self, content: Any, exchange: Exchange, events: WithoutUsageChunk) -> None:
        super().__init__(content, exchange)
        self._self_events = events
        self._self_ready = bytearray()
        self._self_is_done = False

    async def _self_more(self) -> bool:
        """Buffer more of the body; return False at its end."""
        if self._self_is_done:
            return False
        data = await self._self_read(self.__wrapped__.readany())
        self._self_take_in(data)
        return True

    def _self_take_in(self, data: bytes) -> None:
        if data:
            self._self_ready += self._self_events.feed(data)
        if self.__wrapped__.at_eof():
            self._self_is_done = True
            self._self_ready += self._self_events.end()

    def _self_take(self, size: int) -> bytes:
        taken = bytes(self._self_ready[:size])
        del self._self_ready[:size]
        return taken

    def at_eof(self) -> bool:
        """Return whether the whole body was read."""
        return self._self_is_done and not self._self_ready

    async def read(self, n: int = -1) -> bytes:
        """Read as the library's reader does."""
        while (n < 0 or not self._self_ready) and n != 0 and await self._self_more():
            pass
        return self._self_take(len(self._self_ready) if n < 0 else n)

    async def readany(self) -> bytes:
        """Read as the library's reader does."""
        while not self._self_ready and await self._self_more():
            pass
        return self._self_take(len(self._self_ready))

    async def readexactly(self, n: int) -> bytes:
        """Read as the library's reader does."""
        while len(self._self_ready) < n and await self._self_more():
            pass
        if len(self._self_ready) < n:
            raise asyncio.IncompleteReadError(self._self_take(n), n)
        return self._self_take(n)

    async def readline(self, *_args: Any, **_kwargs: Any) -> bytes:
        """Read as the library's reader does."""
        return await self.readuntil(b"\n")

    async def readuntil(self, separator: bytes = b"\n", **_kwargs: Any) -> bytes:
        """Read as the library's reader does."""
        while separator not in self._self_ready and await self._self_more():
            pass
        end = self._self_ready.find(separator)
        return self._self_take(len(self._self_ready) if end < 0 else end + len(separator))

    async def readchunk(self) -> tuple[bytes, bool]:
        """Read as the library's reader does."""
        data = await self.readany()
        return data, bool(data)

    def read_nowait(self, n: int = -1) -> bytes:
        """Read as the library's reader does."""
        if not self._self_ready and not self._self_is_done:
            self._self_take_in(self._self_note(self.__wrapped__.read_nowait(-1)))
        return self._self_take(len(self._self_ready) if n < 0 else n)
