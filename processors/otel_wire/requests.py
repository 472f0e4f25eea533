"""Requests to model providers: model, operation, and the bounds of tokens.

Everything is read from the request itself. A request to a model endpoint with an unreadable body is
returned with `readable=False`; a budget treats it as unknown, never as free.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_pricing.model.hosts import provider_of
from otel_pricing.model.makers import maker_of
from otel_wire import operations as op
from otel_wire.endpoints import Endpoint, find_endpoint, without_arn
from otel_wire.media import (
    IMAGE_TOKENS,
    Media,
    is_plain,
    may_have_media,
    media_of,
    tokens_of_file,
)
from otel_wire.output_limits import (
    OPTIONS,
    batch_output_tokens,
    max_output_tokens,
    output_count,
    output_seconds,
    stated_limit,
)
from otel_wire.request_bodies import Body, read_body
from otel_wire.unseen_input import (
    OPAQUE_TOKENS,
    UNSEEN_KEYS,
    UNSEEN_TOKENS,
    names_stored_input,
    unseen_tokens,
    uses_provider_tools,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_BYTES = IMAGE_TOKENS
"""Size of an encoded image, as bytes of text."""
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_LONGEST_MODEL = 512


class ModelRequest(NamedTuple):
    """Facts about the call and its cost in a request."""

    provider: str
    """`gen_ai.provider.name`: by the host, else by the path and the model's name."""
    model: str
    """Requested model; empty if the request does not name it."""
    operation: str
    """One of `otel_wire.operations`."""
    size: int
    """Maximum input tokens of the request itself: its bytes, and media by their bounds."""
    max_output_tokens: int | None = None
    """Output tokens that the request allows in all choices; None without a limit."""
    streamed: bool = False
    tier: str | None = None
    """Requested service tier."""
    writes_cache: bool = False
    has_audio: bool = False
    hidden_input: bool = False
    """Whether the provider adds input that is not in the request: a stored conversation, a search.
    """
    readable: bool = True
    """False if the path is a model endpoint and the body is unreadable."""
    unseen_tokens: int = UNSEEN_TOKENS
    """Maximum input tokens that the provider may add to `size`."""
    outputs: int = 1
    """Requested choices, images or videos."""
    output_seconds: int | None = None
    """Requested seconds of video; None without one."""
    unread_reason: str | None = None
    """Reason why the body could not be read; None if it was read."""
    spoken_characters: int | None = None
    """Characters of text to speak; None for other requests."""

    @property
    def is_free(self) -> bool:
        """Whether providers do not charge for such requests."""
        return self.operation == op.MODERATION and self.provider in {"openai", "azure.ai.openai"}

    @property
    def input_ceiling_tokens(self) -> int:
        """Maximum input tokens that the call may be charged for, before the response."""
        return self.size + self.unseen_tokens


def read_request(
    host: str, path: str, body: bytes | None, headers: Mapping[str, str] = _NO_HEADERS
) -> ModelRequest | None:
    """Return the model call in a request of *body* to *path*; None if there is none.

    *body* is as sent, encoded as in *headers*; None if not available. An unreadable body gives a
    request with `readable=False`, and a model only if the path names it. Never raises.
    """
    try:
        endpoint = find_endpoint(path)
        if endpoint is None:
            return None
        return _read(host, endpoint, body, headers)
    except Exception as error:  # reading must not make a request fail
        return ModelRequest(
            "", "", op.CHAT, len(body or b""), readable=False, unread_reason=type(error).__name__
        )


def _read(
    host: str, endpoint: Endpoint, body: bytes | None, headers: Mapping[str, str]
) -> ModelRequest | None:
    seller = provider_of(host)
    if body is None or endpoint.operation == op.REALTIME:
        reason = "not shown by the client" if body is None else "realtime connection"
        return _unread(seller, endpoint, len(body or b""), reason)
    if not body:
        return None
    request_body = read_body(body, headers, _WANTED)
    if request_body.data is None:
        # Other services have messages, too: only an unambiguous path proves a call by itself.
        if endpoint.certain or seller is not None:
            return _unread(
                seller, endpoint, request_body.size, request_body.unread_reason or "not JSON"
            )
        return None
    data = request_body.data
    model = _model(endpoint, data)
    if _SHAPES.isdisjoint(data) and not request_body.files:
        return None
    if not model and endpoint.operation not in _MODEL_OPTIONAL and not endpoint.opaque:
        return None
    provider = seller or _by_model(endpoint, model)
    plain = is_plain(data)
    if plain and endpoint.operation == op.CHAT and _PECULIAR.isdisjoint(data):
        plain_request = _plain_request(provider, endpoint, model, request_body)
        if plain_request is not None:
            return plain_request
    return _request(provider, endpoint, model, request_body, plain=plain)


def _plain_request(
    provider: str, endpoint: Endpoint, model: str, request_body: Body
) -> ModelRequest | None:
    """Return the result of `_request` for a text-only chat without further options, faster.

    None if the model may change the result.
    """
    if endpoint.opaque or endpoint.provider == "aws.bedrock" or model.endswith(":online"):
        return None
    data: dict[str, Any] = request_body.data or {}
    streamed = data.get("stream") is True or endpoint.streams
    limit = stated_limit(data) or None
    return ModelRequest(provider, model, op.CHAT, request_body.size, limit, streamed)


def _model(endpoint: Endpoint, data: Mapping[str, Any]) -> str:
    """Return the requested model: the path's, unless that is a deployment that names no model."""
    named = _named(data)
    if named.startswith("arn:"):
        named = without_arn(named)
    if endpoint.provider == "openai" and named and maker_of(endpoint.model) is None:
        return named
    return endpoint.model or named


def _named(data: Mapping[str, Any]) -> str:
    for key in _MODEL_KEYS:
        if name := _text(data.get(key)):
            return name
    return ""


def _unread(seller: str | None, endpoint: Endpoint, size: int, reason: str) -> ModelRequest:
    provider = seller or _by_model(endpoint, endpoint.model)
    return ModelRequest(
        provider,
        endpoint.model,
        endpoint.operation,
        size,
        streamed=endpoint.streams,
        has_audio=endpoint.operation in _SOUND,
        hidden_input=endpoint.opaque,
        readable=False,
        unseen_tokens=OPAQUE_TOKENS,
        unread_reason=reason,
    )


def _by_model(endpoint: Endpoint, model: str) -> str:
    if endpoint.provider != "openai":
        return endpoint.provider
    return maker_of(model) or endpoint.provider


def _request(
    provider: str, endpoint: Endpoint, model: str, request_body: Body, *, plain: bool
) -> ModelRequest:
    data: dict[str, Any] = request_body.data or {}
    operation = _operation(endpoint, model)
    media = media_of(data, model) if not plain and may_have_media(request_body.text) else Media()
    for file in request_body.files:
        media_type = file.media_type or ("audio/" if operation in _SOUND else "")
        if media_type.startswith("image/"):
            media.tokens += IMAGE_TOKENS
            continue
        if operation in _SOUND and not media_type.startswith(("audio/", "video/")):
            media_type = "audio/"
        media.tokens += tokens_of_file(file.size, media_type, file.content)
        media.has_audio |= media_type.startswith(("audio/", "video/"))
    size = max(request_body.size - media.encoded_bytes, 0) + media.tokens
    is_stored = endpoint.opaque or media.is_opaque or names_stored_input(data)
    uses_tools = uses_provider_tools(data, model)
    limit: int | None
    if operation in op.WITHOUT_OUTPUT:
        limit = 0
    elif operation == op.BATCH:
        limit = batch_output_tokens(data)
    else:
        limit = max_output_tokens(data, operation, size)
    return ModelRequest(
        provider,
        model,
        operation,
        size,
        limit,
        data.get("stream") is True or endpoint.streams,
        _text(data.get("service_tier")) or _text(data.get("serviceTier")),
        "cache_control" in data if plain else _writes_cache(request_body.text),
        media.has_audio or operation in _SOUND or "audio" in str(data.get("modalities", ""))[:200]
        or (not plain and _outputs_audio(data)),
        is_stored or uses_tools,
        unseen_tokens=unseen_tokens(operation, is_stored=is_stored, uses_tools=uses_tools),
        outputs=output_count(data),
        output_seconds=output_seconds(data) if operation == op.VIDEO else None,
        spoken_characters=_spoken_characters(data) if operation == op.SPEECH else None,
    )  # fmt: skip


def _operation(endpoint: Endpoint, model: str) -> str:
    """Return the operation, which on Bedrock depends on the model."""
    if endpoint.provider == "aws.bedrock" and endpoint.operation == op.CHAT:
        name = model.lower()
        if "embed" in name:
            return op.EMBEDDINGS
        if "rerank" in name:
            return op.RERANK
        if any(mark in name for mark in ("-image", "canvas", "stable-", "sd3", "stability.")):
            return op.IMAGE
        if "reel" in name or "ray-" in name:
            return op.VIDEO
    return endpoint.operation


_MODEL_KEYS = ("model", "modelId", "model_id", "modelArn", "engine", "deployment_id")
"""Keys that name the model, or a deployment, profile or endpoint of one; the first counts."""
_SHAPES = frozenset(
    {
        "additional_messages", "assistant_id", "contents", "content", "content_type",
        "conversation", "document", "documents", "generateContentRequest", "image", "images",
        "input", "inputText",
        "input_file_id", "input_files", "inputs", "instances", "message", "messages", "modelInput",
        "previous_response_id", "prompt", "query", "requests", "suffix", "taskType", "text",
        "texts", "textToImageParams", "thread", "tool_outputs", "agent_id", "inputDataConfig",
        "batch",
    }
)  # fmt: skip
"""Keys of which a model call's body has at least one."""
_MODEL_OPTIONAL = frozenset({op.IMAGE, op.VIDEO, op.BATCH, op.MODERATION, op.REALTIME})
_SOUND = frozenset({op.SPEECH, op.TRANSCRIPTION, op.REALTIME})
_PECULIAR = frozenset(
    {*UNSEEN_KEYS, *OPTIONS, "service_tier", "serviceTier", "cache_control", "modalities"}
)
"""Keys that affect the cost beyond text, limit and stream."""
_WANTED = _SHAPES | {
    *_MODEL_KEYS, "max_tokens", "max_completion_tokens", "max_output_tokens", "n",
    "stream", "service_tier", "type", "generationConfig", "maxOutputTokens",
    "candidateCount",
    "inferenceConfig", "maxTokens", "options", "num_predict", *UNSEEN_KEYS,
}  # fmt: skip
"""Keys that are read from an invalid JSON body."""


def _outputs_audio(data: Mapping[str, Any]) -> bool:
    config = data.get("generationConfig")
    return isinstance(config, dict) and (
        "speechConfig" in config or "AUDIO" in str(config.get("responseModalities", ""))[:200]
    )


def _writes_cache(text: str) -> bool:
    # Every search through a long body takes time, so there are few. Escapes may hide a key; then
    # the higher rate is assumed.
    if "cache" in text and ("cache_control" in text or "cachePoint" in text):
        return True
    return "\\u00" in text and ("\\u0063" in text or "\\u0061" in text or "\\u0068" in text)


def _spoken_characters(data: Mapping[str, Any]) -> int | None:
    spoken = data.get("input", data.get("text"))
    return len(spoken) if isinstance(spoken, str) else None


def _text(value: object) -> str | None:
    return value.strip()[:_LONGEST_MODEL] or None if isinstance(value, str) else None
