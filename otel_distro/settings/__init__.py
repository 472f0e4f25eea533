"""User settings, read once and then frozen.

The environment wins over the configuration file (`OTEL_DISTRO_CONFIG`, TOML) or the
`distribution.otel_distro` section of an OpenTelemetry declarative file; both use the same keys.
Defaults are defined in the packages that use them. This is the only module that reads `os.environ`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from otel_distro.settings.loading import DO_NOT_TRACK, load
from otel_distro.settings.model import Loaded, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

__all__ = [
    "DO_NOT_TRACK",
    "Loaded",
    "Settings",
    "load",
    "process_environment",
    "writable_environment",
]


def process_environment() -> Mapping[str, str]:
    """Return the environment of this process; it is read only here."""
    return os.environ


def writable_environment() -> MutableMapping[str, str]:
    """Return the environment of this process for setting OpenTelemetry's own defaults in it."""
    return os.environ
