"""Classification of the destinations of outgoing requests, for headers.

A propagator receives headers, not a request. The current client span has the URL; if it is not
recorded, model clients are recognised by the headers they set.
"""

from __future__ import annotations

import re
from enum import Enum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from opentelemetry import trace

from otel_distro.pipeline.span_errors import attributes_of
from otel_pricing.reading.recognise import MARKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan


class Destination(Enum):
    """The owner of the host that a request goes to."""

    MODEL = "model"
    """A model endpoint: its path or its host is that of a model API."""
    OWN = "own"
    """One of the app's own hosts: listed, loopback, or in a private network."""
    OTHER = "other"
    """A host on the Internet that is not listed."""
    UNKNOWN = "unknown"
    """No host is known: a message queue, for example."""


_HOST_NAME: Final = re.compile(r"[\w.:%-]+")
_URL: Final = ("url.full", "http.url")
_HOST: Final = ("server.address", "net.peer.name", "http.host")
_PATH: Final = ("url.path", "http.target", "url.template")
_METHOD: Final = ("http.request.method", "http.method")
_MODEL_HEADERS: Final = (
    "x-stainless-lang",
    "anthropic-version",
    "openai-organization",
    "x-goog-api-key",
    "x-goog-api-client",
)
_PRIVATE_ENDINGS: Final = (
    ".localhost",
    ".local",
    ".internal",
    ".lan",
    ".intranet",
    ".home.arpa",
    ".svc",
    ".test",
)


def destination_of(
    context: Context | None, headers: Any, own_hosts: tuple[str, ...]
) -> Destination:
    """Return the destination of a request with *headers*, made in *context*.

    *own_hosts* are host names; a leading dot includes all subdomains.
    """
    span = trace.get_current_span(context)
    attributes: Mapping[str, Any] = (
        attributes_of(cast("ReadableSpan", span)) if hasattr(span, "_attributes") else {}
    )
    host, path = _target(attributes)
    host = host or _header(headers, "host").partition(":")[0].lower()
    if host and _is_listed(host, own_hosts):
        return Destination.OWN
    if _is_model_endpoint(host, path, attributes, headers):
        return Destination.MODEL
    if not host:
        return Destination.UNKNOWN
    return Destination.OWN if is_private(host) else Destination.OTHER


def is_private(host: str) -> bool:
    """Return whether *host* can only be in the app's own network."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_ENDINGS)


def _is_listed(host: str, own_hosts: tuple[str, ...]) -> bool:
    return any(
        host == own or (own.startswith(".") and (host.endswith(own) or host == own[1:]))
        for own in own_hosts
    )


def _target(attributes: Mapping[str, Any]) -> tuple[str, str]:
    url = _first(attributes, _URL)
    if url:
        try:
            parts = urlsplit(url)
            if parts.hostname and _HOST_NAME.fullmatch(parts.hostname):
                return parts.hostname.lower(), parts.path
        except ValueError:
            pass
    host = _first(attributes, _HOST)
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    host = host.lower()
    path = _first(attributes, _PATH).partition("?")[0]
    return (host if _HOST_NAME.fullmatch(host) else ""), path


def _is_model_endpoint(host: str, path: str, attributes: Mapping[str, Any], headers: Any) -> bool:
    from otel_pricing.model.hosts import provider_of
    from otel_wire.endpoints import may_call_model

    if not MARKS.isdisjoint(attributes) or (host and provider_of(host) is not None):
        return True
    method = _first(attributes, _METHOD) or "POST"
    if path and may_call_model(method.upper(), path.rstrip("/")):
        return True
    return any(_header(headers, name) for name in _MODEL_HEADERS)


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((value for n in names if isinstance(value := attributes.get(n), str)), "")


def _header(headers: Any, name: str) -> str:
    get = getattr(headers, "get", None)
    if get is None:
        return ""
    try:
        value = get(name) or get(name.title()) or ""
    except Exception:  # a carrier may be of any type
        return ""
    return value if isinstance(value, str) else ""
