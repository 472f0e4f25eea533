"""The advisory file lock, where the platform has one."""

from __future__ import annotations

import sys

HAS_LOCKS = sys.platform != "win32"
"""Whether the platform has the lock."""

if sys.platform == "win32":  # pragma: no cover

    def try_lock(descriptor: int) -> bool:  # noqa: ARG001
        """Pretend: without `flock` SQLite's own lock has to be enough."""
        return True

    def wait_and_lock(descriptor: int) -> None:
        """Pretend, as `try_lock` does."""

    def unlock(descriptor: int) -> None:
        """Pretend, as `try_lock` does."""

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Take the lock if it is free, and return whether that worked."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait_and_lock(descriptor: int) -> None:
        """Wait until the lock is ours."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def unlock(descriptor: int) -> None:
        """Release the lock, for every process that shares the descriptor by a fork."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)
