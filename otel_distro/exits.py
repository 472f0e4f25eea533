"""How a process leaves: what is queued is delivered first, in bounded time, however it ends.

A normal end runs through `atexit`. SIGTERM is handled only while nobody else does, and then
passed on, so the exit code stays that of the signal. `os._exit` runs nothing by itself, which is
how forked children of `multiprocessing`, Celery and others end, so it is wrapped.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Closable(Protocol):
    """What is closed at exit."""

    def close(self, timeout: float) -> None:
        """Deliver what is queued within *timeout* seconds, once; never raises."""

    def pending(self) -> bool:
        """Whether there is anything to deliver."""
        ...


class Exits:
    """Closes *runtime* before the process ends."""

    def __init__(self, runtime: Closable, timeout: float) -> None:
        self._runtime = runtime
        self._timeout = timeout

    def install(self) -> None:
        """Register for every way of leaving that runs Python code."""
        atexit.register(self._close)
        self._handle_sigterm()
        _wrap_os_exit(self._close_aside)

    def _close(self) -> None:
        self._runtime.close(self._timeout)

    def _close_aside(self) -> None:
        # On a thread of its own: the caller may hold any lock, having been interrupted anywhere.
        if not self._runtime.pending():
            return
        thread = threading.Thread(target=self._close, name="otel_distro-exit", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads: leave as asked
            return
        thread.join(self._timeout + 0.5)

    def _handle_sigterm(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def _on_sigterm(self, number: int, _frame: FrameType | None) -> None:
        self._close_aside()
        # Die of the signal itself, as the process would have without us.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        time.sleep(1)  # only reached while the signal is blocked


def _wrap_os_exit(before: Callable[[], None]) -> None:
    original: Any = os._exit
    if getattr(original, "_otel_distro", False):
        original.before = before
        return

    def exit_after_closing(status: int) -> None:
        try:
            exit_after_closing.before()  # type: ignore[attr-defined]
        finally:
            original(status)

    exit_after_closing.before = before  # type: ignore[attr-defined]
    exit_after_closing._otel_distro = True  # type: ignore[attr-defined]  # noqa: SLF001
    os._exit = exit_after_closing  # type: ignore[assignment]
