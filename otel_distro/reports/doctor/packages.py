"""Checks of installed packages: versions and competing distributions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import TYPE_CHECKING

from otel_distro.base.attributes import DISTRO_NAME
from otel_distro.base.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STABLE = ("opentelemetry-api", "opentelemetry-sdk")
_BETA = ("opentelemetry-instrumentation", "opentelemetry-semantic-conventions")


def check_versions() -> Iterator[Check]:
    """Compare OpenTelemetry's packages, which are released in lock-step."""
    versions = {name: _version(name) for name in (*_STABLE, *_BETA)}
    text = ", ".join(f"{name.removeprefix('opentelemetry-')} {v}" for name, v in versions.items())
    for group in (_STABLE, _BETA):
        if len({versions[name] for name in group}) > 1:
            yield Check(
                "fail",
                "OpenTelemetry versions",
                f"packages of different releases: {text}",
                f"pip install --upgrade {' '.join((*_STABLE, *_BETA))}",
            )
            return
    yield Check("ok", "OpenTelemetry versions", text)


def check_competitors(environ: Mapping[str, str]) -> Iterator[Check]:
    """Check for other distributions that the agent may load instead of this one."""
    others = sorted(
        {
            f"{entry.dist.name if entry.dist else entry.value} ({entry.name})"
            for group in ("opentelemetry_distro", "opentelemetry_configurator")
            for entry in entry_points(group=group)
            if entry.name != DISTRO_NAME
        }
    )
    if not others:
        yield Check("ok", "distribution", "otel_distro is the only one installed")
        return
    chosen = environ.get("OTEL_PYTHON_DISTRO", "")
    if chosen == DISTRO_NAME:
        yield Check(
            "ok", "distribution", f"otel_distro is selected; also here: {', '.join(others)}"
        )
        return
    yield Check(
        "warn",
        "distribution",
        f"also installed: {', '.join(others)}; opentelemetry-instrument may load that one, "
        "and then nothing is redacted",
        f"use `otel-distro run`, or set OTEL_PYTHON_DISTRO={DISTRO_NAME}",
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
