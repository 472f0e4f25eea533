"""OTLP over plain HTTP without `requests`, for a collector on the same host.

Importing `requests` takes a tenth of the start-up time and five megabytes for features that plain
HTTP does not use: certificates, proxies, passwords from files. If any of these may be needed,
`requests` is used.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_distro.export.otlp.variables import otlp_variable

if TYPE_CHECKING:
    from collections.abc import Mapping

_HTTP: Final = "opentelemetry.exporter.otlp.proto.http."
_EXPORTERS: Final = {
    "TRACES": ("trace_exporter", "OTLPSpanExporter"),
    "METRICS": ("metric_exporter", "OTLPMetricExporter"),
    "LOGS": ("_log_exporter", "OTLPLogExporter"),
}
_CONNECTIONS: Final = 10
_PROXIES: Final = ("http_proxy", "all_proxy", "netrc")
_CREDENTIALS: Final = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_"


def exporter_arguments(environ: Mapping[str, str]) -> dict[type, dict[str, Any]]:
    """Return the constructor arguments of the OTLP exporters selected by *environ*, by class.

    Empty for those that need more than plain HTTP.
    """
    if _may_want_more(environ):
        return {}
    arguments = {}
    for signal, (module, name) in _EXPORTERS.items():
        if _is_plain(signal, environ):
            exporter = getattr(import_module(_HTTP + module), name)
            arguments[exporter] = {"_transport": _transport()}
    return arguments


def _transport() -> Any:
    from opentelemetry.exporter.http.transport._urllib3 import Urllib3HTTPTransport

    transport = Urllib3HTTPTransport()
    # Spooled records are sent in parallel to new ones. By default one connection is kept, and each
    # further one logs a warning in the app's log.
    transport._pool.connection_pool_kw["maxsize"] = _CONNECTIONS  # noqa: SLF001
    return transport


def _is_plain(signal: str, environ: Mapping[str, str]) -> bool:
    chosen = {name.strip() for name in environ.get(f"OTEL_{signal}_EXPORTER", "").split(",")}
    protocol = otlp_variable(environ, signal, "PROTOCOL") == "http/protobuf"
    if not ("otlp_proto_http" in chosen or ("otlp" in chosen and protocol)):
        return False
    endpoint = otlp_variable(environ, signal, "ENDPOINT")
    # Without user and password, which urllib3 does not send.
    return not endpoint or (endpoint.lower().startswith("http://") and "@" not in endpoint)


def _may_want_more(environ: Mapping[str, str]) -> bool:
    if any(name.lower() in _PROXIES or name.startswith(_CREDENTIALS) for name in environ):
        return True
    try:
        return any((Path.home() / name).exists() for name in (".netrc", "_netrc"))
    except (OSError, RuntimeError):  # no home
        return False
