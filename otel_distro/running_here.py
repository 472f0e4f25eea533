"""Asking for the running distribution without loading one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_distro.runtime import Runtime


def running() -> Runtime | None:
    """Return the distribution that runs in this process, if any.

    Where none was ever set up its module, and with it the SDK, is not loaded to find that out.
    """
    module = sys.modules.get("otel_distro.runtime")
    if module is None or not hasattr(module, "running"):
        return None
    found: Runtime | None = module.running()
    return found
