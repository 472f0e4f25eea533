"""Endpoints and reasons of failure without the secrets in them, for messages and files."""

from __future__ import annotations


def without_header(reason: str) -> str:
    """Return why a request could not be sent, without the header that an HTTP client repeats."""
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
    # Up to the last one: a password may contain what ends a host, and rather less is shown.
    return scheme + has_scheme + rest.rpartition("@")[2]
