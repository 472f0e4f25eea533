"""Encoded secrets: base64, URL-safe base64 and hexadecimal of a text with secrets."""

from __future__ import annotations

from binascii import Error, a2b_base64, a2b_hex
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_redaction.patterns.match import Match
    from otel_redaction.patterns.scan import Scan

_BLOB = lazy_pattern(r"[A-Za-z0-9+/_-]{20,16384}={0,2}")
_BEFORE_REVERSED = lazy_pattern(r"[A-Za-z0-9+/_-]{0,512}")
_HEX = lazy_pattern(r"(?:[0-9a-fA-F]{2}){12,8192}")
_IN_BLOB = frozenset("+/_-")
_PROBE = 24
_SHORTEST_TEXT = 8
_TO_STANDARD = str.maketrans("-_", "+/")
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\t\r\n"
_MOST_UNPRINTABLE = 0.1
"""UTF-8 beyond ASCII counts as unprintable, so a few such bytes are allowed."""


def encoded_end(
    scan: Scan, start: int, search: Callable[[str], list[Match]]
) -> tuple[int, int, str]:
    """Return start, end and decoded text of the blob around *start*, or zeros."""
    text = scan.text
    first = start
    before = text[start - 1 : start]
    if before.isalnum() or before in _IN_BLOB:
        lead = _BEFORE_REVERSED.match(text[max(0, start - 512) : start][::-1])
        first = start - (lead.end() if lead else 0)
    blob = _BLOB.match(text, first)
    if blob is None:
        return 0, 0, ""
    written = blob.group()
    decoded = _decoded(written)
    if decoded is None:
        return 0, blob.end(), ""
    matches = search(decoded)
    return first, blob.end(), matches[0].kind if matches else ""


def _decoded(written: str) -> str | None:
    """Return the decoded text of *written*, or None if it is no encoded text."""
    if _HEX.fullmatch(written):
        return _as_text(a2b_hex(written)) if _is_text(a2b_hex(written[:_PROBE])) else None
    if written.islower() or written.isupper() or written.isalpha():
        return None  # a path, an identifier
    standard = written.rstrip("=").translate(_TO_STANDARD)
    try:
        if not _is_text(a2b_base64(standard[:_PROBE])):
            return None
        return _as_text(a2b_base64(standard + "=" * (-len(standard) % 4)))
    except (Error, ValueError):
        return None


def _is_text(data: bytes) -> bool:
    return len(data.translate(None, _PRINTABLE)) <= len(data) * _MOST_UNPRINTABLE


def _as_text(data: bytes) -> str | None:
    if len(data) < _SHORTEST_TEXT or not _is_text(data):
        return None
    return data.decode("utf-8", "replace")
