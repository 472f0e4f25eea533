"""Writer queue: a lock file taken before SQLite's own lock.

SQLite's busy handler sleeps for growing intervals, so under load one process can starve for
seconds. With this lock all processes poll at the same short interval, and a process yields to
waiting ones after a write.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

from otel_host.descriptors import OwnDescriptor
from otel_host.file_locks import try_lock, unlock
from otel_host.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_S: Final = 0.001


class WriterLock:
    """A file lock with a time limit, for fairness; SQLite's lock gives correctness.

    The wait is limited because the holder may be stopped. After the limit the writer proceeds with
    SQLite's lock alone.
    """

    def __init__(self, path: Path, wait_s: float) -> None:
        self._path = path
        self.wait_s = wait_s
        self._own: OwnDescriptor | None = None
        self._met_others = False

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the lock for the body; yields False when it was not acquired in time."""
        acquired = self._acquire()
        try:
            yield acquired
        finally:
            if acquired:
                self._release()

    def close(self) -> None:
        """Close the lock file; safe in a forked child, where closing does not unlock it."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def _acquire(self) -> bool:
        if self._own is None or not self._own.is_ours():
            self._own = OwnDescriptor(open_private(self._path, os.O_RDWR | os.O_CREAT), self._path)
        if self._met_others:
            time.sleep(_POLL_S)
        deadline = time.monotonic() + self.wait_s
        self._met_others = False
        while not try_lock(self._own.number):
            self._met_others = True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def _release(self) -> None:
        if self._own is not None and self._own.is_ours():
            unlock(self._own.number)
