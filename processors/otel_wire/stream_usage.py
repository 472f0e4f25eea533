"""Requests usage of streams from providers that report it only when asked.

OpenAI's chat completions, and APIs made like it, end a stream with a chunk of usage where the
request has `stream_options.include_usage`. The field is added to the request, and the chunk that
it causes is taken out of what the app receives.
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
"""Those whose API has the field; others may reject a request with fields they do not know."""
_LONGEST_EVENT: Final = 65_536
"""A chunk of usage is never longer; longer events are passed on as they come."""


def with_usage(host: str, path: str, body: bytes) -> bytes | None:
    """Return *body* with the field that requests usage; None where it is not to be added.

    That is for other APIs and providers, for responses that are no stream, and where the app has
    decided itself. Everything else in the body stays as it is, to the byte.
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
    """Return body and headers of a request that asks for its usage; None to send it as it is.

    The response of *exchange* is filtered then. *headers* keep the app's spelling. Raises nothing.
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
    """Return whether a response with *headers* is a stream of events that can be filtered."""
    kind = str(headers.get("content-type") or headers.get("Content-Type") or "")
    encoding = headers.get("content-encoding") or headers.get("Content-Encoding")
    return kind.startswith("text/event-stream") and not encoding


class WithoutUsageChunk:
    """Takes the chunk of usage out of server-sent events; keeps no more than one event."""

    def __init__(self) -> None:
        self._held = b""
        self._is_long = False

    def feed(self, piece: bytes) -> bytes:
        """Return what of *piece*, and of what was held before, may be passed on."""
        data = self._held + piece
        passed: list[bytes] = []
        start = 0
        while (end := _end_of_event(data, start)) is not None:
            event = data[start:end]
            if self._is_long or not _is_usage_chunk(event):
                passed.append(event)
            self._is_long = False
            start = end
        self._held = data[start:]
        if len(self._held) > _LONGEST_EVENT:
            passed.append(self._held)
            # The two line ends that end it may be in different pieces.
            self._held, self._is_long = b"", True
        return b"".join(passed)

    def end(self) -> bytes:
        """Return what is still held: an event that was broken off."""
        held, self._held = self._held, b""
        return held


def _end_of_event(data: bytes, start: int) -> int | None:
    ends = [
        place + len(mark)
        for mark in (b"\n\n", b"\r\n\r\n", b"\r\r")
        if (place := data.find(mark, start)) >= 0
    ]
    return min(ends, default=None)


def _is_usage_chunk(event: bytes) -> bool:
    """Whether *event* has usage and no choice: what the added field alone causes."""
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
