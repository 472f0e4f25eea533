"""Requests usage of streams from providers that report it only on request.

OpenAI's chat completions and compatible APIs end a stream with a usage chunk if the request has
`stream_options.include_usage`. The field is added to the request, and the additional chunk is
removed from the app's response.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from otel_wire.json_loading import loads
from otel_wire.requests import read_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_wire.exchange import Exchange

FIELD: Final = b'"stream_options":{"include_usage":true}'
_PATHS: Final = ("/chat/completions",)
_PROVIDERS: Final = frozenset(
    {
        "openai",
        "azure.ai.openai",
        "deepseek",
        "fireworks_ai",
        "groq",
        "openrouter",
        "perplexity",
        "together_ai",
        "x_ai",
    }
)
"""Providers with the field; others may reject a request with unknown fields."""
_LONGEST_EVENT: Final = 65_536
"""Maximum bytes of a usage chunk; longer events pass unchanged."""


def with_usage(host: str, path: str, body: bytes) -> bytes | None:
    """Return *body* with the field that requests usage; None if it must not be added.

    None is for other APIs and providers, for responses that are no stream, and for a field set by
    the app. Everything else in the body stays the same, to the byte.
    """
    if not path.endswith(_PATHS) or b'"stream"' not in body or b"stream_options" in body:
        return None
    try:
        data = loads(body.decode())
    except ValueError:
        return None
    if not isinstance(data, dict) or data.get("stream") is not True:
        return None
    request = read_request(host, path, body)
    if request is None or request.provider not in _PROVIDERS:
        return None
    place = body.index(b"{") + 1
    return b"".join((body[:place], FIELD, b",", body[place:]))


def asked_for_usage(
    exchange: Exchange, host: str, path: str, body: object, headers: Mapping[str, Any]
) -> tuple[bytes, dict[str, Any]] | None:
    """Return body and headers of a request with the field; None to send it unchanged.

    The response of *exchange* is then filtered. *headers* keep the app's spelling. Never raises.
    """
    lowered = {str(name).lower(): value for name, value in headers.items()}
    if not isinstance(body, bytes) or "content-encoding" in lowered:
        return None
    changed = with_usage(host, path, body)
    if changed is None:
        return None
    # A stream cannot be filtered below a content encoding.
    dropped = {"accept-encoding", "content-length"}
    kept = {name: value for name, value in headers.items() if str(name).lower() not in dropped}
    if "content-length" in lowered:
        kept["Content-Length"] = str(len(changed))
    exchange.filter = WithoutUsageChunk()
    return changed, {**kept, "Accept-Encoding": "identity"}


def is_event_stream(headers: Any) -> bool:
    """Return whether a response with *headers* is an event stream that can be filtered."""
    kind = str(headers.get("content-type") or headers.get("Content-Type") or "")
    encoding = headers.get("content-encoding") or headers.get("Content-Encoding")
    return kind.startswith("text/event-stream") and not encoding


class WithoutUsageChunk:
    """Removes the usage chunk from server-sent events; buffers at most one event."""

    def __init__(self) -> None:
        self._buffer = b""
        self._is_long = False

    def feed(self, piece: bytes) -> bytes:
        """Return the bytes of the buffer and *piece* that may be passed on."""
        data = self._buffer + piece
        passed: list[bytes] = []
        start = 0
        while (end := _end_of_event(data, start)) is not None:
            event = data[start:end]
            if self._is_long or not _is_usage_chunk(event):
                passed.append(event)
            self._is_long = False
            start = end
        self._buffer = data[start:]
        if len(self._buffer) > _LONGEST_EVENT:
            passed.append(self._buffer)
            # The two line ends of an event may be in different chunks.
            self._buffer, self._is_long = b"", True
        return b"".join(passed)

    def end(self) -> bytes:
        """Return the buffered rest: a truncated event."""
        buffered, self._buffer = self._buffer, b""
        return buffered


def _end_of_event(data: bytes, start: int) -> int | None:
    ends = [
        place + len(mark)
        for mark in (b"\n\n", b"\r\n\r\n", b"\r\r")
        if (place := data.find(mark, start)) >= 0
    ]
    return min(ends, default=None)


def _is_usage_chunk(event: bytes) -> bool:
    """Whether *event* has usage and no choice, as only the added field causes."""
    if len(event) > _LONGEST_EVENT:
        return False
    text = event.strip()
    if not text.startswith(b"data:") or b'"usage"' not in text or b'"choices"' not in text:
        return False
    try:
        data = json.loads(text.removeprefix(b"data:"))
    except (ValueError, RecursionError):
        return False
    if not isinstance(data, dict):
        return False
    return data.get("choices") == [] and isinstance(data.get("usage"), dict)
