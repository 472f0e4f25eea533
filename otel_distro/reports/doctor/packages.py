"""Checks of what is installed: versions, competing distributions, instrumentations."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from otel_distro.base.attributes import DISTRO_NAME
from otel_distro.base.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint

_STABLE = ("opentelemetry-api", "opentelemetry-sdk")
_BETA = ("opentelemetry-instrumentation", "opentelemetry-semantic-conventions")

_INSTRUMENTATION = {
    "openai": ("openai", "opentelemetry-instrumentation-genai-openai"),
    "anthropic": ("anthropic", "opentelemetry-instrumentation-genai-anthropic"),
    "google.genai": ("google-genai", "opentelemetry-instrumentation-google-genai"),
    "langchain_core": ("langchain", "opentelemetry-instrumentation-genai-langchain"),
    "litellm": ("litellm", "openinference-instrumentation-litellm"),
    "mistralai": ("mistralai", "opentelemetry-instrumentation-mistralai"),
    "cohere": ("cohere", "opentelemetry-instrumentation-cohere"),
    "groq": ("groq", "opentelemetry-instrumentation-groq"),
    "together": ("together", "opentelemetry-instrumentation-together"),
    "ollama": ("ollama", "opentelemetry-instrumentation-ollama"),
    "huggingface_hub": ("huggingface_hub", "opentelemetry-instrumentation-huggingface-hub"),
    "boto3": ("boto3", "opentelemetry-instrumentation-botocore"),
}
"""Importable module -> (what people call it, the package that instruments it)."""

_OTHER_NAMES = {"boto3": ("botocore", "bedrock"), "langchain": ("langchain-core",)}
"""What else packages and entry points that instrument a library are called by."""

_BEFORE_NAME = re.compile(
    r"(opentelemetry|openinference)-instrumentation-(genai-)?|-(v2|instrumentation)$"
)
"""What stands around the name of the library in the name of a package that instruments it."""

_SPEAKS_ITSELF = {"anthropic"}
"""Libraries that make spans of their model calls without any instrumentation."""


def check_versions() -> Iterator[Check]:
    """Compare OpenTelemetry's packages, which are released in lock-step."""
    found = {name: _version(name) for name in (*_STABLE, *_BETA)}
    text = ", ".join(f"{name.removeprefix('opentelemetry-')} {v}" for name, v in found.items())
    for group in (_STABLE, _BETA):
        if len({found[name] for name in group}) > 1:
            yield Check(
                "fail",
                "OpenTelemetry versions",
                f"packages of different releases: {text}",
                f"pip install --upgrade {' '.join((*_STABLE, *_BETA))}",
            )
            return
    yield Check("ok", "OpenTelemetry versions", text)


def check_competitors(environ: Mapping[str, str]) -> Iterator[Check]:
    """Look for other distributions, one of which the agent may load instead of this one."""
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


def check_instrumentations() -> Iterator[Check]:
    """Look for model clients that nothing watches, and for the log handler."""
    entries = tuple(entry_points(group="opentelemetry_instrumentor"))
    instrumented = {entry.name for entry in entries}
    if "logging" not in instrumented:
        yield Check(
            "fail",
            "logs",
            "opentelemetry-instrumentation-logging is missing, so no log record is exported",
            "pip install opentelemetry-instrumentation-logging",
        )
    clients = [module for module in _INSTRUMENTATION if _importable(module)]
    for module in clients:
        name, package = _INSTRUMENTATION[module]
        found = [entry for entry in entries if name in _instruments(entry)]
        reasons = {reason for entry in found if (reason := _unusable(entry))}
        if found and len(reasons) < len(found):
            yield Check("ok", f"{name} calls", "instrumented")
        elif module in _SPEAKS_ITSELF:
            yield Check("ok", f"{name} calls", "the library makes its own spans")
        elif reasons:
            yield Check(
                "warn",
                f"{name} calls",
                f"instrumentation is installed but cannot be used: {'; '.join(sorted(reasons))}",
                "install the versions and parts that it names",
            )
        else:
            yield Check(
                "warn",
                f"{name} calls",
                "the library is installed but nothing makes spans of its calls",
                f"pip install {package}",
            )
    if not clients:
        yield Check("ok", "model clients", "none of the known ones is installed here")


def _instruments(entry: EntryPoint) -> frozenset[str]:
    """Return the libraries that *entry* instruments, by what people call them."""
    package = entry.dist.name.lower().replace("_", "-") if entry.dist else ""
    said = {entry.name.replace("_", "-"), _BEFORE_NAME.sub("", package)}
    return frozenset(
        name
        for name, _package in _INSTRUMENTATION.values()
        if said & {name.replace("_", "-"), *_OTHER_NAMES.get(name, ())}
    )


def _unusable(entry: EntryPoint) -> str:
    """Return why the agent would leave *entry* out, in one line; "" if it would not."""
    from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts

    try:
        conflict = get_dist_dependency_conflicts(entry.dist) if entry.dist else None
        if conflict is not None:
            return " ".join(str(conflict).split())
        entry.load()
    except Exception as error:  # noqa: BLE001 - whatever stops the agent is what is asked for
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return ""


def _importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
