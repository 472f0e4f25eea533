"""Is this HTTP request a model call, and how much can it cost? Read from the request itself.

Hosts do not decide: base URLs are configured, proxied and tested on loopback. A request is a model
call when its path ends as those of model APIs do and its body is shaped accordingly.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from otel_pricing.hosts import provider_of

_SUFFIXES: dict[str, tuple[str, str]] = {
    "/chat/completions": ("openai", "chat"),
    "/completions": ("openai", "text_completion"),
    "/responses": ("openai", "chat"),
    "/embeddings": ("openai", "embeddings"),
    "/messages": ("anthropic", "chat"),
    "/rerank": ("cohere", "rerank"),
    "/v2/chat": ("cohere", "chat"),
    "/v1/chat": ("cohere", "chat"),
    "/api/chat": ("ollama", "chat"),
    "/api/generate": ("ollama", "text_completion"),
}
"""End of a path -> provider it is named after, and the operation."""

_IN_PATH = re.compile(
    r"/(?:models|model|publishers/[^/]+/models|deployments)/(?P<model>[^/:]+(?::[^/]*)?)"
    r"(?P<verb>:generateContent|:streamGenerateContent|:embedContent|:batchEmbedContents"
    r"|:rawPredict|:streamRawPredict|/converse|/converse-stream|/invoke"
    r"|/invoke-with-response-stream)\Z"
)
_EMBEDS = ("embed", "batchembed")
_MEDIA_MARKS = (b"base64", b'"data"', b"inlineData", b"inline_data", b"b64_json")
_ENCODED = re.compile(rb'"(?:data:[\w/+.-]+;base64,)?[A-Za-z0-9+/=_-]{1000,}"')
WITHOUT_OUTPUT = frozenset({"embeddings", "rerank"})
"""Operations that are not charged for output."""
MEDIA_BYTES = 8192
"""What an encoded image or sound counts for, in bytes of text."""
_HIDDEN_KEYS = frozenset(
    {"previous_response_id", "conversation", "prompt", "container", "cachedContent"}
)
_HIDDEN_TOOLS = ("web_search", "file_search", "code_interpreter", "mcp", "computer", "web_fetch")


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a request says of the cost to come."""

    provider: str
    model: str
    operation: str
    size: int
    """Bytes of input, encoded media counted at `MEDIA_BYTES` each."""
    max_output_tokens: int | None = None
    """What the request allows in all its choices; None when it does not say."""
    streamed: bool = False
    tier: str | None = None
    writes_cache: bool = False
    has_audio: bool = False
    hidden_input: bool = False
    """Whether input is added that the request does not carry: a stored conversation, a search."""


def is_candidate(method: str, path: str) -> bool:
    """Return whether a request may be a model call, by its method and path alone."""
    if method != "POST":
        return False
    end = path[path.rfind("/") :]
    return end in _LAST_PARTS or ":" in end or "%3A" in end


_LAST_PARTS = frozenset(suffix[suffix.rindex("/") :] for suffix in _SUFFIXES) | {
    "/converse",
    "/converse-stream",
    "/invoke",
    "/invoke-with-response-stream",
}


def read_request(host: str, path: str, body: bytes) -> ModelRequest | None:
    """Return the model call that a POST of *body* to *path* makes; None if it makes none."""
    named = _by_suffix(path) or _by_path(unquote(path))
    if named is None:
        return None
    provider, operation, model = named
    try:
        data = json.loads(body)
    except ValueError:
        return None
    if not isinstance(data, dict) or not _looks_right(data):
        return None
    model = model or str(data.get("model") or data.get("modelId") or "")
    if not model:
        return None
    return ModelRequest(
        provider=provider_of(host) or provider,
        model=model,
        operation=operation,
        size=_size(body),
        max_output_tokens=_max_output(data) if operation not in WITHOUT_OUTPUT else 0,
        streamed=bool(data.get("stream")) or "tream" in path[path.rfind("/") :],
        tier=_text(data.get("service_tier")),
        writes_cache=b"cache_control" in body or b"cachePoint" in body,
        has_audio=b"input_audio" in body or '"audio"' in str(data.get("modalities")),
        hidden_input=_hides_input(data),
    )


def _by_suffix(path: str) -> tuple[str, str, str] | None:
    last = path.rfind("/")
    for start in (path.rfind("/", 0, last), last):
        found = _SUFFIXES.get(path[start:]) if start >= 0 else None
        if found is not None:
            return (*found, "")
    return None


def _by_path(path: str) -> tuple[str, str, str] | None:
    match = _IN_PATH.search(path)
    if match is None:
        return None
    verb, model = match["verb"], match["model"]
    if verb.startswith("/"):
        return "aws.bedrock", "chat", model
    if "awPredict" in verb:
        return "anthropic", "chat", model
    embeds = verb[1:].lower().startswith(_EMBEDS)
    return "gcp.gemini", "embeddings" if embeds else "generate_content", model


def _looks_right(data: dict[str, Any]) -> bool:
    return any(
        key in data
        for key in (
            "messages",
            "input",
            "prompt",
            "contents",
            "content",
            "requests",
            "query",
            "message",
            "inputText",
            "texts",
            "previous_response_id",
            "conversation",
            "instances",
        )
    )


def _size(body: bytes) -> int:
    if len(body) > 2000 and any(mark in body for mark in _MEDIA_MARKS):
        media = _ENCODED.findall(body)
        return len(body) - sum(map(len, media)) + MEDIA_BYTES * len(media)
    return len(body)


def _max_output(data: dict[str, Any]) -> int | None:
    places = (
        data,
        data.get("generationConfig"),
        data.get("generation_config"),
        data.get("inferenceConfig"),
        data.get("textGenerationConfig"),
        data.get("options"),
    )
    names = (
        "max_completion_tokens",
        "max_tokens",
        "max_output_tokens",
        "maxOutputTokens",
        "maxTokens",
        "maxTokenCount",
        "num_predict",
    )
    limits: list[int] = [
        place[name]
        for place in places
        if isinstance(place, dict)
        for name in names
        if isinstance(place.get(name), int) and place[name] > 0
    ]
    if not limits:
        return None
    config = data.get("generationConfig")
    choices = [data.get("n"), data.get("best_of")]
    choices.append(config.get("candidateCount") if isinstance(config, dict) else None)
    return max(limits) * max((n for n in choices if isinstance(n, int) and n > 0), default=1)


def _hides_input(data: dict[str, Any]) -> bool:
    if any(isinstance(data.get(key), str | dict) for key in _HIDDEN_KEYS - {"prompt"}):
        return True
    if isinstance(data.get("prompt"), dict):  # a prompt stored at the provider
        return True
    tools = data.get("tools")
    return isinstance(tools, list) and any(
        isinstance(tool, dict) and str(tool.get("type", "")).startswith(_HIDDEN_TOOLS)
        for tool in tools
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
