"""Separates endpoints and failure reasons from the secrets in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def without_header(reason: str) -> str:
    """Return why a request could not be sent, without the header quoted by an HTTP client."""
    if any(sign in reason for sign in ("header value", "header name", "Header part")):
        return "a header cannot be sent as it is; fix OTEL_EXPORTER_OTLP_HEADERS"
    return reason


def without_credentials(endpoint: str) -> str:
    """Return *endpoint* without user, password, query and fragment; it may have no scheme."""
    scheme, has_scheme, rest = endpoint.partition("://")
    if not has_scheme:
        scheme, rest = "", endpoint
    for end in "?#":
        rest = rest.partition(end)[0]
    # Up to the last one: a password may contain a host delimiter, so rather show less.
    return scheme + has_scheme + rest.rpartition("@")[2]


_NO_CREDENTIALS = frozenset(
    {"user-agent", "content-type", "content-encoding", "accept", "accept-encoding", "connection"}
)


def header_credentials(headers: Any) -> Iterator[str]:
    """Yield each of *headers* that may identify the sender of a request; secrets."""
    for name, value in sorted(dict(headers or {}).items()):
        if str(name).lower() not in _NO_CREDENTIALS:
            yield f"{str(name).lower()}={value}"


def endpoint_credentials(endpoint: str) -> str:
    """Return user, password and query of *endpoint*: a key may be among them."""
    place, _, query = endpoint.partition("?")
    user = place.rpartition("@")[0].rpartition("//")[2]
    return f"{user}?{query}" if user or query else ""
