"""Advisory file locks, if the platform has them."""

from __future__ import annotations

import sys

HAS_LOCKS = sys.platform != "win32"
"""Whether the platform has the lock."""

if sys.platform == "win32":  # pragma: no cover

    def try_lock(descriptor: int) -> bool:  # noqa: ARG001
        """Do nothing: without `flock` SQLite's own lock has to be sufficient."""
        return True

    def wait_and_lock(descriptor: int) -> None:
        """Do nothing, as `try_lock`."""

    def unlock(descriptor: int) -> None:
        """Do nothing, as `try_lock`."""

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Acquire the lock if it is free; return whether that succeeded."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait_and_lock(descriptor: int) -> None:
        """Wait until the lock is acquired."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def unlock(descriptor: int) -> None:
        """Release the lock, for every process that shares the descriptor by a fork."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)
