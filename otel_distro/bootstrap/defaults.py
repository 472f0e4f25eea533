"""Defaults of OpenTelemetry's own variables.

Light, because every Python process under the agent imports it, even with telemetry off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.base.attributes import DISTRO_NAME
from otel_distro.bootstrap.standard_variables import DEFAULT_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_EXPORTER_DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": DEFAULT_PROTOCOL,
}
"""Set only while the providers are created: other tracers (such as ddtrace) and child programs read
these variables too, and would export without redaction."""
_DEFAULTS = {
    **_EXPORTER_DEFAULTS,
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",
    # Request ids of callers without tracing, on server spans; redacted like the rest.
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "x-request-id,x-correlation-id",
}
_set_here: set[str] = set()
_ALWAYS = {"OTEL_PYTHON_CONFIGURATOR": DISTRO_NAME}
_SWITCHED_OFF = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Return whether OTEL_SDK_DISABLED is true."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def set_defaults(environ: MutableMapping[str, str]) -> None:
    """Set unset variables; none with a declarative configuration file."""
    chosen = dict(_ALWAYS)
    if is_disabled(environ):
        chosen |= _SWITCHED_OFF
    elif not environ.get("OTEL_CONFIG_FILE", "").strip():
        chosen |= _DEFAULTS | _exemplars(environ)
    for name, value in chosen.items():
        if not environ.get(name, "").strip():
            environ[name] = value
            if name in _EXPORTER_DEFAULTS:
                _set_here.add(name)


def forget_exporter_defaults(environ: MutableMapping[str, str]) -> None:
    """Remove the exporter and protocol variables set by `set_defaults` after use."""
    for name in sorted(_set_here):
        environ.pop(name, None)
    _set_here.clear()


def _exemplars(environ: MutableMapping[str, str]) -> dict[str, str]:
    """Exemplars carry attributes of measurements, which are safe only if redacted."""
    off = environ.get("OTEL_DISTRO_REDACTION", "").strip().lower() in {"0", "false", "no", "off"}
    return {"OTEL_METRICS_EXEMPLAR_FILTER": "always_off" if off else "trace_based"}
