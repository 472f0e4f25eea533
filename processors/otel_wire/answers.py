"""What a provider's answer says the call used, in the words of each API.

Whole answers and streams are read the same way: usage stands in an object of its own, near the
beginning, near the end, or both, and later figures replace earlier ones.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from otel_pricing.usage import Counts, normalise
from otel_pricing.values import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from otel_pricing.call import Usage
    from otel_wire.requests import ModelRequest

_USAGE = (b'"usage"', b'"usageMetadata"', b'"amazon-bedrock-invocationMetrics"')
_MODEL = (b'"model"', b'"modelVersion"')
_TIER = (b'"service_tier"',)
_COLON = re.compile(rb"\s*:\s*")
_NAME = re.compile(rb'"((?:[^"\\]|\\.){1,200})"')
_DECODER = json.JSONDecoder()

_NAMES: dict[str, tuple[str, ...]] = {
    "input_tokens": ("input_tokens", "prompt_tokens", "promptTokenCount", "inputTokens",
                     "inputTokenCount"),
    "output_tokens": ("output_tokens", "completion_tokens", "candidatesTokenCount",
                      "outputTokens", "outputTokenCount"),
    "total_tokens": ("total_tokens", "totalTokenCount", "totalTokens"),
    "cache_read_tokens": ("cache_read_input_tokens", "cachedContentTokenCount",
                          "cacheReadInputTokens", "cacheReadInputTokenCount"),
    "cache_write_tokens": ("cache_creation_input_tokens", "cacheWriteInputTokens",
                           "cacheWriteInputTokenCount"),
    "reasoning_tokens": ("thoughtsTokenCount",),
}  # fmt: skip
_CACHE_BESIDE = ("cache_read_input_tokens", "cache_creation_input_tokens", "cacheReadInputTokens",
                 "cacheWriteInputTokens")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a response says about the call; never text of the user or the model."""

    usage: Usage | None = None
    """Units of the call; None when the response names none."""
    usage_is_final: bool = False
    """Whether the response ended with a complete usage; False for a stream that broke off."""
    usage_is_bounded: bool = False
    """Whether the response claimed more than the request allows; `usage` is then the bound."""
    model: str = ""
    """Model that answered; empty when the response does not name it."""
    tier: str | None = None
    """Service tier, in the provider's own word."""
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    reported_cost_usd: Decimal | None = None
    """Cost that the provider or gateway claims, in US dollars."""
    error_type: str | None = None
    """Type of an error in the response, in the provider's own word."""
    output_characters: int = 0
    """Characters of output text, reasoning and tool arguments that were seen."""
    complete: bool = False
    """Whether the response ended as its format ends."""
    bytes_read: int = 0
    """Bytes of the response, as they were sent."""


class AnswerReader:
    """Reads one response while it passes. Not thread-safe; nothing here raises."""

    def __init__(
        self, request: ModelRequest | None, status: int, headers: Mapping[str, str]
    ) -> None:
        self._request = request
        self._status = status
        self._headers = headers
        self._content = bytearray()
        self._bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Read the next raw bytes of the response, still encoded as they were sent."""
        self._bytes += len(chunk)
        self._content += chunk[: 65_536 - len(self._content)]

    def end(self) -> Answer:
        """Return what was read; call it once, also for a response that broke off."""
        return replace(read_answer(bytes(self._content)), bytes_read=self._bytes)


def read_answer(*parts: bytes) -> Answer:
    """Return what *parts* of an answer, its beginning and its end, say."""
    figures: dict[str, Any] = {}
    model = tier = ""
    for part in parts:
        for start in _values(part, _USAGE):
            if part[start : start + 1] == b"{":
                figures.update(_object(part, start))
        model = model or _name(part, _MODEL)
        tier = tier or _name(part, _TIER)
    return Answer(usage=read_usage(figures), model=model, tier=tier or None)


def _values(part: bytes, keys: tuple[bytes, ...]) -> Iterator[int]:
    """Yield where a value of one of *keys* begins; a quote inside a text would be escaped."""
    for key in keys:
        found = part.find(key)
        while found >= 0:
            if colon := _COLON.match(part, found + len(key)):
                yield colon.end()
            found = part.find(key, found + len(key))


def _name(part: bytes, keys: tuple[bytes, ...]) -> str:
    for start in _values(part, keys):
        if name := _NAME.match(part, start):
            return name[1].decode(errors="replace")
    return ""


def _object(part: bytes, start: int) -> dict[str, Any]:
    # Usage objects are small; what follows them is not read.
    text = part[start : start + 4000].decode(errors="replace")
    try:
        value, _ = _DECODER.raw_decode(text)
    except ValueError:
        return {}
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else {}


def read_usage(figures: dict[str, Any]) -> Usage | None:
    """Return the usage that an API's own object describes; None when it describes none."""
    counts = {name: _first(figures, keys) for name, keys in _NAMES.items()}
    of_input = _details(figures, "prompt_tokens_details", "input_tokens_details")
    of_output = _details(figures, "completion_tokens_details", "output_tokens_details")
    written = _details(figures, "cache_creation")
    tools = _details(figures, "server_tool_use")
    counts["cache_read_tokens"] = _or(counts["cache_read_tokens"], of_input, "cached_tokens")
    counts["reasoning_tokens"] = _or(counts["reasoning_tokens"], of_output, "reasoning_tokens")
    return normalise(
        Counts(
            **counts,
            cache_write_5m_tokens=count(written.get("ephemeral_5m_input_tokens")),
            cache_write_1h_tokens=count(written.get("ephemeral_1h_input_tokens")),
            input_audio_tokens=count(of_input.get("audio_tokens")),
            output_audio_tokens=count(of_output.get("audio_tokens")),
            web_search_requests=count(tools.get("web_search_requests")),
        ),
        input_excludes_cache=any(key in figures for key in _CACHE_BESIDE),
        rest_is_output="thoughtsTokenCount" in figures,
    )


def _first(figures: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((n for key in keys if (n := count(figures.get(key))) is not None), None)


def _details(figures: dict[str, Any], *keys: str) -> dict[str, Any]:
    return next((found for key in keys if isinstance(found := figures.get(key), dict)), {})


def _or(value: int | None, details: dict[str, Any], key: str) -> int | None:
    return value if value is not None else count(details.get(key))
