"""Background thread that reads responses, so that the app's threads do not."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from otel_host import fork_hooks
from otel_host.background import BackgroundThread
from otel_host.fork_hooks import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH_S = 0.02
"""Seconds for which work is collected: a thread that wakes at once disturbs the app."""


class Worker:
    """Runs queued actions on one daemon thread, started with the first one; fork-safe.

    *action* must not raise.
    """

    def __init__(self, idle: Callable[[], None] = lambda: None, idle_every_s: float = 5.0) -> None:
        self._idle = idle
        self._idle_every_s = idle_every_s
        self._reset()
        fork_hooks.register(Stage.ACCOUNTS, after_in_child=self._reset)

    def _reset(self) -> None:
        self._queue: deque[Callable[[], None]] = deque()
        self._event = threading.Event()
        self._running = threading.RLock()
        self._thread = BackgroundThread("otel_distro-wire", self._run)

    def submit(self, action: Callable[[], None]) -> None:
        """Queue *action*; takes the caller about a microsecond."""
        self._queue.append(action)
        if not self._event.is_set():
            # At interpreter exit no thread starts: `drain` does the work.
            self._thread.ensure()
            self._event.set()

    def watch(self) -> None:
        """Start the thread, so that `idle` is called periodically."""
        self._thread.ensure()

    def drain(self) -> None:
        """Run the queued actions on this thread."""
        with self._running:
            while self._queue:
                try:
                    action = self._queue.popleft()
                except IndexError:
                    return
                action()

    def _run(self) -> None:
        next_idle = time.monotonic() + self._idle_every_s
        while True:
            self._event.wait(self._idle_every_s)
            if self._event.is_set():
                time.sleep(_BATCH_S)
                self._event.clear()
            self.drain()
            if time.monotonic() >= next_idle:
                next_idle = time.monotonic() + self._idle_every_s
                self._idle()
