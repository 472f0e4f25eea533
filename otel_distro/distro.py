"""Entry points: what `opentelemetry-instrument` loads.

Kept light on purpose. Every Python process started under the agent imports this module, also the
ones where telemetry is switched off, so the SDK is imported only once it is known to be wanted.
This module sets OpenTelemetry's own defaults and is the one besides settings that may touch
`os.environ`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]  # untyped

from otel_distro.attributes import DISTRO_NAME

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from opentelemetry.util._importlib_metadata import EntryPoint

_DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    # No wheels to build and no trouble with fork, unlike gRPC.
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    # What a caller without tracing knows a request by; on server spans, redacted like the rest.
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "x-request-id,x-correlation-id",
}
_ALWAYS = {"OTEL_PYTHON_CONFIGURATOR": DISTRO_NAME}
_SWITCHED_OFF = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}


class OtelDistro(BaseDistro):  # type: ignore[misc]
    """Sets defaults before anything else is configured."""

    _instance = None

    def _configure(self, **_kwargs: Any) -> None:
        set_defaults(os.environ)  # noqa: TID251 - instrumentors and children read it from there

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Activate one instrumentor; one that fails costs its own spans, not all others'."""
        from otel_distro.instrumentors import load

        load(entry_point, **kwargs)


class OtelDistroConfigurator:
    """Sets up the SDK and the guard when it is not switched off."""

    def configure(self, **kwargs: Any) -> None:
        """Boot from the environment; never raises."""
        if is_disabled(os.environ):  # noqa: TID251
            return
        from otel_distro.boot import boot_from_environment

        boot_from_environment(**kwargs)
        from otel_distro.runtime import running

        runtime = running()
        if runtime is not None and not runtime.gate.is_open():
            from otel_distro.consent_prompt import first_run

            first_run()


def is_disabled(environ: MutableMapping[str, str]) -> bool:
    """Return whether OTEL_SDK_DISABLED is true."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def set_defaults(environ: MutableMapping[str, str]) -> None:
    """Set what the user left open; nothing where a declarative file decides."""
    chosen = dict(_ALWAYS)
    if is_disabled(environ):
        chosen |= _SWITCHED_OFF
    elif not environ.get("OTEL_CONFIG_FILE", "").strip():
        chosen |= _DEFAULTS | _exemplars(environ)
    for name, value in chosen.items():
        if not environ.get(name, "").strip():
            environ[name] = value


def _exemplars(environ: MutableMapping[str, str]) -> dict[str, str]:
    """Exemplars carry attributes of measurements, safe only while those are redacted."""
    off = environ.get("OTEL_DISTRO_REDACTION", "").strip().lower() in {"0", "false", "no", "off"}
    return {"OTEL_METRICS_EXEMPLAR_FILTER": "always_off" if off else "trace_based"}
