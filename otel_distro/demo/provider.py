"""A fake model provider on loopback, with the APIs of OpenAI and Anthropic.

Supports just enough for the demo and tests: chat, streaming, tools, caching, an error. Words in the
prompt select the response. Every request is kept in `requests`.
"""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_SNAPSHOTS = {"gpt-4o": "gpt-4o-2024-08-06", "gpt-4o-mini": "gpt-4o-mini-2024-07-18"}
_TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": "{}"},
}


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections beyond it are reset


class FakeProvider:
    """Serves on loopback from `start` to `stop`; on a free port unless one is given."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        """Path and decoded body of each request, in order of arrival."""
        self._numbers = itertools.count(1)
        provider = self

        class Handler(_Handler):
            owner = provider

        self._server = _Server(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> FakeProvider:
        """Serve in the background."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> FakeProvider:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def next_id(self, prefix: str) -> str:
        """Return a response id that no other response has."""
        return f"{prefix}-{next(self._numbers):06d}"


class _Handler(BaseHTTPRequestHandler):
    owner: FakeProvider
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = {}
        self.owner.requests.append((self.path, body))
        prompt = json.dumps(body.get("messages", body.get("input", "")))
        if "Too many requests" in prompt:
            return self._answer(429, {"error": {"message": "slow down", "code": "rate_limit"}})
        if self.path.endswith("/chat/completions"):
            return self._chat(body, prompt)
        if self.path.endswith("/messages"):
            return self._message(body, prompt)
        if self.path.endswith("/embeddings"):
            return self._embeddings(body)
        return self._answer(404, {"error": {"message": f"no {self.path}"}})

    def _chat(self, body: dict[str, Any], prompt: str) -> None:
        usage = _openai_usage(prompt)
        model = _SNAPSHOTS.get(body["model"], body["model"])
        head = {"id": self.owner.next_id("chatcmpl"), "model": model, "created": 1_700_000_000}
        if body.get("stream"):
            return self._stream_chat(head, usage)
        message: dict[str, Any] = {"role": "assistant", "content": "Hello"}
        reason = "stop"
        if body.get("tools"):
            message, reason = {**message, "content": None, "tool_calls": [_TOOL_CALL]}, "tool_calls"
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return self._answer(
            200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        )

    def _stream_chat(self, head: dict[str, Any], usage: dict[str, Any]) -> None:
        head = {**head, "object": "chat.completion.chunk"}
        deltas: list[tuple[dict[str, str], str | None]] = [
            ({"role": "assistant", "content": ""}, None),
            ({"content": "Hel"}, None),
            ({"content": "lo"}, None),
            ({}, "stop"),
        ]
        chunks = [
            {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
            for delta, reason in deltas
        ]
        self._stream([*chunks, {**head, "choices": [], "usage": usage}, "[DONE]"])

    def _message(self, body: dict[str, Any], prompt: str) -> None:
        cached = 1024 if "cached" in prompt else 0
        self._answer(
            200,
            {
                "id": self.owner.next_id("msg"),
                "type": "message",
                "role": "assistant",
                "model": body["model"],
                "content": [{"type": "text", "text": "Hello"}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 176,
                    "output_tokens": 300,
                    "cache_read_input_tokens": cached,
                    "cache_creation_input_tokens": 0,
                },
            },
        )

    def _embeddings(self, body: dict[str, Any]) -> None:
        vector = {"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}
        usage = {"prompt_tokens": 42, "total_tokens": 42}
        self._answer(
            200, {"object": "list", "model": body["model"], "data": [vector], "usage": usage}
        )

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: list[dict[str, Any] | str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            text = event if isinstance(event, str) else json.dumps(event)
            self.wfile.write(f"data: {text}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True


def _openai_usage(prompt: str) -> dict[str, Any]:
    return {
        "prompt_tokens": 1200,
        "completion_tokens": 300,
        "total_tokens": 1500,
        "prompt_tokens_details": {"cached_tokens": 1024 if "cached" in prompt else 0},
        "completion_tokens_details": {"reasoning_tokens": 200 if "Think" in prompt else 0},
    }
