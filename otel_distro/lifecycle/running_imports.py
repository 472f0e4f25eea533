"""Imports under way in other threads: a fork and the end of the process wait for them.

A child inherits the lock of a module that some thread of its parent is loading, and the thread that
would release it is not there. An import of the module in the child then never returns, be it
only the codec that a host name is written with.
"""

from __future__ import annotations

import threading
import time
from importlib import _bootstrap as bootstrap
from typing import Any, Final

_NAP_S: Final = 0.001


def wait_for_imports(longest_s: float) -> bool:
    """Wait until no other thread is loading a module; return whether that is so.

    Not longer than *longest_s* seconds: the import may be waiting for this very thread.
    """
    deadline = time.monotonic() + longest_s
    while _is_another_importing():
        if time.monotonic() > deadline:
            return False
        time.sleep(_NAP_S)
    return True


def _is_another_importing() -> bool:
    # There is no public way to them. Where they are kept otherwise, forks do not wait.
    locks: dict[str, Any] = getattr(bootstrap, "_module_locks", {})
    mine = threading.get_ident()
    for reference in list(locks.values()):
        owner = getattr(reference(), "owner", None)
        if owner is not None and owner != mine:
            return True
    return False
