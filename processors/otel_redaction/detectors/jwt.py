"""JSON web tokens: three base64url parts, the first of which decodes to a token header."""

from __future__ import annotations

from binascii import Error, a2b_base64

from otel_redaction.patterns.lazy_pattern import lazy_pattern

_PARTS = lazy_pattern(
    r"(eyJ[\w-]{8,1200}={0,2})\.(?:eyJ|ey|[\w-])[\w/\\-]{4,16000}={0,2}(?:\.[\w/\\-]{0,4000}={0,2}){0,3}"
)
_HEADER_FIELDS = (b'"alg"', b'"typ"', b'"enc"', b'"kid"', b'"jku"', b'"x5t"')


def jwt_end(text: str, start: int) -> int:
    """Return the end of the token that begins at *start*, or 0 if it has no token header.

    A token truncated after its header still counts: the rest of its payload has the claims.
    """
    token = _PARTS.match(text, start)
    if token is None:
        return 0
    header = _decoded(token.group(1))
    if not any(field in header for field in _HEADER_FIELDS):
        return 0
    return token.end()


def _decoded(part: str) -> bytes:
    standard = part.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return a2b_base64(standard + "=" * (-len(standard) % 4))
    except (Error, ValueError):
        return b""
