"""Is this HTTP request a model call, and how much can it cost? Read from the request itself.

Hosts do not decide: base URLs are configured, proxied and tested on loopback. A request is a model
call when its path ends as those of model APIs do and its body is shaped accordingly.
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from otel_pricing.hosts import provider_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

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


class ModelRequest(NamedTuple):
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
    readable: bool = True
    """False when the path is one of a model endpoint and the body could not be read."""


def read_request(
    host: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str] = _NO_HEADERS,  # noqa: ARG001
) -> ModelRequest | None:
    """Return the model call that a POST of *body* to *path* makes; None if it makes none.

    *body* is None when the client does not show it. A body that cannot be read gives a request with
    `readable=False`, and a model only where the path names it. Never raises.
    """
    named = _by_suffix(path) or _by_path(unquote(path))
    if named is None:
        return None
    provider, operation, model = named
    if body is None:
        return ModelRequest(provider_of(host) or provider, model, operation, 0, readable=False)
    data = _json(body)
    if not isinstance(data, dict) or _SHAPES.isdisjoint(data):
        return None
    model = model or str(data.get("model") or data.get("modelId") or "")
    if not model:
        return None
    return ModelRequest(
        provider_of(host) or provider,
        model,
        operation,
        _size(body),
        _max_output(data) if operation not in WITHOUT_OUTPUT else 0,
        bool(data.get("stream")) or "tream" in path[path.rfind("/") :],
        _text(data.get("service_tier")),
        # Every look through the body costs a long request some time, so there are few.
        b"cache" in body and (b"cache_control" in body or b"cachePoint" in body),
        b"audio" in body and _has_audio(body, data),
        _hides_input(data),
    )


def _has_audio(body: bytes, data: dict[str, Any]) -> bool:
    return b"input_audio" in body or "audio" in str(data.get("modalities", ""))


def _json(body: bytes) -> object:
    try:
        return json.loads(body.decode())
    except ValueError:
        pass
    try:
        return json.loads(body)  # slower, for it looks for other encodings first
    except ValueError:
        return None


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


_SHAPES = frozenset(
    {
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
    }
)
"""Keys of which the body of a model call has at least one."""


def _size(body: bytes) -> int:
    if len(body) > 2000 and any(mark in body for mark in _MEDIA_MARKS):
        media = _ENCODED.findall(body)
        return len(body) - sum(map(len, media)) + MEDIA_BYTES * len(media)
    return len(body)


_LIMITS = (
    "max_completion_tokens",
    "max_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "maxTokens",
    "maxTokenCount",
    "num_predict",
)
_LIMIT_PLACES = (
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "textGenerationConfig",
    "options",
)


def _max_output(data: dict[str, Any]) -> int | None:
    limit = _limit(data)
    for key in _LIMIT_PLACES:
        if key in data and isinstance(place := data[key], dict):
            limit = max(limit, _limit(place))
    if not limit:
        return None
    config = data.get("generationConfig")
    choices = max(_positive(data.get("n")), _positive(data.get("best_of")), 1)
    if isinstance(config, dict):
        choices = max(choices, _positive(config.get("candidateCount")))
    return limit * choices


def _limit(place: dict[str, Any]) -> int:
    limit = 0
    for key in _LIMITS:
        if key in place:
            limit = max(limit, _positive(place[key]))
    return limit


def _positive(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _hides_input(data: dict[str, Any]) -> bool:
    for key in _HIDDEN_KEYS & data.keys():
        # A prompt that is text is one; as an object it is stored at the provider.
        if isinstance(data[key], dict if key == "prompt" else str | dict):
            return True
    tools = data.get("tools")
    return isinstance(tools, list) and any(
        isinstance(tool, dict) and str(tool.get("type", "")).startswith(_HIDDEN_TOOLS)
        for tool in tools
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
