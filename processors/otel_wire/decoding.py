"""Content encodings of HTTP bodies, decoded in bounded memory."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE_BYTES = 65_536
"""Maximum bytes of one decoding step."""
MOST_DECODED_BYTES = 268_435_456
"""Maximum decoded bytes of one body; more is a decompression bomb or a file."""


class UndecodableError(ValueError):
    """The body's encoding is unsupported, damaged, or decodes to too much."""


class Decoder(Protocol):
    """Decodes a body chunk by chunk."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded *data*, at most `PIECE_BYTES` at a time.

        Raises UndecodableError.
        """
        ...


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._stream = zlib.decompressobj(window_bits)
        self._seen = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:  # the next member of a gzip file
                self._stream = zlib.decompressobj(self._window_bits)
            try:
                piece = self._stream.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise UndecodableError(str(error)) from None
            if piece:
                yield piece
            rest = self._stream.unconsumed_tail or self._stream.unused_data
            if rest == data and not piece:
                raise UndecodableError("no progress")
            data = rest
        # Output held back by the limit remains after all input is consumed.
        while not self._stream.eof:
            piece = self._stream.decompress(b"", PIECE_BYTES)
            if not piece:
                return
            yield piece


class _Deflate:
    """Deflate with the zlib header that HTTP requires, or without it, as some servers send it."""

    def __init__(self) -> None:
        self._inner: _Zlib | None = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        if self._inner is None:
            self._inner = _Zlib(zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        yield from self._inner.decode(data)


class _Other:
    """A decoder of an optional package, whose output per step cannot be limited."""

    _STEP = 1024

    def __init__(self, decompress: Callable[[bytes], bytes]) -> None:
        self._decompress = decompress

    def decode(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), self._STEP):
            try:
                piece = self._decompress(data[start : start + self._STEP])
            except Exception as error:  # each package has its own errors
                raise UndecodableError(type(error).__name__) from None
            if piece:
                yield piece


class _Plain:
    def decode(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Chain:
    def __init__(self, decoders: list[Decoder], most_bytes: int) -> None:
        self._decoders = decoders
        self._most_bytes = most_bytes
        self._decoded = 0

    def decode(self, data: bytes) -> Iterator[bytes]:
        for piece in self._through(data, 0):
            self._decoded += len(piece)
            if self._decoded > self._most_bytes:
                raise UndecodableError(f"more than {self._most_bytes} bytes")
            yield piece

    def _through(self, data: bytes, step: int) -> Iterator[bytes]:
        if step == len(self._decoders):
            yield data
            return
        for piece in self._decoders[step].decode(data):
            yield from self._through(piece, step + 1)


_MOST_ENCODINGS = 3


def decoder_for(content_encoding: str, most_bytes: int = MOST_DECODED_BYTES) -> Decoder:
    """Return a decoder for the value of a Content-Encoding header; the empty value is plain.

    A body that is encoded and decodes to more than *most_bytes* is an UndecodableError.

    Raises UndecodableError for an encoding that is unknown or whose package is not installed.
    """
    names = [n for part in content_encoding.lower().split(",") if (n := part.strip())]
    names = [name for name in names if name not in {"identity", "aws-chunked"}]
    if not names:
        return _Plain()
    if len(names) > _MOST_ENCODINGS:
        raise UndecodableError("too many encodings")
    return _Chain([_decoder(name) for name in reversed(names)], most_bytes)


def _decoder(name: str) -> Decoder:
    if name in {"gzip", "x-gzip"}:
        return _Zlib(16 + zlib.MAX_WBITS)
    if name == "deflate":
        return _Deflate()
    if name == "br":
        for module in ("brotli", "brotlicffi"):
            try:
                return _Other(import_module(module).Decompressor().process)
            except (ImportError, AttributeError):
                continue
    if name == "zstd":
        for module in ("compression.zstd", "zstandard"):
            try:
                imported = import_module(module)
                make = getattr(imported, "ZstdDecompressor")  # noqa: B009 - of an optional package
                one = make() if module.startswith("compression") else make().decompressobj()
                return _Other(one.decompress)
            except (ImportError, AttributeError):
                continue
    raise UndecodableError(f"encoding {name[:20]}")


def decoded(body: bytes, content_encoding: str, most_bytes: int) -> bytes:
    """Return the whole *body* decoded.

    Raises UndecodableError, also when it decodes to more than *most_bytes*.
    """
    if not content_encoding:
        return body
    pieces = bytearray()
    for piece in decoder_for(content_encoding).decode(body):
        pieces += piece
        if len(pieces) > most_bytes:
            raise UndecodableError(f"more than {most_bytes} bytes")
    return bytes(pieces)
