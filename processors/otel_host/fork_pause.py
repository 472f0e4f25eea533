"""A lock held by the forking thread from before a fork until after it."""

from __future__ import annotations

import threading


class ForkPause:
    """Holds *lock* around a fork, so that no other thread is inside it in the child.

    Waits at most *longest_s* seconds for the lock; the fork goes ahead without it after that.
    Several threads may fork at once.
    """

    def __init__(self, lock: threading.RLock, longest_s: float) -> None:
        self._lock = lock
        self._longest_s = longest_s
        self._held_by: set[int] = set()

    def begin(self) -> None:
        """Take the lock, if it becomes free in time."""
        if self._lock.acquire(timeout=self._longest_s):
            self._held_by.add(threading.get_ident())

    def end(self) -> None:
        """Release the lock if this thread holds it."""
        if threading.get_ident() in self._held_by:
            self._held_by.discard(threading.get_ident())
            self._lock.release()
