"""Response body of `aiohttp` that records the chunks as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wrapt

from otel_wire.record import Ending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from otel_wire.exchange import Exchange

if TYPE_CHECKING:
    _Proxy = Any
else:
    _Proxy = wrapt.ObjectProxy


class NotedBody(_Proxy):
    """A body that records the chunks as they are read."""

    def __init__(self, content: Any, exchange: Exchange) -> None:
        super().__init__(content)
        self._self_exchange = exchange

    def _self_note(self, data: bytes) -> bytes:
        self._self_exchange.add(data)
        if self.__wrapped__.at_eof():
            self._self_exchange.end(Ending.COMPLETE)
        return data

    async def _self_read(self, read: Awaitable[bytes]) -> bytes:
        try:
            data = await read
        except Exception as error:
            self._self_exchange.add(bytes(getattr(error, "partial", b"")))
            if type(error).__name__ != "IncompleteReadError":
                self._self_exchange.end(Ending.NETWORK)
            raise
        return self._self_note(data)

    async def read(self, n: int = -1) -> bytes:
        """Read and record, as the library's reader does."""
        return await self._self_read(self.__wrapped__.read(n))

    async def readany(self) -> bytes:
        """Read and record, as the library's reader does."""
        return await self._self_read(self.__wrapped__.readany())

    async def readexactly(self, n: int) -> bytes:
        """Read and record, as the library's reader does."""
        return await self._self_read(self.__wrapped__.readexactly(n))

    async def readline(self, *args: Any, **kwargs: Any) -> bytes:
        """Read and record, as the library's reader does."""
        return await self._self_read(self.__wrapped__.readline(*args, **kwargs))

    async def readuntil(self, *args: Any, **kwargs: Any) -> bytes:
        """Read and record, as the library's reader does."""
        return await self._self_read(self.__wrapped__.readuntil(*args, **kwargs))

    async def readchunk(self) -> tuple[bytes, bool]:
        """Read and record, as the library's reader does."""
        data, at_end = await self.__wrapped__.readchunk()
        return self._self_note(data), at_end

    def read_nowait(self, n: int = -1) -> bytes:
        """Read and record, as the library's reader does."""
        return self._self_note(self.__wrapped__.read_nowait(n))

    def __aiter__(self) -> Any:
        return _each(self.readline)

    def iter_chunked(self, n: int) -> Any:
        """Iterate and record, as the library's reader does."""
        return _each(lambda: self.read(n))

    def iter_any(self) -> Any:
        """Iterate and record, as the library's reader does."""
        return _each(self.readany)

    def iter_chunks(self) -> Any:
        """Iterate and record, as the library's reader does."""
        return _each_chunk(self.readchunk)


async def _each(read: Callable[[], Awaitable[bytes]]) -> Any:
    while data := await read():
        yield data


async def _each_chunk(read: Callable[[], Awaitable[tuple[bytes, bool]]]) -> Any:
    while True:
        chunk = await read()
        if chunk == (b"", False):
            return
        yield chunk
