"""The thread that writes the spending of leases and returns those that are idle.

It runs only while there is something to do, and ends with the accounts it keeps.
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
"""How far behind the shared accounts may be."""


class BackgroundFlusher:
    """Calls *tick*, a method that returns whether there is more to do, until there is not.

    A tick that is under way when `stop` is called may open connections that its owner has just
    closed; *after_stop* is called after such a tick.
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
        """Whether the next tick comes by itself."""

    def note(self) -> None:
        """Say that there is something to do, some time soon."""
        if not self.busy:
            self.busy = True
            self.wake()

    def wake(self) -> None:
        """Have it done now."""
        if not self._stopped.is_set():
            self._thread.ensure()
        self._event.set()

    def stop(self) -> None:
        """End the thread, without waiting for it: it may be a greenlet of the calling thread."""
        self._stopped.set()
        self._event.set()

    def run_once(self) -> bool:
        """Do what there is to do; return whether to go on, now or when woken."""
        tick = self._tick()
        if tick is None or self._stopped.is_set():
            return False
        # Taken back before the look, so that what comes up meanwhile is not missed.
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
        del flusher  # so that nobody is kept alive by being waited for
        event.wait(wait_s)
