"""Supported platforms: POSIX systems (Linux, macOS), Python 3.11 and newer.

Older Python versions can import this module, to report that.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

OLDEST_PYTHON = (3, 11)
_FUNCTIONS = ("fork", "register_at_fork", "pread", "geteuid", "fchmod")
_MODULES = ("fcntl", "pwd")


def unsupported(version: tuple[int, ...] = sys.version_info[:2]) -> str | None:
    """Return why the distribution cannot run here, in one sentence; None if it can."""
    if version < OLDEST_PYTHON:
        return (
            f"Python {version[0]}.{version[1]} is too old: otel-distro needs Python "
            f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer"
        )
    missing = [name for name in _FUNCTIONS if not hasattr(os, name)]
    missing += [name for name in _MODULES if find_spec(name) is None]
    if missing:
        return (
            f"{sys.platform} is not supported: otel-distro needs a POSIX system (Linux, macOS; "
            f"on Windows use WSL); missing here: {', '.join(missing)}"
        )
    return None
