"""Model provider on loopback that answers in every form and counts its responses."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

MODEL = "gpt-4o"
USAGE = {"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500}
CALL_NANO_USD = 6_000_000
"""1,200 x 2.50 + 300 x 10 micro-dollars."""
_MESSAGE = {"role": "assistant", "content": "Hello " * 40}
WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": MODEL,
    "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
    "usage": USAGE,
}
_HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": MODEL}


def _events(*, usage: bool) -> bytes:
    deltas: list[dict[str, Any]] = [
        {**_HEAD, "choices": [{"index": 0, "delta": {"content": "Hello "}, "finish_reason": None}]}
        for _ in range(40)
    ]
    deltas.append({**_HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if usage:
        deltas.append({**_HEAD, "choices": [], "usage": USAGE})
    lines = [f"data: {json.dumps(event)}\n\n" for event in deltas]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


WHOLE_BYTES = json.dumps(WHOLE).encode()
SHAPES: dict[str, tuple[int, dict[str, str], bytes, bool]] = {
    "json": (200, {"content-type": "application/json"}, WHOLE_BYTES, False),
    "chunked json": (200, {"content-type": "application/json"}, WHOLE_BYTES, True),
    "gzip json": (
        200,
        {"content-type": "application/json", "content-encoding": "gzip"},
        gzip.compress(WHOLE_BYTES),
        False,
    ),
    "stream": (200, {"content-type": "text/event-stream"}, _events(usage=True), True),
    "gzip stream": (
        200,
        {"content-type": "text/event-stream", "content-encoding": "gzip"},
        gzip.compress(_events(usage=True)),
        True,
    ),
    "stream without usage": (
        200,
        {"content-type": "text/event-stream"},
        _events(usage=False),
        True,
    ),
    "no json": (200, {"content-type": "application/json"}, b"<html>oops</html>", False),
    "empty": (200, {"content-type": "application/json"}, b"", False),
    "error": (500, {"content-type": "application/json"}, b'{"error": {"message": "no"}}', False),
    "cut off": (200, {"content-type": "application/json"}, WHOLE_BYTES, False),
}
"""Name -> status, headers, body, whether it is sent in chunks. "cut off" ends early."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Provider

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def do_POST(self) -> None:
        body = self._body()
        self.owner.served.append(body)
        shape = self.owner.shape
        status, headers, content, chunked = SHAPES[shape]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if chunked:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for start in range(0, len(content), 1000):
                piece = content[start : start + 1000]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if shape == "cut off":
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        self.wfile.write(content)


class Provider:
    """Serves until its `with` block ends."""

    def __init__(self) -> None:
        self.served: list[bytes] = []
        """The bodies of the requests that reached it."""
        self.shape = "json"
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        # Clients that do not read everything break the connection.
        self._server.handle_error = lambda *_args: None  # type: ignore[method-assign]
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> Provider:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
