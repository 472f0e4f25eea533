"""Request bodies, decoded and parsed as providers read them, in bounds, without raising."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_wire.decoding import UndecodableError, decoded
from otel_wire.json_loading import loads
from otel_wire.json_skimmer import LONGEST_STRING, Skipped, skim

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BODY_BYTES = 67_108_864
"""Maximum decoded bytes of a compressed body; providers accept less."""
_BOUNDARY = re.compile(r'boundary="?([^";,]{1,200})', re.IGNORECASE)
_PART_NAME = re.compile(rb'[ ;]name="?([^";\r\n]{1,100})', re.IGNORECASE)
_FILE_NAME = re.compile(rb"[ ;]filename\*?=", re.IGNORECASE)
_PART_TYPE = re.compile(rb"content-type:\s*([\w./+-]{1,100})", re.IGNORECASE)
_MOST_PARTS = 200
_LENGTHS = frozenset({len("content-encoding"), len("content-type")})
_LONGEST_HEAD = 8192


class File(NamedTuple):
    """A file in a form."""

    size: int
    """Bytes."""
    media_type: str
    content: bytes


class Body(NamedTuple):
    """Content of a body."""

    data: dict[str, Any] | None
    """Its JSON object or the fields of its form; None if unreadable."""
    text: str = ""
    """The JSON text; empty for a form."""
    size: int = 0
    """Its size in bytes of UTF-8, without files."""
    files: tuple[File, ...] = ()
    unread_reason: str | None = None
    """Reason why it could not be read."""


def read_body(body: bytes, headers: Mapping[str, str], keys: frozenset[str]) -> Body:
    """Return the content of *body*.

    A body that is invalid JSON is skimmed for *keys*, because a lenient provider may accept it.
    """
    if isinstance(headers, dict):
        encoding, content_type = _named(headers)
    else:  # its `get` ignores case
        encoding = str(headers.get("content-encoding") or "")
        content_type = str(headers.get("content-type") or "")
    if encoding:
        try:
            body = decoded(body, encoding, MOST_BODY_BYTES)
        except UndecodableError as error:
            return Body(None, size=len(body), unread_reason=str(error))
    if content_type.lower().startswith("multipart/"):
        return _form(body, content_type)
    return _json(body, keys)


def _named(headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the content encoding and the content type; header names in any case."""
    encoding = content_type = ""
    for name, value in headers.items():
        if len(name) in _LENGTHS:
            lower = str(name).lower()
            if lower == "content-encoding":
                encoding = str(value)
            elif lower == "content-type":
                content_type = str(value)
    return encoding, content_type


def _json(body: bytes, keys: frozenset[str]) -> Body:
    try:
        text, size = body.decode(), len(body)
    except UnicodeDecodeError:
        text, size = _text(body)
    if "\x00" in text[:4]:  # it is wider than UTF-8
        text, size = _text(body)
    try:
        data = loads(text)
    except ValueError:
        pass
    else:
        if isinstance(data, dict):
            return Body(data, text, size)
        if not (isinstance(data, list) and data and isinstance(data[0], dict)):
            return Body({}, text, size)
    encoded = text.encode("utf-8", "replace")
    document = next((v for v in skim(encoded, keys, keys) if isinstance(v, dict)), None)
    if document:
        return Body(_filled(document), text, size)
    return Body(None, text, size, unread_reason="not JSON")


def _text(body: bytes) -> tuple[str, int]:
    """Return *body*, which is not UTF-8, as text, and its size in bytes of UTF-8."""
    encoding: str = json.detect_encoding(body)
    if encoding in {"utf-8", "utf-8-sig"}:
        # Latin-1 or damaged: such bytes are replaced, as lenient servers do.
        encoding = "latin-1" if body[:3] != b"\xef\xbb\xbf" else encoding
    text = body.decode(encoding, "replace")
    return text, len(text.encode("utf-8", "replace"))


def _filled(fields: Mapping[str, object]) -> dict[str, Any]:
    """Return a skimmed object with placeholders of the same length for skipped texts."""
    return {
        key: " " * min(value.length, LONGEST_STRING + 1) if isinstance(value, Skipped) else value
        for key, value in fields.items()
    }


def _form(body: bytes, content_type: str) -> Body:
    match = _BOUNDARY.search(content_type)
    if match is None:
        return Body(None, size=len(body), unread_reason="form without a boundary")
    boundary = b"--" + match[1].strip().encode("utf-8", "replace")
    fields: dict[str, Any] = {}
    files: list[File] = []
    size, at = 0, body.find(boundary)
    for _ in range(_MOST_PARTS):
        start = at + len(boundary)
        end = body.find(boundary, start)
        if at < 0 or end < 0:
            break
        at = end
        head_end = body.find(b"\r\n\r\n", start, min(end, start + _LONGEST_HEAD))
        if head_end < 0:
            continue
        head, content = body[start:head_end], body[head_end + 4 : end]
        name = _PART_NAME.search(head)
        if name is None:
            continue
        kind = _PART_TYPE.search(head)
        media_type = kind[1].decode("ascii", "replace").lower() if kind else ""
        if _FILE_NAME.search(head):
            files.append(File(len(content), media_type, content))
            continue
        size += len(content)
        value = content[:-2].decode("utf-8", "replace") if content else ""
        fields[name[1].decode("utf-8", "replace").removesuffix("[]")] = _number(value)
    if not fields and not files:
        return Body(None, size=len(body), unread_reason="form without parts")
    return Body(fields, "", size, tuple(files))


def _number(value: str) -> object:
    if value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return {"true": True, "false": False}.get(value, value)
