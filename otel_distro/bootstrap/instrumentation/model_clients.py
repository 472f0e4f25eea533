"""Installed model clients, their instrumentors, and version compatibility."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from otel_pricing.model.instrumentations import GROUP, MODEL_CLIENTS

if TYPE_CHECKING:
    from opentelemetry.util._importlib_metadata import EntryPoint

    from otel_pricing.model.instrumentations import Instrumentation


def installed_clients() -> tuple[Instrumentation, ...]:
    """Return the importable clients, without importing them."""
    return tuple(client for client in MODEL_CLIENTS if is_importable(client.module))


def instrumentors() -> tuple[EntryPoint, ...]:
    """Return the instrumentors of all installed packages."""
    from opentelemetry.util._importlib_metadata import entry_points

    return tuple(entry_points(group=GROUP))


def conflict_of(entry_point: EntryPoint) -> str | None:
    """Return how the installed library's version conflicts with *entry_point*.

    None if the versions match or are unknown.
    """
    from opentelemetry.instrumentation.dependencies import get_dist_dependency_conflicts

    if entry_point.dist is None:
        return None
    conflict = get_dist_dependency_conflicts(entry_point.dist)
    if conflict is None:
        return None
    if conflict.required:
        required, found = _without_marker(conflict.required), conflict.found
    else:
        required = " or ".join(_without_marker(each) for each in conflict.required_any or ())
        found = ", ".join(str(each) for each in conflict.found_any or ())
    return f"{entry_point.dist.name} works with {required}, installed is {found or 'none'}"


def untried_version_of(entry_point: EntryPoint, client: Instrumentation) -> str | None:
    """Return how the instrumentation of *entry_point* is older than the oldest supported one.

    None if it is not, or if its version is unknown.
    """
    from packaging.version import InvalidVersion, Version

    if entry_point.dist is None:
        return None
    name, installed = entry_point.dist.name, entry_point.dist.version
    oldest = client.versions.get(name.lower().replace("_", "-"))
    try:
        if not oldest or Version(installed) >= Version(oldest):
            return None
    except InvalidVersion:
        return None
    return f"{name} {installed} is older than {oldest}, the oldest version that is known to work"


def _without_marker(requirement: object) -> str:
    return str(requirement).partition(";")[0].strip()


def is_importable(module: str) -> bool:
    """Return whether *module* can be found; its parent packages are imported."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
