"""Credentials of exporters: never printed, with a warning if sent unencrypted.

The headers of `OTEL_EXPORTER_OTLP_HEADERS` are credentials. OpenTelemetry prints entries it cannot
parse, and HTTP clients print values they cannot send.
"""

from __future__ import annotations

import logging
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from otel_distro.base.messages import warn_once
from otel_distro.export.otlp.variables import otlp_variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PARSER: Final = "opentelemetry.util.re"
_HEADERS: Final = "OTEL_EXPORTER_OTLP_HEADERS"
_SIGNALS: Final = ("TRACES", "METRICS", "LOGS")


_MALFORMED: Final = (
    f"an entry of {_HEADERS} or its per-signal variants is not name=value and is ignored; "
    "separate entries by commas and write spaces in values as %20"
)


class _Unprinted(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith("Header format invalid"):
            return True
        warn_once(_MALFORMED)
        return False


def malformed_headers(environ: Mapping[str, str]) -> str | None:
    """Return the problem with the headers of exporters, without values; None if valid."""
    for name, value in environ.items():
        if name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("HEADERS"):
            entries = [entry for part in value.split(",") if (entry := part.strip())]
            if any(not entry.partition("=")[0].strip() or "=" not in entry for entry in entries):
                return _MALFORMED
    return None


def hide_malformed_headers() -> None:
    """From now on, report headers that cannot be parsed without their values."""
    parser = logging.getLogger(_PARSER)
    if not any(isinstance(known, _Unprinted) for known in parser.filters):
        parser.addFilter(_Unprinted())


def warn_of_plaintext(environ: Mapping[str, str]) -> None:
    """Report, once for each endpoint, that headers are sent unencrypted."""
    for place in sent_in_the_clear(environ):
        warn_once(f"headers are sent to {place} unencrypted; use an https endpoint")


def sent_in_the_clear(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield scheme, host and port of remote endpoints that get headers unencrypted."""
    reported = set()
    for signal in _SIGNALS:
        value = partial(otlp_variable, environ, signal)
        exporters = environ.get(f"OTEL_{signal}_EXPORTER", "").strip() or "otlp"
        if "otlp" not in exporters or not value("HEADERS"):
            continue
        place = _plain_place(value("ENDPOINT"), insecure=value("INSECURE").lower() == "true")
        if place and place not in reported:
            reported.add(place)
            yield place


def _plain_place(endpoint: str, *, insecure: bool) -> str | None:
    scheme, has_scheme, _ = endpoint.partition("://")
    if (scheme.lower() != "http") if has_scheme else not insecure:
        return None
    try:
        parts = urlsplit(endpoint if has_scheme else f"http://{endpoint}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not host or _is_here(host):
        return None
    return f"http://{host}" + (f":{port}" if port else "")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
