"""Destinations of telemetry: every configured exporter of every signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from otel_distro.export.otlp.variables import otlp_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SIGNALS = ("traces", "metrics", "logs")
_ON_THIS_MACHINE = {"console": "the console", "sqlite": "the cost ledger"}
_METRIC_STORE = "files of this machine"
_DEFAULT = "otlp"


@dataclass(frozen=True, slots=True)
class Export:
    """One exporter of one signal."""

    signal: str
    exporter: str
    place: str
    """Host and port, never user, password, path or query; or the local destination."""
    leaves: bool
    """Whether data goes anywhere but this machine's console or files."""


def exports(environ: Mapping[str, str]) -> Iterator[Export]:
    """Yield the destinations of each signal by the standard variables in *environ*."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    config_file = environ.get("OTEL_CONFIG_FILE", "").strip()
    if config_file:
        for signal in SIGNALS:
            yield Export(signal, "declarative", f"as {config_file} says", leaves=True)
        return
    for signal in SIGNALS:
        chosen = environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or _DEFAULT
        for name in (part.strip() for part in chosen.split(",")):
            if name and name != "none":
                yield _export(signal, name, environ)


def _export(signal: str, name: str, environ: Mapping[str, str]) -> Export:
    if name in _ON_THIS_MACHINE:
        stored = name == "sqlite" and signal == "metrics"
        place = _METRIC_STORE if stored else _ON_THIS_MACHINE[name]
        return Export(signal, name, place, leaves=False)
    if name == "prometheus":
        host = environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "").strip() or "localhost"
        port = environ.get("OTEL_EXPORTER_PROMETHEUS_PORT", "").strip() or "9464"
        return Export(signal, name, f"whoever reads {host}:{port}", leaves=True)
    if name.startswith("otlp"):
        return Export(signal, name, host_of(otlp_endpoint(environ, signal, name)), leaves=True)
    if name.startswith("zipkin"):
        endpoint = environ.get("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "").strip()
        return Export(signal, name, host_of(endpoint or "http://localhost:9411"), leaves=True)
    return Export(signal, name, f"wherever the exporter {name} sends it", leaves=True)


def host_of(endpoint: str) -> str:
    """Return scheme, host and port of *endpoint*, without secrets."""
    parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if parts.scheme else host
