"""Background thread that writes the spending of leases and returns idle ones.

It runs only while there is work, and ends with its accounts.
"""

from __future__ import annotations

import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING

from otel_host.background import BackgroundThread

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.1
"""Seconds by which the shared accounts may lag behind."""


class BackgroundFlusher:
    """Calls *tick* until it returns False, for no more work.

    A tick that runs during `stop` may reopen connections that its owner has just closed;
    *after_stop* is called after such a tick.
    """

    def __init__(
        self, tick: Callable[[], bool], after_stop: Callable[[], object] = lambda: None
    ) -> None:
        self._tick = weakref.WeakMethod(tick)
        self._after_stop = after_stop
        self._event = threading.Event()
        run = partial(_run, weakref.ref(self), self._event)
        self._thread = BackgroundThread("otel_distro-budgets", run)
        weakref.finalize(self, self._event.set)
        self._stopped = threading.Event()
        self.busy = False
        """Whether the next tick is scheduled."""

    def note(self) -> None:
        """Schedule a tick."""
        if not self.busy:
            self.busy = True
            self.wake()

    def wake(self) -> None:
        """Run the next tick now."""
        if not self._stopped.is_set():
            self._thread.ensure()
        self._event.set()

    def stop(self) -> None:
        """Stop the thread without joining it: it may be a greenlet of the calling thread."""
        self._stopped.set()
        self._event.set()

    def run_once(self) -> bool:
        """Run a tick; return whether to continue, now or when woken."""
        tick = self._tick()
        if tick is None or self._stopped.is_set():
            return False
        # Cleared before the tick, so that work queued meanwhile is not missed.
        self.busy = False
        if tick():
            self.busy = True
        if self._stopped.is_set():
            self._after_stop()
            return False
        return True


def _run(flusher_ref: weakref.ref[BackgroundFlusher], event: threading.Event) -> None:
    while True:
        flusher = flusher_ref()
        if flusher is None:
            return
        event.clear()
        if not flusher.run_once():
            return
        wait_s = TICK_S if flusher.busy else None
        del flusher  # so that a waiting thread does not keep its owner alive
        event.wait(wait_s)
