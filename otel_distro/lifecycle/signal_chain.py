"""Hook before a signal ends the process, for signals without a handler of the app.

A handler of the app takes precedence, and ours is not called. If the app sets the default action
(to remove its handler, as asyncio and many servers do), ours runs before it. Our handler is hidden
from the app: `signal.getsignal` returns SIG_DFL.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from otel_distro.lifecycle.signal_watch import SignalWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that end a process by default. SIGINT raises KeyboardInterrupt, and SIGQUIT is for
hanging processes: both are unchanged."""


class SignalChain:
    """Calls *before* when a signal of `SIGNALS` would end the process.

    *before* runs in the main thread, which may have been interrupted anywhere, even in *before*
    itself. It returns whether the process may exit now.
    """

    def __init__(self, before: Callable[[], bool]) -> None:
        self.before = before
        self._set: Any = signal.signal
        self._get: Any = signal.getsignal
        self._exit: Any = os._exit
        self._exiting = False
        self._watch = SignalWatch(self._unhandled, self._stuck)

    def install(self) -> None:
        """Run before default actions, current and later ones."""
        self._wrap()
        for number in SIGNALS:
            if self._get(number) is signal.SIG_DFL:
                try:
                    self._set(number, self._on_signal)
                except ValueError:  # only the main thread can set handlers
                    return
        self._watch.start()

    def at_fork(self) -> None:
        """Reset after fork."""
        self._exiting = False
        self._watch.at_fork()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._exiting = True
        if not self.before():
            self._exiting = False
            return
        # Re-raise the signal, so that the process ends as it would without us.
        self._set(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        time.sleep(1)  # only reached while the signal is blocked

    def _unhandled(self, number: int) -> bool:
        return not self._exiting and self._get(number) == self._on_signal

    def _stuck(self, number: int) -> None:
        """End the process without its unresponsive main thread."""
        if self.before():
            self._exit(128 + number)  # the exit status of a shell after a signal

    def _wrap(self) -> None:
        original_set, original_get = self._set, self._get

        @functools.wraps(original_set)
        def set_handler(signalnum: int, handler: Any) -> Any:
            is_default = handler is signal.SIG_DFL and signalnum in SIGNALS
            return self._shown(original_set(signalnum, self._on_signal if is_default else handler))

        @functools.wraps(original_get)
        def get_handler(signalnum: int) -> Any:
            return self._shown(original_get(signalnum))

        signal.signal, signal.getsignal = set_handler, get_handler

    def _shown(self, handler: Any) -> Any:
        return signal.SIG_DFL if handler == self._on_signal else handler


_chain: SignalChain | None = None


def at_fork() -> None:
    """Reset after fork."""
    if _chain is not None:
        _chain.at_fork()


def on_termination_signal(before: Callable[[], bool]) -> None:
    """Call *before* ahead of the default action of `SIGNALS`; a second call replaces it."""
    global _chain  # noqa: PLW0603 - signal handlers belong to the process
    if _chain is not None:
        _chain.before = before
        return
    _chain = SignalChain(before)
    _chain.install()
