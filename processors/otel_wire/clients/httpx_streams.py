"""Wrappers of the streams of `httpx`, for bodies of requests and responses.

The classes derive from the library's own, once for each library.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from otel_wire.record import Ending

if TYPE_CHECKING:
    from otel_wire.exchange import Exchange


@lru_cache
def sync_body(module: Any) -> Any:
    """Return the class of a wrapped request body for a `Client`."""

    class Body(module.SyncByteStream):
        """Wraps the app's request body."""

        def __init__(self, pieces: Any, inner: Any) -> None:
            self.pieces = pieces
            self.inner = inner

        def __iter__(self) -> Any:
            yield from self.pieces

        def close(self) -> None:
            self.inner.close()

    return Body


@lru_cache
def async_body(module: Any) -> Any:
    """Return the same class for an `AsyncClient`."""

    class Body(module.AsyncByteStream):
        """Wraps the app's request body."""

        def __init__(self, pieces: Any, inner: Any) -> None:
            self.pieces = pieces
            self.inner = inner

        async def __aiter__(self) -> Any:
            async for piece in self.pieces:
                yield piece

        async def aclose(self) -> None:
            await self.inner.aclose()

    return Body


@lru_cache
def sync_response(module: Any) -> Any:
    """Return the class of a recorded response stream for a `Client`."""

    class Response(module.SyncByteStream):
        """Passes the response through chunk by chunk, and records the chunks."""

        def __init__(self, response: Any, exchange: Exchange) -> None:
            self.inner = response.stream
            self.exchange = exchange
            self.filter = _filter_of(response, exchange) if exchange.filter else None

        def __iter__(self) -> Any:
            add, filtered = self.exchange.add, self.filter
            try:
                for piece in self.inner:
                    add(piece)
                    if filtered is None or (piece := filtered.feed(piece)):
                        yield piece
            except GeneratorExit:
                raise
            except BaseException:
                self.exchange.end(Ending.NETWORK)
                raise
            self.exchange.end(Ending.COMPLETE)
            if filtered is not None and (buffered := filtered.end()):
                yield buffered

        def close(self) -> None:
            try:
                self.inner.close()
            finally:
                self.exchange.end()

        def __del__(self) -> None:
            self.exchange.end()

    return Response


@lru_cache
def async_response(module: Any) -> Any:
    """Return the same class for an `AsyncClient`."""

    class Response(module.AsyncByteStream):
        """Passes the response through chunk by chunk, and records the chunks."""

        def __init__(self, response: Any, exchange: Exchange) -> None:
            self.inner = response.stream
            self.exchange = exchange
            self.filter = _filter_of(response, exchange) if exchange.filter else None

        async def __aiter__(self) -> Any:
            add, filtered = self.exchange.add, self.filter
            try:
                async for piece in self.inner:
                    add(piece)
                    if filtered is None or (piece := filtered.feed(piece)):
                        yield piece
            except GeneratorExit:
                raise
            except Exception:
                self.exchange.end(Ending.NETWORK)
                raise
            self.exchange.end(Ending.COMPLETE)
            if filtered is not None and (buffered := filtered.end()):
                yield buffered

        async def aclose(self) -> None:
            try:
                await self.inner.aclose()
            finally:
                self.exchange.end()

        def __del__(self) -> None:
            self.exchange.end()

    return Response


def _filter_of(response: Any, exchange: Exchange) -> Any:
    """Return the filter for the body of *response*; None for one that is no event stream."""
    headers = response.headers
    kind = headers.get("content-type", "")
    if not kind.startswith("text/event-stream") or headers.get("content-encoding"):
        return None
    return exchange.filter
