"""The background thread of a component, started on first use."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class BackgroundThread:
    """A daemon thread that runs *target*, started at the first `ensure`.

    Starting it never blocks: a concurrent starter may be a greenlet, which runs only if others do
    not block. After a fork, create a new one.
    """

    def __init__(self, name: str, target: Callable[[], None]) -> None:
        self._name = name
        self._target = target
        self._lock = threading.Lock()
        self.thread: threading.Thread | None = None
        """The thread, from before its start until `end`; None before and after."""

    def ensure(self) -> bool:
        """Start the thread unless it runs; return False if no thread can start any more."""
        # Without the lock if possible, because the app's threads call this too.
        if self.thread is not None or not self._lock.acquire(blocking=False):
            return True
        try:
            if self.thread is None:
                self.thread = threading.Thread(target=self._target, name=self._name, daemon=True)
                self.thread.start()
        except RuntimeError:  # the interpreter is shutting down
            self.thread = None
            return False
        finally:
            self._lock.release()
        return True

    def end(self, unless: Callable[[], bool] = bool) -> bool:
        """Let the next `ensure` start a new thread, unless *unless* reports more to do.

        Called by the thread itself, right before its end. Returns whether it may end.
        """
        with self._lock:
            if unless():
                return False
            self.thread = None
            return True

    @property
    def is_current(self) -> bool:
        """Whether the caller is this thread."""
        return threading.current_thread() is self.thread
