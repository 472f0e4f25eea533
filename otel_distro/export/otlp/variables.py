"""The standard variables of OTLP exporters: for one signal, else for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_GRPC: Final = "http://localhost:4317"
_HTTP: Final = "http://localhost:4318"


def otlp_variable(environ: Mapping[str, str], signal: str, what: str) -> str:
    """Return `OTEL_EXPORTER_OTLP_<SIGNAL>_<WHAT>`, else `OTEL_EXPORTER_OTLP_<WHAT>`; "" if unset.

    *signal* is `traces`, `metrics` or `logs`.
    """
    own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", "").strip()
    return own or environ.get(f"OTEL_EXPORTER_OTLP_{what}", "").strip()


def otlp_endpoint(
    environ: Mapping[str, str], signal: str = "traces", exporter: str = "otlp"
) -> str:
    """Return the endpoint of *exporter*, as named in `OTEL_<SIGNAL>_EXPORTER`, for *signal*."""
    endpoint = otlp_variable(environ, signal, "ENDPOINT")
    if endpoint:
        return endpoint
    is_grpc = otlp_variable(environ, signal, "PROTOCOL") == "grpc"
    return _GRPC if is_grpc or exporter.endswith("grpc") else _HTTP
