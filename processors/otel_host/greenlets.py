"""Locks for programs in which gevent or eventlet may have replaced threads by greenlets.

They do so after this package was imported, and locks created before are still those of the
operating system: waiting for one blocks the whole thread, including the greenlet that holds it.
"""

from __future__ import annotations

import _thread
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

_NATIVE_START: Final = _thread.start_new_thread
_NAP_S: Final = 0.001


def are_in_use() -> bool:
    """Return whether new threads are greenlets."""
    return _thread.start_new_thread is not _NATIVE_START


class Lock:
    """A lock that may be held while its holder waits; not reentrant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not are_in_use():
            self._lock.acquire()
            return
        while not self._lock.acquire(blocking=False):
            time.sleep(_NAP_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()
