"""Results of batch jobs, as the clients of their providers fetch them."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
import anthropic
import httpx2
import openai
import pytest
import requests
import urllib3

from otel_wire.observer import observer
from support.charging_provider import ChargingProvider
from support.http_server import serving
from support.process import free_port
from support.wired_sdk import WiredSdk

if TYPE_CHECKING:
    from collections.abc import Iterator

CREATED = 1_795_000_000
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
OPENAI: list[dict[str, Any]] = [
    {
        "id": f"batch_req_{n}",
        "custom_id": str(n),
        "error": None,
        "response": {
            "status_code": 200,
            "body": {
                "id": f"chatcmpl-{n}",
                "object": "chat.completion",
                "created": CREATED,
                "model": "gpt-4o",
                "usage": USAGE,
            },
        },
    }
    for n in range(3)
] + [{"id": "batch_req_9", "custom_id": "9", "response": None, "error": {"code": "expired"}}]
ANTHROPIC = [
    {"custom_id": "1", "result": {"type": "succeeded", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "content": [],
        "model": "claude-sonnet-4-5", "stop_reason": "end_turn",
        "usage": {"input_tokens": 1000, "output_tokens": 100}}}},
    {"custom_id": "2", "result": {"type": "expired"}},
]  # fmt: skip
BATCH = {
    "id": "msgbatch_1", "type": "message_batch", "processing_status": "ended",
    "request_counts": {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 1},
    "created_at": "2026-11-18T00:00:00Z", "expires_at": "2026-11-19T00:00:00Z",
    "ended_at": "2026-11-18T01:00:00Z",
}  # fmt: skip


GEMINI_ANSWER = {
    "responseId": "g-1",
    "modelVersion": "gemini-2.5-pro",
    "usageMetadata": {
        "promptTokenCount": 1000,
        "candidatesTokenCount": 100,
        "totalTokenCount": 1100,
    },
}
GEMINI_JOB = {
    "name": "batches/1",
    "done": True,
    "response": {
        "inlinedResponses": {
            "inlinedResponses": [
                {"response": GEMINI_ANSWER, "metadata": {"key": "1"}},
                {"error": {"code": 3}, "metadata": {"key": "2"}},
            ]
        }
    },
}
BEDROCK = [
    {"recordId": "1", "modelInput": {}, "modelOutput": {
        "id": "msg_b", "model": "claude-sonnet-4-5-20250929", "type": "message",
        "usage": {"input_tokens": 1000, "output_tokens": 100}}},
]  # fmt: skip
VERTEX = [
    {"status": "", "processed_time": "2026-11-18T00:00:00Z", "request": {},
     "response": GEMINI_ANSWER},
]  # fmt: skip


def lines(results: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in results).encode()


def many(count: int, text: str = "") -> bytes:
    """Return a result of *count* lines with *text* in each."""
    line = OPENAI[0]
    found: list[dict[str, Any]] = []
    for n in range(count):
        body = {**line["response"]["body"], "id": f"many-{n}", "text": text}
        found.append({**line, "id": f"many_{n}", "response": {"status_code": 200, "body": body}})
    return lines(found)


class Files(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: ClassVar[dict[str, bytes]] = {
        "/v1/files/file-1/content": lines(OPENAI),
        "/v1/files/file-2/content": b"%PDF-1.7\n{}\n" * 100,
        "/v1/files/brackets/content": lines(
            [{**line, "text": "[" * 100 + "{" * 100} for line in OPENAI]
        ),
        "/v1/files/many/content": many(1200),
        "/v1/messages/batches/msgbatch_1/results": lines(ANTHROPIC),
        "/download/v1beta/files/f-1:download": lines([{"key": "1", "response": GEMINI_ANSWER}]),
        "/v1beta/batches/1": json.dumps(GEMINI_JOB, indent=1).encode(),
        "/bucket/out/job/in.jsonl.out": lines(BEDROCK),
        "/download/storage/v1/b/x/o/prediction%2Fpredictions.jsonl": lines(VERTEX),
    }

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.bodies.get(path)
        if body is None:
            url = f"http://{self.headers['host']}/v1/messages/batches/msgbatch_1/results"
            body = json.dumps({**BATCH, "results_url": url}).encode()
        if byte_range := self.headers.get("range"):
            first, _, last = byte_range.removeprefix("bytes=").partition("-")
            until = min(int(last or len(body)), len(body) - 1)
            self.send_response(206)
            self.send_header("content-range", f"bytes {first}-{until}/{len(body)}")
            body = body[int(first) : until + 1]
        else:
            self.send_response(200)
        if query == "gzip":
            body = gzip.compress(body)
            self.send_header("content-encoding", "gzip")
        if query == "chunked":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for start in range(0, len(body), 100):
                piece = body[start : start + 100]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if query == "broken":
            self.wfile.write(body[: body.index(b"\n") + 20])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Print nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with serving(Files) as address:
        yield address


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch) -> Iterator[WiredSdk]:
    with ChargingProvider() as provider:
        sdk = WiredSdk(provider)
        faults: list[BaseException] = []
        monkeypatch.setattr(observer, "on_fault", faults.append)
        yield sdk
        sdk.close()
        assert faults == []


def of_requests(url: str) -> bytes:
    return requests.get(url, timeout=30).content


def of_requests_by_line(url: str) -> bytes:
    with requests.get(url, timeout=30, stream=True) as response:
        return b"".join(line + b"\n" for line in response.iter_lines())


def of_urllib3(url: str) -> bytes:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url).data


def of_urllib3_in_pieces(url: str) -> bytes:
    with urllib3.PoolManager() as pool:
        response = pool.request("GET", url, preload_content=False)
        found = b"".join(response.stream(50))
        response.release_conn()
        return found


def unpacked(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def of_urllib_request(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        body: bytes = response.read()
        return unpacked(body)


def of_urllib_request_in_pieces(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        return unpacked(b"".join(iter(lambda: response.read(50), b"")))


def of_http_client(url: str) -> bytes:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", f"/{path}")
    response = connection.getresponse()
    body = b"".join(response)  # line by line
    connection.close()
    return unpacked(body)


def of_aiohttp(url: str) -> bytes:
    async def fetch() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return await response.read()

    return asyncio.run(fetch())


def of_aiohttp_in_pieces(url: str) -> bytes:
    async def fetch() -> bytes:
        base, _, path = url.partition("/v1/")
        async with aiohttp.ClientSession(f"{base}/v1/") as session:
            async with session.request("get", path) as response:
                return b"".join([piece async for piece in response.content.iter_chunked(50)])

    return asyncio.run(fetch())


def of_httpx(url: str) -> bytes:
    return httpx2.get(url).content


def of_httpx_by_line(url: str) -> bytes:
    with httpx2.stream("GET", url) as response:
        return "".join(f"{line}\n" for line in response.iter_lines()).encode()


def of_httpx_async(url: str) -> bytes:
    async def fetch() -> bytes:
        async with httpx2.AsyncClient() as client, client.stream("GET", url) as response:
            return b"".join([piece async for piece in response.aiter_bytes(50)])

    return asyncio.run(fetch())


Fetch = Callable[[str], bytes]
CLIENTS: list[Fetch] = [
    of_requests, of_requests_by_line, of_urllib3, of_urllib3_in_pieces, of_urllib_request,
    of_urllib_request_in_pieces, of_http_client, of_aiohttp, of_aiohttp_in_pieces, of_httpx,
    of_httpx_by_line, of_httpx_async,
]  # fmt: skip


@pytest.mark.parametrize("sent", ["", "?gzip", "?chunked"])
@pytest.mark.parametrize("fetch", CLIENTS, ids=lambda f: f.__name__)
def test_every_client_fetches_each_line_of_a_result_as_a_call(
    wired: WiredSdk, url: str, fetch: Fetch, sent: str
) -> None:
    """3 × (1000 × 1.25 + 100 × 5); whole or in chunks, compressed or not, once if fetched twice."""
    for _ in range(2):
        assert fetch(f"{url}/v1/files/file-1/content{sent}") == lines(OPENAI)

    assert wired.account() == (3, 5_250_000)
    assert {p.call.service_tier for p in wired.billed()} == {"batch"}


@pytest.mark.parametrize("fetch", CLIENTS, ids=lambda f: f.__name__)
def test_the_lines_before_a_break_are_calls_and_the_others_when_they_come(
    wired: WiredSdk, url: str, fetch: Fetch
) -> None:
    """The download breaks off in its second line; some clients then return nothing."""
    with suppress(Exception):  # each client has its own error
        fetch(f"{url}/v1/files/file-1/content?broken")
    before = wired.account()
    fetch(f"{url}/v1/files/file-1/content")

    if fetch is not of_aiohttp_in_pieces:  # depends on the timing
        shows_nothing = fetch in {of_urllib3, of_aiohttp, of_httpx}
        assert before == ((0, 0) if shows_nothing else (1, 1_750_000))
    assert wired.account() == (3, 5_250_000)


@pytest.mark.parametrize("fetch", CLIENTS, ids=lambda f: f.__name__)
def test_other_files_are_not_calls(wired: WiredSdk, url: str, fetch: Fetch) -> None:
    """A file is a result only by its lines."""
    body = Files.bodies["/v1/files/file-2/content"]

    assert fetch(f"{url}/v1/files/file-2/content") == body
    assert wired.account() == (0, 0)


@pytest.mark.parametrize("size", [90, 333, 1000])
def test_parts_of_a_result_are_put_together(wired: WiredSdk, url: str, size: int) -> None:
    """As clients of object stores fetch it, here the last part first."""
    body = Files.bodies["/v1/files/file-1/content"]
    for start in reversed(range(0, len(body), size)):
        headers = {"range": f"bytes={start}-{start + size - 1}", "accept-encoding": "identity"}
        part = requests.get(f"{url}/v1/files/file-1/content", headers=headers, timeout=30)
        assert part.content == body[start : start + size]

    calls = sum(len(line) <= size for line in lines(OPENAI[:3]).splitlines())
    assert wired.account()[0] >= calls
    assert wired.account()[0] <= 3
    if size >= 333:
        assert wired.account() == (3, 5_250_000)


def test_a_resumed_download_loses_no_line(wired: WiredSdk, url: str) -> None:
    """The line at the break is read from both parts."""
    at = f"{url}/v1/files/file-1/content"
    got = b""
    with suppress(Exception), requests.get(f"{at}?broken", stream=True, timeout=30) as response:
        for piece in response.iter_content(10):
            got += piece
    rest = requests.get(at, headers={"range": f"bytes={len(got)}-"}, timeout=30).content

    assert got + rest == lines(OPENAI)
    assert wired.account() == (3, 5_250_000)


@pytest.mark.parametrize(
    ("path", "nano_usd"),
    [
        # 1000 × 0.625 + 100 × 5
        ("/download/v1beta/files/f-1:download?alt=media", 1_125_000),
        ("/v1beta/batches/1", 1_125_000),
        ("/download/storage/v1/b/x/o/prediction%2Fpredictions.jsonl?alt=media", 1_125_000),
        # 1000 × 3.3 + 100 × 16.5: the list has no rates for batches of Bedrock
        ("/bucket/out/job/in.jsonl.out", 4_950_000),
    ],
)
def test_results_of_other_providers_are_read_from_their_stores(
    wired: WiredSdk, url: str, path: str, nano_usd: int
) -> None:
    """A file or a job of Gemini's, an object of Vertex AI or Bedrock."""
    requests.get(url + path, timeout=30).raise_for_status()

    assert wired.account() == (1, nano_usd)


def test_brackets_in_a_text_do_not_end_a_result(wired: WiredSdk, url: str) -> None:
    """They are not part of the line's structure."""
    requests.get(f"{url}/v1/files/brackets/content", timeout=30).raise_for_status()

    assert wired.account() == (3, 5_250_000)


def test_a_result_of_many_lines_is_read_in_portions(wired: WiredSdk, url: str) -> None:
    """More than one portion."""
    requests.get(f"{url}/v1/files/many/content", timeout=30).raise_for_status()

    assert wired.account() == (1200, 1200 * 1_750_000)


def test_an_abandoned_request_leaves_the_connection_unchanged(wired: WiredSdk, url: str) -> None:
    """The next response on it belongs to another file."""
    connection = http.client.HTTPConnection("127.0.0.1", free_port(), timeout=30)
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/v1/files/file-1/content")
    connection.close()
    connection.port = int(url.rpartition(":")[2])
    connection.request("GET", "/v1/other")

    assert b"msgbatch" in connection.getresponse().read()
    connection.close()
    assert wired.account() == (0, 0)


def test_each_line_of_a_fetched_result_is_a_call_at_batch_rates(wired: WiredSdk, url: str) -> None:
    """A line that did not run is not a call, nor is a second download."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        for _ in range(2):
            assert client.files.content("file-1").content == lines(OPENAI)

    assert wired.account() == (3, 5_250_000)
    assert {p.call.start_ns for p in wired.billed()} == {CREATED * 10**9}


def test_a_result_of_anthropic_is_read_as_it_streams(wired: WiredSdk, url: str) -> None:
    """1000 × 1.5 + 100 × 7.5."""
    with anthropic.Anthropic(base_url=url, api_key="none") as client:
        found = list(client.messages.batches.results("msgbatch_1"))

    assert [line.custom_id for line in found] == ["1", "2"]
    assert wired.account() == (1, 2_250_000)
