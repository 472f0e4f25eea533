"""Media in requests: maximum tokens of encoded or referenced images, audio and documents.

Encoded media are long and have few tokens; a reference is short and may have many. Only the fields
where providers read media count: the same text anywhere else, in a message or in the arguments of a
tool, is text and counts by its bytes.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE_TOKENS = 8192
"""Maximum tokens of one image: providers scale larger ones down."""
DEAR_IMAGE_TOKENS = 49_152
"""Maximum tokens of one image, for models that count images at a multiple."""
_EXPENSIVE_IMAGES = ("gpt-4o-mini",)
PAGE_TOKENS = 4096
"""Maximum tokens of one page of a document, text and image together."""
LEAST_DOCUMENT_TOKENS = 32_768
AUDIO_BYTES_PER_TOKEN = 30
"""Bytes of audio per token: 32 tokens a second at 8 kbit/s, the least for speech."""
LEAST_AUDIO_TOKENS = 1024
LEAST_VIDEO_TOKENS = 32_768
_PAGES = re.compile(rb"/Type\s*/Page\b|/Count\s+(\d{1,6})\b")
_MOST_PAGES = 4096

_CONTAINERS = ("messages", "input", "contents", "content", "system", "systemInstruction",
               "system_instruction", "parts", "output", "prompt", "requests", "request", "params",
               "instances", "inputs", "documents", "result", "thread", "additional_messages",
               "body", "taskInput", "toolResult", "tool_result", "functionResponse")  # fmt: skip
_ARGUMENTS = frozenset({"tool_use", "function_call", "server_tool_use", "mcp_call", "tool-call"})
_REFERENCES = ("file_id", "file_url", "fileUri", "file_uri", "s3Location", "document_url",
               "video_url")  # fmt: skip
_MARKS = ("image", "audio", "video", "document", "file", "source", "inline", "data:", "item_ref",
          "blob", "base64")  # fmt: skip


@dataclass(slots=True)
class Media:
    """Media of a request."""

    encoded_bytes: int = 0
    """Bytes of encoded media in the body, which are not text."""
    tokens: int = 0
    """Maximum tokens of all media together."""
    has_audio: bool = False
    is_opaque: bool = False
    """Whether the request references media of unknown size."""


_BLOCK_KEYS = frozenset(
    {"type", "image_url", "input_image", "image", "images", "image_base64", "inputImage",
     "images_url", "source", "inlineData", "inline_data", "fileData", "file_data", "input_audio",
     "audio", "document", "video", "file", "video_url"}
)  # fmt: skip
"""Keys of media where providers read them, also at the top of a body."""


def is_plain(data: Mapping[str, Any]) -> bool:
    """Return whether *data* is a text-only chat: roles and texts, and scalar options.

    Such a body, the most frequent, has no media, no tools and no marks in its parts; this check is
    faster than a search through its text.
    """
    messages = data.get("messages")
    if type(messages) is not list or not _BLOCK_KEYS.isdisjoint(data):
        return False
    kinds = list(map(type, data.values()))
    if dict in kinds or kinds.count(list) != 1:
        return False
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return False
        if type(message.get("content")) is not str or type(message.get("role")) is not str:
            return False
    return True


def may_have_media(body: str) -> bool:
    """Return whether *body* has a mark of media; escapes may hide one."""
    if "\\u" in body:
        return True
    for mark in _MARKS:  # noqa: SIM110 - a generator takes as long as the search
        if mark in body:
            return True
    return False


def media_of(data: Mapping[str, Any], model: str) -> Media:
    """Return the media in the body *data* of a request to *model*."""
    media = Media()
    each_image = DEAR_IMAGE_TOKENS if any(n in model for n in _EXPENSIVE_IMAGES) else IMAGE_TOKENS
    stack: list[object] = [data]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict) and node.get("type") not in _ARGUMENTS:
            _block(node, media, each_image)
            stack.extend(
                inner for key in _CONTAINERS if isinstance(inner := node.get(key), dict | list)
            )
    return media


def _block(node: dict[str, Any], media: Media, each_image: int) -> None:
    kind = node.get("type")
    if kind == "item_reference":
        media.is_opaque = True
    for key in ("image_url", "input_image", "image", "images", "image_base64", "inputImage",
                "images_url"):  # fmt: skip
        if key in node:
            for item in _items(node[key]):
                _image(item, media, each_image)
    if kind in {"image", "input_image", "image_file"} and not _has_encoded(node):
        media.tokens += each_image
    if isinstance(source := node.get("source"), dict):
        if kind == "image":
            _image(source, media, each_image)
        else:
            _sized(source, str(source.get("media_type", "")), media)
    for key in ("inlineData", "inline_data"):
        if isinstance(inline := node.get(key), dict):
            _inline(inline, media, each_image)
    for key in ("fileData", "file_data"):
        if isinstance(linked := node.get(key), dict):
            _linked(linked, media, each_image)
    if isinstance(sound := node.get("input_audio", node.get("audio")), dict | str):
        _sized(sound if isinstance(sound, dict) else {"data": sound}, "audio/", media)
    for key, media_type in (
        ("document", ""),
        ("video", "video/"),
        ("file", ""),
        ("video_url", "video/"),
    ):
        if isinstance(inner := node.get(key), dict):
            _sized(inner.get("source", inner), media_type, media)
    if kind in {"input_file", "file", "document_url", "video_url", "container_upload"}:
        _sized(node, "", media)


def _has_encoded(node: dict[str, Any]) -> bool:
    return any(key in node for key in ("image_url", "source", "image"))


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _image(item: object, media: Media, each_image: int) -> None:
    """Count an image; encoded data of another type counts as that type."""
    if isinstance(item, dict):
        inner = item.get("source", item)
        item = next(
            (inner[k] for k in ("url", "data", "bytes", "bytesBase64Encoded", "base64")
             if isinstance(inner, dict) and isinstance(inner.get(k), str)), ""
        )  # fmt: skip
    if not isinstance(item, str):
        return
    encoded = _payload(item)
    head = _head(encoded)
    if head.startswith((b"%PDF", b"PK")) or (head[4:8] == b"ftyp" and b"heic" not in head[:16]):
        _encoded(encoded, "", media)
        return
    if _is_base64(encoded):
        media.encoded_bytes += len(encoded)
    media.tokens += each_image


def _inline(inline: dict[str, Any], media: Media, each_image: int) -> None:
    media_type = str(inline.get("mimeType") or inline.get("mime_type") or "")
    if media_type.startswith("image/"):
        _image(inline, media, each_image)
    else:
        _sized(inline, media_type, media)


def _linked(linked: dict[str, Any], media: Media, each_image: int) -> None:
    media_type = str(linked.get("mimeType") or linked.get("mime_type") or "")
    media.has_audio |= media_type.startswith(("audio/", "video/"))
    if media_type.startswith("image/"):
        media.tokens += each_image
    else:
        media.is_opaque = True


def _sized(node: object, media_type: str, media: Media) -> None:
    """Count encoded data in *node* by its bytes; references are opaque."""
    if not isinstance(node, dict):
        return
    for key in ("data", "bytes", "file_data", "base64", "bytesBase64Encoded", "url", "file_url"):
        value = node.get(key)
        if isinstance(value, str) and _is_base64(encoded := _payload(value)):
            stated = value[5:40] if value.startswith("data:") else media_type
            _encoded(encoded, stated, media)
        elif isinstance(value, str) and value.partition("://")[1]:
            media.is_opaque = True
            media.has_audio |= media_type.startswith(("audio/", "video/"))
    if any(node.get(key) for key in _REFERENCES):
        media.is_opaque = True
        media.has_audio |= media_type.startswith(("audio/", "video/"))


def _encoded(encoded: str, media_type: str, media: Media) -> None:
    size = len(encoded) * 3 // 4
    media.encoded_bytes += len(encoded)
    media.tokens += tokens_of_file(size, media_type, _decode(encoded))
    media.has_audio |= media_type.startswith(("audio/", "video/"))


def tokens_of_file(size: int, media_type: str, content: bytes = b"") -> int:
    """Return the maximum tokens of a file of *size* bytes, by its type or *content*."""
    if media_type.startswith("audio/"):
        return max(size // AUDIO_BYTES_PER_TOKEN, LEAST_AUDIO_TOKENS)
    if media_type.startswith("video/"):
        return max(size // AUDIO_BYTES_PER_TOKEN, LEAST_VIDEO_TOKENS)
    if media_type.startswith("text/"):
        return size
    pages = 0
    if content.startswith(b"%PDF"):
        page_marks = _PAGES.findall(content)
        pages = min(
            max([len(page_marks), *(int(n) for n in page_marks if n)], default=0), _MOST_PAGES
        )
    return max(size, pages * PAGE_TOKENS, LEAST_DOCUMENT_TOKENS)


def _payload(value: str) -> str:
    """Return the encoded part of a data URL, or *value* itself."""
    if value[:5].lower() == "data:":
        return value.partition(",")[2]
    return value


_BASE64 = re.compile(r"[A-Za-z0-9+/_=\r\n-]*+")


def _is_base64(value: str) -> bool:
    return bool(value) and _BASE64.fullmatch(value) is not None


def _head(encoded: str) -> bytes:
    return _decode(encoded[:32])


def _decode(encoded: str) -> bytes:
    try:
        text = encoded.replace("-", "+").replace("_", "/")
        return b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
