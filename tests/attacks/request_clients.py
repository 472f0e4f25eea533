"""Every hooked HTTP client; each sends one request and reads the response in one way."""

from __future__ import annotations

import asyncio
import http.client
import io
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import aiohttp
import httpx2
import requests
import urllib3

HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-x"}
TIMEOUT_S = 20

Send = Callable[[str, Any, dict[str, str], str], int]
"""URL, body, headers, way of reading -> status; exceptions of the client are raised."""


def _httpx(url: str, body: Any, headers: dict[str, str], reading: str) -> int:
    with httpx2.Client(timeout=TIMEOUT_S) as client:
        if reading == "whole":
            return client.post(url, content=body, headers=headers).status_code
        with client.stream("POST", url, content=body, headers=headers) as response:
            if reading == "pieces":
                for _ in response.iter_raw():
                    pass
            elif reading == "a part":
                next(response.iter_raw(10), None)
            return response.status_code


def _httpx_async(url: str, body: Any, headers: dict[str, str], reading: str) -> int:
    async def main() -> int:
        async with httpx2.AsyncClient(timeout=TIMEOUT_S) as client:
            content = _asynchronous(body)
            if reading == "whole":
                return (await client.post(url, content=content, headers=headers)).status_code
            async with client.stream("POST", url, content=content, headers=headers) as response:
                if reading == "pieces":
                    async for _ in response.aiter_raw():
                        pass
                elif reading == "a part":
                    async for _ in response.aiter_raw(10):
                        break
                return response.status_code

    return asyncio.run(main())


def _asynchronous(body: Any) -> Any:
    if isinstance(body, str | bytes):
        return body

    async def pieces() -> AsyncIterator[bytes]:
        for piece in body:
            yield piece

    return pieces()


def _aiohttp(url: str, body: Any, headers: dict[str, str], reading: str) -> int:
    async def main() -> int:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            data = body if isinstance(body, str | bytes | io.IOBase) else _asynchronous(body)
            async with session.post(url, data=data, headers=headers) as response:
                if reading == "whole":
                    await response.read()
                elif reading == "pieces":
                    async for _ in response.content.iter_any():
                        pass
                elif reading == "a part":
                    await response.content.read(10)
                return response.status

    return asyncio.run(main())


def _aiohttp_payload(url: str, body: Any, headers: dict[str, str], reading: str) -> int:
    async def main() -> int:
        payload: Any
        if isinstance(body, str):
            payload = aiohttp.StringPayload(body)
        elif isinstance(body, bytes):
            payload = aiohttp.BytesPayload(body)
        elif isinstance(body, io.BytesIO):
            payload = aiohttp.BytesIOPayload(body)
        elif isinstance(body, io.IOBase):
            payload = aiohttp.BufferedReaderPayload(cast("Any", body))
        else:
            payload = aiohttp.AsyncIterablePayload(_asynchronous(body))
        return await _send(payload)

    async def _send(payload: Any) -> int:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.post(url, data=payload, headers=headers) as response,
        ):
            if reading in {"whole", "pieces"}:
                await response.text(errors="replace")
            elif reading == "a part":
                await response.content.readany()
            return response.status

    return asyncio.run(main())


def _requests(url: str, body: Any, headers: dict[str, str], reading: str) -> int:
    streams = reading != "whole"
    with requests.post(url, data=body, headers=headers, stream=streams, timeout=TIMEOUT_S) as found:
        if reading == "pieces":
            for _ in found.iter_content(100):
                pass
        elif reading == "a part":
            found.raw.read(10)
        return found.status_code


def _urllib3(url: str, body: Any, headers: dict[str, str], reading: str) -> int:
    with urllib3.PoolManager(retries=False, timeout=TIMEOUT_S) as pool:
        found: Any = pool.request(
            "POST", url, body=body, headers=headers, preload_content=reading == "whole"
        )
        if reading == "pieces":
            while found.read1():
                pass
        elif reading == "a part":
            found.read1(10)
        status: int = found.status
        found.close()
        return status


def _http_client(url: str, body: Any, headers: dict[str, str], reading: str) -> int:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"/{path}", body=body, headers=headers)
        response = connection.getresponse()
        _read(response, reading)
        return response.status
    finally:
        connection.close()


def _urllib_request(url: str, body: Any, headers: dict[str, str], reading: str) -> int:
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data=data, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            _read(response, reading)
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def _read(response: Any, reading: str) -> None:
    if reading == "whole":
        response.read()
    elif reading == "pieces":
        buffer = bytearray(100)
        while response.readinto(buffer):
            pass
    elif reading == "a part":
        response.read1(10)


CLIENTS: dict[str, Send] = {
    "httpx": _httpx,
    "httpx async": _httpx_async,
    "aiohttp": _aiohttp,
    "aiohttp payload": _aiohttp_payload,
    "requests": _requests,
    "urllib3": _urllib3,
    "http.client": _http_client,
    "urllib.request": _urllib_request,
}


def generator(content: bytes) -> Iterator[bytes]:
    """Give *content* in three pieces."""
    third = len(content) // 3 + 1
    for start in range(0, len(content), third):
        yield content[start : start + third]
