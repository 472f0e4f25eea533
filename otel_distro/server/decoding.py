"""Decodes request bodies to OTLP messages, within limits."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError

from otel_distro.server.otlp_json import MalformedJsonError, fill
from otel_distro.server.signals import message_class

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from otel_distro.server.limits import ReceiverLimits

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_STEP: Final = 2**20
_MOST_MEMBERS: Final = 1_000


class RefusedBodyError(Exception):
    """A body that cannot be used; *status* is the HTTP status of the response."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def decode(
    signal: str, body: bytes, content_type: str, encoding: str, limits: ReceiverLimits
) -> Message:
    """Return the OTLP request in *body*; raises RefusedBodyError."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in {JSON, PROTOBUF}:
        raise RefusedBodyError(
            415, f"content type {kind[:60]!r} is not supported; use {PROTOBUF} or {JSON}"
        )
    plain = decompress(body, encoding, limits.message_bytes)
    return _from_json(signal, plain, limits) if kind == JSON else _from_protobuf(signal, plain)


def decompress(body: bytes, encoding: str, most: int) -> bytes:
    """Return *body* without its content encoding.

    Raises `RefusedBodyError` for other encodings, corrupt bodies and those of more than *most*
    bytes.
    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding in {"gzip", "deflate"}:
        return _inflated(body, most)
    if encoding == "zstd":
        return _unzstd(body, most)
    raise RefusedBodyError(
        415, f"content encoding {encoding[:40]!r} is not supported; use gzip or zstd"
    )


def _inflated(body: bytes, most: int) -> bytes:
    parts: list[bytes] = []
    size = members = 0
    rest = body
    try:
        while rest:
            members += 1
            if members > _MOST_MEMBERS:  # empty ones only cost time
                raise RefusedBodyError(400, f"the gzip data have more than {_MOST_MEMBERS} members")
            member = zlib.decompressobj(_GZIP_OR_ZLIB)
            while not member.eof:
                part = member.decompress(rest, _STEP)
                rest = member.unconsumed_tail
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
                if not part and not rest and not member.eof:
                    raise RefusedBodyError(400, "the gzip data end early")
            rest = member.unused_data.lstrip(b"\x00")
    except zlib.error as error:
        raise RefusedBodyError(400, f"the gzip data are damaged: {error}") from error
    return b"".join(parts)


def _unzstd(body: bytes, most: int) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise RefusedBodyError(
            415, "zstd needs the package zstandard; pip install 'otel-distro[serve]'"
        ) from error
    # A frame chooses its window size, so that memory is limited like the output.
    reader = zstandard.ZstdDecompressor(max_window_size=8 * 2**20).stream_reader(
        body, read_across_frames=True
    )
    parts: list[bytes] = []
    size = 0
    try:
        while part := reader.read(_STEP):
            size += len(part)
            if size > most:
                raise _too_large(most)
            parts.append(part)
    except zstandard.ZstdError as error:
        raise RefusedBodyError(400, f"the zstd data are damaged: {error}") from error
    return b"".join(parts)


def _too_large(most: int) -> RefusedBodyError:
    return RefusedBodyError(413, f"the body has more than {most:,} bytes when decompressed")


def _from_protobuf(signal: str, body: bytes) -> Message:
    message: Message = message_class(signal)()
    try:
        message.ParseFromString(body)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedBodyError(400, f"the body is not an OTLP {signal} request") from error
    # Unknown fields cannot be redacted, so they are dropped.
    message.DiscardUnknownFields()
    return message


def _from_json(signal: str, body: bytes, limits: ReceiverLimits) -> Message:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedBodyError(400, f"the body is not JSON: {_reason(error)}") from error
    message: Message = message_class(signal)()
    try:
        fill(message, document, limits.json_nesting)
    except MalformedJsonError as error:
        raise RefusedBodyError(400, f"the body is not OTLP/JSON: {error}") from error
    return message


def _reason(error: Exception) -> str:
    # The text of other errors may quote the body.
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at byte {error.pos}"
    return "nested too deeply" if isinstance(error, RecursionError) else "not readable"
