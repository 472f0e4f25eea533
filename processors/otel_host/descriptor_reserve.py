"""Reserved descriptors for a process that has run out of them."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from otel_host.descriptors import CLOEXEC, OwnDescriptor

if TYPE_CHECKING:
    from collections.abc import Iterator


_PATIENCE: Final = 1.0


def is_out_of_descriptors(error: OSError) -> bool:
    """Whether *error* reports the limit of open files, of the process or the system."""
    return error.errno in {errno.EMFILE, errno.ENFILE}


class Reserve:
    """One descriptor reserved for when the program has used up all others."""

    def __init__(self) -> None:
        self._own: OwnDescriptor | None = None
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Reserve a descriptor unless there is one; retry later if none is free."""
        if self._own is None or not self._own.is_ours():
            with suppress(OSError):
                self._own = OwnDescriptor(os.open(os.devnull, os.O_RDONLY | CLOEXEC), "a reserve")

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Free one descriptor for the body, which must close the files that it opens."""
        # An unbounded wait could deadlock in a signal handler that interrupted the holder.
        locked = self._lock.acquire(timeout=_PATIENCE)
        try:
            if self._own is not None:
                self._own.close()
                self._own = None
            yield
        finally:
            self.hold()
            if locked:
                self._lock.release()

    def after_fork(self) -> None:
        """Reset in a forked child."""
        self._lock = threading.Lock()


reserve: Final = Reserve()
