"""Results of batch jobs, as the clients of their providers fetch them."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import openai
import pytest

from support.charging_provider import ChargingProvider
from support.wired_sdk import WiredSdk

if TYPE_CHECKING:
    from collections.abc import Iterator

CREATED = 1_795_000_000
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
OPENAI = [
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


def lines(results: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in results).encode()


class Files(BaseHTTPRequestHandler):
    bodies: dict[str, bytes] = {
        "/v1/files/file-1/content": lines(OPENAI),
        "/v1/files/file-2/content": b"%PDF-1.7\n{}\n" * 100,
        "/v1/messages/batches/msgbatch_1/results": lines(ANTHROPIC),
    }

    def do_GET(self) -> None:
        body = self.bodies.get(self.path)
        if body is None:
            url = f"http://{self.headers['host']}/v1/messages/batches/msgbatch_1/results"
            body = json.dumps({**BATCH, "results_url": url}).encode()
        packed = gzip.compress(body)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def wired() -> Iterator[WiredSdk]:
    with ChargingProvider() as provider:
        sdk = WiredSdk(provider)
        yield sdk
        sdk.close()


def test_each_line_of_a_fetched_result_is_a_call_at_batch_rates(wired: WiredSdk, url: str) -> None:
    """3 × (1000 × 1.25 + 100 × 5); a line that did not run is no call, nor is a second download."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        for _ in range(2):
            assert client.files.content("file-1").content == lines(OPENAI)

    assert wired.account() == (3, 5_250_000)
    assert {p.call.service_tier for p in wired.billed()} == {"batch"}
    assert {p.call.start_ns for p in wired.billed()} == {CREATED * 10**9}


def test_a_result_of_anthropic_is_read_as_it_streams(wired: WiredSdk, url: str) -> None:
    """1000 × 1.5 + 100 × 7.5."""
    with anthropic.Anthropic(base_url=url, api_key="none") as client:
        found = list(client.messages.batches.results("msgbatch_1"))

    assert [line.custom_id for line in found] == ["1", "2"]
    assert wired.account() == (1, 2_250_000)


def test_other_files_are_no_calls(wired: WiredSdk, url: str) -> None:
    """A file is a result only by its lines."""
    assert (
        httpx2.get(f"{url}/v1/files/file-2/content").content
        == Files.bodies["/v1/files/file-2/content"]
    )

    assert wired.account() == (0, 0)
    assert not wired.faults.counts()
