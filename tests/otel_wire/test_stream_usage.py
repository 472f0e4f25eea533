"""Streams are asked for their usage, and the app sees nothing of it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_pricing import CostStatus
from otel_wire.observer import observer
from otel_wire.stream_usage import WithoutUsageChunk, with_usage
from support.charging_provider import ChargingProvider
from support.wired_sdk import QUESTION, WiredSdk

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST, PATH = "api.openai.com", "/v1/chat/completions"
BODY = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"\xc3\xa9"}}],"usage":null}\n\n'
USAGE = b'data: {"id":"c-1","choices":[],"usage":{"prompt_tokens":9}}\n\n'
DONE = b"data: [DONE]\n\n"


def encoded(**changes: Any) -> bytes:
    return json.dumps({**BODY, **changes}).encode()


def test_only_the_field_is_added() -> None:
    """To the byte: what the app wrote may be signed or measured elsewhere."""
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
def test_other_requests_stay_as_they_are(host: str, path: str, body: bytes) -> None:
    """Where the app has decided, where the API is another one, where nothing can be read."""
    assert with_usage(host, path, body) is None


@given(st.lists(st.integers(1, 40), max_size=30))
def test_the_chunk_is_taken_out_wherever_pieces_end(sizes: list[int]) -> None:
    """Every other byte passes, in order."""
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
    """The client gets the chunks that it would have got, and the ledger the provider's account."""
    client = openai.OpenAI(base_url=wired.provider.url + "/v1", api_key="none", max_retries=0)
    chunks = list(client.chat.completions.create(**QUESTION, stream=True))

    assert all(chunk.choices and not chunk.usage for chunk in chunks)
    assert wired.account() == wired.served()
    (priced,) = wired.billed()
    assert priced.status is CostStatus.PRICED


def test_an_asynchronous_stream_too(wired: WiredSdk) -> None:
    """Over the other client of the library."""

    async def ask() -> list[Any]:
        async with openai.AsyncOpenAI(
            base_url=wired.provider.url + "/v1", api_key="none", max_retries=0
        ) as client:
            stream = await client.chat.completions.create(**QUESTION, stream=True)
            return [chunk async for chunk in stream]

    chunks = asyncio.run(ask())

    assert all(chunk.choices and not chunk.usage for chunk in chunks)
    assert wired.account() == wired.served()


def test_who_asks_for_usage_gets_it(wired: WiredSdk) -> None:
    """The app's own field is left alone, and so is the chunk."""
    body = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    answer = httpx2.post(wired.provider.url + PATH, json=body, timeout=30)

    assert b'"choices": [], "usage": {' in answer.content
    assert wired.account() == wired.served()
