"""Usage is requested for streams, invisibly to the app."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2
import openai
import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from otel_pricing import CostStatus
from otel_wire.filtered_file import FilteredFile
from otel_wire.framing import Chunked
from otel_wire.observer import observer
from otel_wire.stream_usage import WithoutUsageChunk, with_usage
from support.charging_provider import ChargingProvider
from support.wired_sdk import QUESTION, WiredSdk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST, PATH = "api.openai.com", "/v1/chat/completions"
BODY = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"\xc3\xa9"}}],"usage":null}\n\n'
USAGE = b'data: {"id":"c-1","choices":[],"usage":{"prompt_tokens":9}}\n\n'
DONE = b"data: [DONE]\n\n"


def encoded(**changes: Any) -> bytes:
    return json.dumps({**BODY, **changes}).encode()


def test_only_the_field_is_added() -> None:
    """Byte for byte: the app's body may be signed or measured elsewhere."""
    body = b'  {"model": "gpt-4o", "temperature": 1.0, "stream": true, "messages": []}'

    changed = with_usage(HOST, PATH, body)

    assert changed is not None
    assert changed.replace(b'"stream_options":{"include_usage":true},', b"") == body
    assert json.loads(changed)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("host", "path", "body"),
    [
        (HOST, PATH, encoded(stream=False)),
        (HOST, PATH, encoded(stream_options={"include_usage": False})),
        (HOST, PATH, encoded(stream_options=None)),
        (HOST, "/v1/responses", encoded()),
        ("api.anthropic.com", "/v1/messages", encoded()),
        ("api.mistral.ai", PATH, encoded(model="mistral-large-latest")),
        ("gateway.example", PATH, encoded(model="claude-sonnet-4-5")),
        (HOST, PATH, b'{"stream": true, "messages": [' + b"[" * 5000),
        (HOST, PATH, b'["stream", true]'),
        (HOST, PATH, b'{"stream": true, \xff}'),
        (HOST, PATH, b""),
    ],
)
def test_other_requests_are_unchanged(host: str, path: str, body: bytes) -> None:
    """If the app sets the field, for other APIs, for unreadable bodies."""
    assert with_usage(host, path, body) is None


@given(st.lists(st.integers(1, 40), max_size=30))
def test_the_chunk_is_taken_out_wherever_pieces_end(sizes: list[int]) -> None:
    """All other bytes pass, in order."""
    rest, passed = TEXT + TEXT + USAGE + DONE, b""
    out = WithoutUsageChunk()

    for size in [*sizes, len(rest)]:
        piece, rest = rest[:size], rest[size:]
        passed += out.feed(piece)

    assert passed + out.end() == TEXT + TEXT + DONE


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"choices":[],"usage":null}\n\n',
        b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":9}}\n\n',
        b'data: {"choices":[],"usage":\n\n',
        b': a comment with "usage" and "choices"\n\n',
        b'data: {"choices":[],"usage":{"text":"' + b"x" * 200_000 + b'"}}\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":9}',
    ],
    ids=["no usage", "with a choice", "broken", "comment", "long", "broken off"],
)
def test_other_events_pass(event: bytes) -> None:
    """Also broken, endless and interrupted ones."""
    out = WithoutUsageChunk()

    assert out.feed(TEXT) + out.feed(event) + out.end() == TEXT + event


@pytest.fixture
def wired() -> Iterator[WiredSdk]:
    with ChargingProvider() as provider:
        sdk = WiredSdk(provider)
        observer.requests_usage = True
        yield sdk
        observer.requests_usage = False
        sdk.close()


def test_a_stream_without_usage_becomes_exact(wired: WiredSdk) -> None:
    """The client gets the usual chunks, and the ledger the provider's usage."""
    client = openai.OpenAI(base_url=wired.provider.url + "/v1", api_key="none", max_retries=0)
    chunks = list(client.chat.completions.create(**QUESTION, stream=True))

    assert all(chunk.choices and not chunk.usage for chunk in chunks)
    assert wired.account() == wired.served()
    (priced,) = wired.billed()
    assert priced.status is CostStatus.PRICED


def test_an_asynchronous_stream_too(wired: WiredSdk) -> None:
    """With the asynchronous client of the library."""

    async def ask() -> list[Any]:
        async with openai.AsyncOpenAI(
            base_url=wired.provider.url + "/v1", api_key="none", max_retries=0
        ) as client:
            stream = await client.chat.completions.create(**QUESTION, stream=True)
            return [chunk async for chunk in stream]

    chunks = asyncio.run(ask())

    assert all(chunk.choices and not chunk.usage for chunk in chunks)
    assert wired.account() == wired.served()


def test_an_app_that_requests_usage_gets_it(wired: WiredSdk) -> None:
    """The app's field and the chunk are unchanged."""
    body = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    answer = httpx2.post(wired.provider.url + PATH, json=body, timeout=30)

    assert b'"choices": [], "usage": {' in answer.content
    assert wired.account() == wired.served()


STREAM = {**QUESTION, "stream": True}


def by_requests(url: str) -> bytes:
    with requests.post(url, json=STREAM, stream=True, timeout=30) as response:
        return b"".join(line + b"\n" for line in response.iter_lines())


def by_requests_at_once(url: str) -> bytes:
    return requests.post(url, json=STREAM, timeout=30).content


def by_urllib3(url: str) -> bytes:
    with urllib3.PoolManager() as pool:
        return pool.request("POST", url, body=json.dumps(STREAM)).data


def by_urllib3_piece_by_piece(url: str) -> bytes:
    headers = {"Content-Type": "application/json", "accept-encoding": "gzip"}
    with urllib3.PoolManager() as pool:
        body = json.dumps(STREAM).encode()
        response = pool.request("POST", url, body=body, headers=headers, preload_content=False)
        return b"".join(response.stream(7))


def by_aiohttp(read: str) -> Callable[[str], bytes]:
    async def ask(url: str) -> bytes:
        async with aiohttp.ClientSession() as session, session.post(url, json=STREAM) as response:
            if read == "read":
                return await response.read()
            if read == "lines":
                return b"".join([line async for line in response.content])
            if read == "any":
                return b"".join([piece async for piece in response.content.iter_any()])
            if read == "chunks":
                return b"".join([piece async for piece, _ in response.content.iter_chunks()])
            return b"".join([piece async for piece in response.content.iter_chunked(11)])

    return lambda url: asyncio.run(ask(url))


@pytest.mark.parametrize(
    "ask",
    [
        by_requests,
        by_requests_at_once,
        by_urllib3,
        by_urllib3_piece_by_piece,
        *(by_aiohttp(how) for how in ("read", "lines", "any", "chunks", "chunked")),
    ],
)
def test_streams_of_other_libraries_become_exact_too(
    wired: WiredSdk, ask: Callable[[str], bytes]
) -> None:
    """The response is unchanged for every way of reading it."""
    content = ask(wired.provider.url + PATH)

    events = [event for event in content.split(b"\n\n") if event.strip()]
    assert len(events) > 2
    assert events[-1].strip() == b"data: [DONE]"
    assert not any(b'"choices": []' in event for event in events)
    assert wired.account() == wired.served()
    (priced,) = wired.billed()
    assert priced.status is CostStatus.PRICED


def test_a_connection_can_be_used_again_after_a_filtered_stream(wired: WiredSdk) -> None:
    """Exactly the response is read."""
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(wired.provider.url + PATH, json=STREAM, timeout=30)
            assert answer.content.rstrip().endswith(b"[DONE]")

    assert wired.account() == wired.served()
    assert len(wired.billed()) == 3


def raw_chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


@given(st.lists(st.integers(1, 60), max_size=20), st.sampled_from([1, 3, 4096, -1]))
def test_chunks_are_rebuilt_around_the_remainder(sizes: list[int], most: int) -> None:
    """A body in any chunks stays valid, with the same events."""
    rest, pieces = TEXT + USAGE + TEXT + DONE, []
    for size in [*sizes, len(rest)]:
        piece, rest = rest[:size], rest[size:]
        pieces += [piece] if piece else []
    file = FilteredFile(io.BytesIO(raw_chunks(*pieces)), WithoutUsageChunk(), chunked=True)

    read = b""
    while piece := file.read(most) if most != 4096 else file.readline(most):
        read += piece
    framing = Chunked()

    assert framing.feed(read) == TEXT + TEXT + DONE
    assert framing.complete


@pytest.mark.parametrize("broken", [b"zz\r\nno chunk", b"40\r\nshort", b"-5\r\nabcde", b""])
def test_a_broken_body_passes_unchanged(broken: bytes) -> None:
    """The library detects the fault."""
    file = FilteredFile(io.BytesIO(broken), WithoutUsageChunk(), chunked=True)

    assert file.read() == broken
