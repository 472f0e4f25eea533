"""Trace headers in model calls to the user's own hosts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from otel_wire import clients
from otel_wire.observer import observer

if TYPE_CHECKING:
    from otel_wire.record import WireRecord

PATH = "/v1/chat/completions"


async def headers_received(headers: CIMultiDict[str]) -> list[tuple[str, str]]:
    """Post to a server of this machine with *headers*; return those that it receives."""
    received: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        received.extend(request.headers.items())
        return web.json_response({})

    app = web.Application()
    app.router.add_post(PATH, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        async with aiohttp.ClientSession() as session:
            async with session.post(url, json={"model": "gpt-4o"}, headers=headers) as response:
                await response.read()
    finally:
        await runner.cleanup()
    return received


def test_aiohttp_keeps_headers_that_an_app_sends_twice() -> None:
    """With the trace as an additional header."""
    clients.install(aiohttp)
    seen: list[WireRecord] = []
    stop = observer.observe(seen.append)
    try:
        headers: CIMultiDict[str] = CIMultiDict([("X-Tag", "a"), ("X-Tag", "b")])
        received = asyncio.run(headers_received(headers))
    finally:
        stop()

    assert [value for name, value in received if name == "X-Tag"] == ["a", "b"]
    assert [name.lower() for name, _ in received].count("traceparent") == 1
