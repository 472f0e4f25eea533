"""Hook in `lm15`, the HTTP client of DSPy, which uses sockets directly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from otel_wire.admission import (
    REFUSED_HEADERS,
    REFUSED_REASON,
    REFUSED_STATUS,
    admit,
    admit_async,
)
from otel_wire.observer import observer, sending, under_way
from otel_wire.patching import patch
from otel_wire.record import Ending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from otel_wire.exchange import Exchange

_NEVER_SENT = ("ConnectError", "ConnectTimeout")


def install(module: Any) -> None:
    """Wrap the transports of *module*."""
    patch(module.StdlibTransport, "stream", lambda stream: _sync(module, stream))
    patch(module.StdlibAsyncTransport, "_do_stream", lambda stream: _async(module, stream))


def _sync(module: Any, stream: Any) -> Callable[..., Any]:
    def sent(self: Any, request: Any) -> Any:
        exchange = _begin(request)
        if exchange is None:
            return stream(self, request)
        refusal = admit(exchange)
        if refusal is not None:
            return module.TransportResponse(
                **_head(), chunks=iter((refusal.body(),)), release=_released
            )
        try:
            with sending(exchange):
                response = stream(self, request)
        except BaseException as error:
            exchange.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        exchange.responded(response.status, _lower(response.headers))
        response._chunks = _noted(response._chunks, exchange)  # has no public name
        release = response._release

        def ended(body_consumed: bool) -> Any:  # noqa: FBT001 - called by position
            exchange.end(Ending.COMPLETE if body_consumed else Ending.ABANDONED)
            return release(body_consumed)

        response._release = ended
        return response

    return sent


def _async(module: Any, stream: Any) -> Callable[..., Any]:
    async def sent(self: Any, request: Any) -> Any:
        exchange = _begin(request)
        if exchange is None:
            return await stream(self, request)
        refusal = await admit_async(exchange, asyncio.to_thread, asyncio.sleep)
        if refusal is not None:
            return module.AsyncTransportResponse(
                **_head(), chunks=_one_piece(refusal.body()), release=_released_async
            )
        try:
            with sending(exchange):
                response = await stream(self, request)
        except BaseException as error:
            exchange.failed(sent=type(error).__name__ not in _NEVER_SENT)
            raise
        exchange.responded(response.status, _lower(response.headers))
        response._chunks = _noted_async(response._chunks, exchange)
        release = response._release

        async def ended(body_consumed: bool) -> Any:  # noqa: FBT001 - called by position
            exchange.end(Ending.COMPLETE if body_consumed else Ending.ABANDONED)
            return await release(body_consumed)

        response._release = ended
        return response

    return sent


def _begin(request: Any) -> Exchange | None:
    if request.method != "POST" or under_way() is not None:
        return None
    url = urlsplit(request.url)
    host = url.hostname or ""
    if not observer.concerns("POST", host, url.path):
        return None
    return observer.begin("lm15", host, url.path, _lower(request.headers), request.body)


def _lower(headers: Any) -> dict[str, str]:
    return {str(name).lower(): value for name, value in headers}


def _head() -> dict[str, Any]:
    return {
        "status": REFUSED_STATUS,
        "reason": REFUSED_REASON,
        "headers": list(REFUSED_HEADERS.items()),
        "http_version": "HTTP/1.1",
    }


def _noted(chunks: Iterator[bytes], exchange: Exchange) -> Iterator[bytes]:
    try:
        for chunk in chunks:
            exchange.add(chunk)
            yield chunk
    except GeneratorExit:
        raise
    except BaseException:
        exchange.failed(sent=True)
        raise


async def _noted_async(chunks: AsyncIterator[bytes], exchange: Exchange) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            exchange.add(chunk)
            yield chunk
    except GeneratorExit:
        raise
    except BaseException:
        exchange.failed(sent=True)
        raise


async def _one_piece(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _released(_body_consumed: bool) -> None:  # noqa: FBT001 - called by position
    pass


async def _released_async(_body_consumed: bool) -> None:  # noqa: FBT001 - called by position
    pass
