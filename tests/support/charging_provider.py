"""Model provider on loopback with its own account: served requests, and charges.

Every response has a different id and usage, so that two calls never match by accident. Words
in a prompt choose a scenario: `CACHED` (part of the input comes from the prompt cache), `SLOW` (a
stream with a pause between its chunks), `REFUSE` (429), `BREAK` (500), `TOOL` (asks for a tool).

    python tests/support/charging_provider.py [PORT]
"""

from __future__ import annotations

import binascii
import itertools
import json
import struct
import sys
import threading
import time
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NANO_USD_PER_TOKEN = {
    # input, output, cache read, cache write: list prices per million tokens times 1,000
    "gpt-4o-mini": (150, 600, 75, 0),
    "gpt-4o": (2_500, 10_000, 1_250, 0),
    "text-embedding-3-small": (20, 0, 0, 0),
    "claude-sonnet-4-5": (3_000, 15_000, 300, 3_750),
    "gemini-2.5-flash": (300, 2_500, 30, 0),
    "mistral-large-latest": (2_000, 6_000, 0, 0),
    "command-a-03-2025": (2_500, 10_000, 0, 0),
    "anthropic.claude-sonnet-4-5-20250929-v1:0": (3_300, 16_500, 330, 4_125),
}
"""Prices of the models that the programs use; others have no known price."""
PIECES = 3
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Served:
    """One request that reached the provider."""

    number: int
    path: str
    model: str
    status: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    nano_usd: int | None
    """The charge; None if the response lacks the usage."""


@dataclass(frozen=True, slots=True)
class Charge:
    """The usage in one response."""

    number: int
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int

    @property
    def nano_usd(self) -> int | None:
        """Cost of the call at list price."""
        names = sorted(NANO_USD_PER_TOKEN, key=len, reverse=True)
        name = next((name for name in names if self.model.startswith(name)), None)
        if name is None:
            return None
        per_input, per_output, per_read, _ = NANO_USD_PER_TOKEN[name]
        fresh = self.input_tokens - self.cached_tokens
        return fresh * per_input + self.output_tokens * per_output + self.cached_tokens * per_read


class Account:
    """All served requests, from the provider's view; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._served: list[Served] = []

    def number(self) -> int:
        """Return the number of the next request."""
        return next(self._numbers)

    def add(self, served: Served) -> None:
        """Record one request."""
        with self._lock:
            self._served.append(served)

    def served(self) -> list[Served]:
        """Return all requests so far, the failed ones included."""
        with self._lock:
            return list(self._served)

    def clear(self) -> None:
        """Delete the served requests."""
        with self._lock:
            self._served.clear()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections beyond it are reset

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report nothing: clients may disconnect during a response."""


class ChargingProvider:
    """The server; a context manager that returns itself."""

    def __init__(self, port: int = 0) -> None:
        self.account = Account()
        handler = type("Handler", (_Handler,), {"account": self.account})
        self._server = _Server(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ChargingProvider:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    account: Account

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/served":
            self._json([asdict(served) for served in self.account.served()])
        elif self.path == "/clear":
            self.account.clear()
            self._json([])
        else:
            self._json({"models": [], "data": []})

    def do_POST(self) -> None:
        raw = self._body()
        body = json.loads(raw) if raw.startswith((b"{", b"[")) else {}
        path = unquote(self.path.partition("?")[0])
        answer = next((make for end, make in _ANSWERS if end in path), None)
        if answer is None:
            self._json({"error": {"message": f"nothing at {path}"}}, status=404)
            return
        text = json.dumps(body)
        number = self.account.number()
        model = str(body.get("model") or _model_in(path))
        cached = 600 if "CACHED" in text else 0
        charge = Charge(number, model, 1_000 + number, 100 + number % 50, cached)
        failure = 429 if "REFUSE" in text else 500 if "BREAK" in text else 0
        if failure:
            self._account_for(path, charge, failure, 0 if failure == 429 else None)
            self._json({"error": {"message": "not now", "type": "x"}}, status=failure)
            return
        answer(self, path, body, charge, PAUSE_S if "SLOW" in text else 0.0)

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _account_for(self, path: str, charge: Charge, status: int, nano_usd: int | None) -> None:
        self.account.add(
            Served(
                number=charge.number,
                path=path,
                model=charge.model,
                status=status,
                input_tokens=charge.input_tokens,
                output_tokens=charge.output_tokens,
                cached_tokens=charge.cached_tokens,
                nano_usd=nano_usd,
            )
        )

    def send_document(self, path: str, charge: Charge, answer: object) -> None:
        """Answer with one JSON document."""
        self._account_for(path, charge, 200, charge.nano_usd)
        self._json(answer)

    def stream(
        self,
        path: str,
        charge: Charge,
        pieces: Iterable[bytes],
        *,
        says_usage: bool = True,
        kind: str = "text/event-stream",
        pause_s: float = 0.0,
    ) -> None:
        """Answer in chunks; a stream that the client breaks off is still charged."""
        self._account_for(path, charge, 200, charge.nano_usd if says_usage else None)
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for piece in pieces:
            try:
                self.wfile.write(piece)
                self.wfile.flush()
            except OSError:
                return
            time.sleep(pause_s)

    def _json(self, answer: object, status: int = 200) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        if status == 429:
            self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(content)


def _model_in(path: str) -> str:
    for before in ("/models/", "/model/"):
        if before in path:
            rest = path.partition(before)[2]
            return rest.rpartition(":")[0] if before == "/models/" else rest.rpartition("/")[0]
    return ""


def _sse(events: Iterable[Any], *, named: bool = False) -> Iterator[bytes]:
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        data = event if isinstance(event, str) else json.dumps(event)
        yield f"{name}data: {data}\n\n".encode()


def _openai_usage(charge: Charge) -> dict[str, Any]:
    return {
        "prompt_tokens": charge.input_tokens,
        "completion_tokens": charge.output_tokens,
        "total_tokens": charge.input_tokens + charge.output_tokens,
        "prompt_tokens_details": {"cached_tokens": charge.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _chat(to: _Handler, path: str, body: Any, charge: Charge, pause_s: float) -> None:
    base = {
        "id": f"chatcmpl-{charge.number:024x}",
        "created": 1_790_000_000,
        "model": charge.model,
        "object": "chat.completion",
    }
    call = {
        "id": f"call_{charge.number}",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
    }
    asks = "TOOL" in json.dumps(body) and bool(body.get("tools")) and not _has_result(body)
    reason = "tool_calls" if asks else "stop"
    if not body.get("stream"):
        message: dict[str, Any] = {"role": "assistant", "content": "sunny"}
        if asks:
            message |= {"content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        to.send_document(path, charge, base | {"choices": [choice], "usage": _openai_usage(charge)})
        return
    says_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    # Mistral and Groq always report usage in the last chunk.
    unasked = charge.model.startswith(("mistral", "llama"))
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "sun "}] * PIECES
    if asks:
        deltas = [{"role": "assistant", "tool_calls": [call | {"index": 0}]}]
    chunk = base | {"object": "chat.completion.chunk"}
    events: list[Any] = [
        chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in (deltas * 20 if pause_s else deltas)
    ]
    last: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    events.append(chunk | last | ({"usage": _openai_usage(charge)} if unasked else {}))
    if says_usage and not unasked:
        events.append(chunk | {"choices": [], "usage": _openai_usage(charge)})
    events.append("[DONE]")
    to.stream(path, charge, _sse(events), says_usage=says_usage or unasked, pause_s=pause_s)


def _has_result(body: Any) -> bool:
    text = json.dumps(body)
    return any(mark in text for mark in ('"tool"', "tool_result", "toolResult", "function_call_o"))


def _responses(to: _Handler, path: str, body: Any, charge: Charge, pause_s: float) -> None:
    usage = {
        "input_tokens": charge.input_tokens,
        "output_tokens": charge.output_tokens,
        "total_tokens": charge.input_tokens + charge.output_tokens,
        "input_tokens_details": {"cached_tokens": charge.cached_tokens},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    text = {"type": "output_text", "text": "sunny", "annotations": [], "logprobs": []}
    item = {
        "type": "message",
        "id": f"msg_{charge.number}",
        "status": "completed",
        "role": "assistant",
        "content": [text],
    }
    answer = {
        "id": f"resp_{charge.number:024x}",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": charge.model,
        "output": [item],
        "usage": usage,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
    }
    if not body.get("stream"):
        to.send_document(path, charge, answer)
        return
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    started = answer | {"status": "in_progress", "output": [], "usage": None}
    empty = item | {"status": "in_progress", "content": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        {"type": "response.content_part.added", "part": text | {"text": ""}, **place},
        {"type": "response.output_text.delta", "delta": "sunny", "logprobs": [], **place},
        {"type": "response.output_text.done", "text": "sunny", "logprobs": [], **place},
        {"type": "response.content_part.done", "part": text, **place},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": answer},
    ]
    numbered = [event | {"sequence_number": n} for n, event in enumerate(events)]
    to.stream(path, charge, _sse(numbered, named=True), pause_s=pause_s)


def _embeddings(to: _Handler, path: str, body: Any, charge: Charge, _pause_s: float) -> None:
    charge = Charge(charge.number, charge.model, charge.input_tokens, 0, 0)
    usage = {"prompt_tokens": charge.input_tokens, "total_tokens": charge.input_tokens}
    vector: Any = [0.25, 0.5]
    if body.get("encoding_format") == "base64":
        vector = binascii.b2a_base64(struct.pack("<2f", *vector), newline=False).decode()
    inputs = body.get("input")
    data = [
        {"object": "embedding", "index": n, "embedding": vector}
        for n in range(len(inputs) if isinstance(inputs, list) else 1)
    ]
    answer = {"object": "list", "model": charge.model, "data": data, "usage": usage}
    to.send_document(path, charge, answer | {"id": f"embd-{charge.number}"})


def _messages(to: _Handler, path: str, body: Any, charge: Charge, pause_s: float) -> None:
    usage = {
        "input_tokens": charge.input_tokens - charge.cached_tokens,
        "output_tokens": charge.output_tokens,
        "cache_read_input_tokens": charge.cached_tokens,
        "cache_creation_input_tokens": 0,
        "service_tier": "standard",
    }
    asks = "TOOL" in json.dumps(body) and bool(body.get("tools")) and not _has_result(body)
    block: dict[str, Any] = {"type": "text", "text": "sunny"}
    if asks:
        names = [tool.get("name") for tool in body["tools"]]
        block = {
            "type": "tool_use",
            "id": f"toolu_{charge.number}",
            "name": names[0],
            "input": {"city": "Paris"},
        }
    answer = {
        "id": f"msg_{charge.number:024x}",
        "type": "message",
        "role": "assistant",
        "model": charge.model,
        "content": [block],
        "stop_reason": "tool_use" if asks else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    if not body.get("stream"):
        to.send_document(path, charge, answer)
        return
    started = answer | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": "sun "}
    if asks:
        empty = block | {"input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    pieces = 1 if asks else PIECES * (20 if pause_s else 1)
    end = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
    events = [
        {"type": "message_start", "message": started},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        *[{"type": "content_block_delta", "index": 0, "delta": delta}] * pieces,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": charge.output_tokens}},
        {"type": "message_stop"},
    ]
    to.stream(path, charge, _sse(events, named=True), pause_s=pause_s)


def _gemini(to: _Handler, path: str, body: Any, charge: Charge, pause_s: float) -> None:
    text = json.dumps(body)
    asks = "TOOL" in text and "functionDeclarations" in text and "functionResponse" not in text
    call = {"functionCall": {"name": "weather", "args": {"city": "Paris"}}}
    answer = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [call if asks else {"text": "sunny"}]},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": charge.input_tokens,
            "candidatesTokenCount": charge.output_tokens,
            "totalTokenCount": charge.input_tokens + charge.output_tokens,
            "cachedContentTokenCount": charge.cached_tokens,
        },
        "modelVersion": charge.model,
        "responseId": f"g-{charge.number}",
    }
    if ":stream" not in path:
        to.send_document(path, charge, answer)
    elif "alt=sse" in to.path:
        to.stream(path, charge, _sse([answer]), pause_s=pause_s)
    else:
        send_document = json.dumps([answer]).encode()
        to.stream(path, charge, [send_document[:40], send_document[40:]], kind="application/json")


def _converse(to: _Handler, path: str, _body: Any, charge: Charge, pause_s: float) -> None:
    usage = {
        "inputTokens": charge.input_tokens,
        "outputTokens": charge.output_tokens,
        "totalTokens": charge.input_tokens + charge.output_tokens,
    }
    message = {"role": "assistant", "content": [{"text": "sunny"}]}
    if not path.endswith("-stream"):
        answer = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}
        to.send_document(path, charge, answer | {"metrics": {"latencyMs": 5}})
        return
    events: list[tuple[str, dict[str, Any]]] = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"delta": {"text": "sunny"}, "contentBlockIndex": 0}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": usage, "metrics": {"latencyMs": 5}}),
    ]
    pieces = (_event_message(name, event) for name, event in events)
    kind = "application/vnd.amazon.eventstream"
    to.stream(path, charge, pieces, kind=kind, pause_s=pause_s)


def _event_message(name: str, event: object) -> bytes:
    """Return *event* as a message of AWS's event stream encoding."""
    headers = b""
    named = ((":event-type", name), (":content-type", "application/json"))
    for key, value in (*named, (":message-type", "event")):
        text = value.encode()
        headers += bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(text)) + text
    payload = json.dumps(event).encode()
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", binascii.crc32(message))


def _ollama(to: _Handler, path: str, body: Any, charge: Charge, pause_s: float) -> None:
    base = {"model": charge.model, "created_at": "2026-01-01T00:00:00Z"}
    end = {
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": charge.input_tokens,
        "eval_count": charge.output_tokens,
        "total_duration": 1,
        "eval_duration": 1,
    }
    part = {"message": {"role": "assistant", "content": "sunny"}}
    if body.get("stream", True):
        lines = [base | part | {"done": False}] * PIECES + [base | part | end]
        pieces = (json.dumps(line).encode() + b"\n" for line in lines)
        to.stream(path, charge, pieces, kind="application/x-ndjson", pause_s=pause_s)
    else:
        to.send_document(path, charge, base | part | end)


def _cohere(to: _Handler, path: str, body: Any, charge: Charge, pause_s: float) -> None:
    tokens = {"input_tokens": charge.input_tokens, "output_tokens": charge.output_tokens}
    usage = {"billed_units": tokens, "tokens": tokens}
    identity = f"c{charge.number:031x}"
    if not body.get("stream"):
        message = {"role": "assistant", "content": [{"type": "text", "text": "sunny"}]}
        answer = {"id": identity, "finish_reason": "COMPLETE", "message": message, "usage": usage}
        to.send_document(path, charge, answer)
        return
    text = {"message": {"content": {"type": "text", "text": "sunny"}}}
    started = {"message": {"role": "assistant", "content": []}}
    events = [
        {"type": "message-start", "id": identity, "delta": started},
        {"type": "content-start", "index": 0, "delta": text},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "!"}}}},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
    ]
    to.stream(path, charge, _sse(events, named=True), pause_s=pause_s)


_ANSWERS: tuple[tuple[str, Callable[[_Handler, str, Any, Charge, float], None]], ...] = (
    ("/v2/chat", _cohere),
    ("/api/chat", _ollama),
    ("/chat/completions", _chat),
    ("/responses", _responses),
    ("/embeddings", _embeddings),
    ("/messages", _messages),
    ("enerateContent", _gemini),
    ("/converse", _converse),
)
"""Part of a path -> its handler; the first match counts."""


def main() -> None:
    """Serve until interrupted."""
    with ChargingProvider(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as provider:
        print(provider.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
