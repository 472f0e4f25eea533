"""Waits for imports on other threads before a fork and at process exit.

A child inherits the lock of a module that a thread of its parent is importing, without the thread
that would release it. Importing the module in the child then deadlocks, even if it is only the
codec of a host name.
"""

from __future__ import annotations

import threading
import time
from importlib import _bootstrap as bootstrap
from typing import Any, Final

_NAP_S: Final = 0.001


def wait_for_imports(longest_s: float) -> bool:
    """Wait until no other thread is importing a module; return the success.

    At most *longest_s* seconds: the import may be waiting for this thread.
    """
    deadline = time.monotonic() + longest_s
    while _is_another_importing():
        if time.monotonic() > deadline:
            return False
        time.sleep(_NAP_S)
    return True


def _is_another_importing() -> bool:
    # They have no public API. If a later version differs, forks do not wait.
    locks: dict[str, Any] = getattr(bootstrap, "_module_locks", {})
    this_thread = threading.get_ident()
    for reference in list(locks.values()):
        owner = getattr(reference(), "owner", None)
        if owner is not None and owner != this_thread:
            return True
    return False
