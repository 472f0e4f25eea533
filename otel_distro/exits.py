"""How a process leaves: what is queued is delivered first, in bounded time, however it ends.

A normal end runs through `atexit`. SIGTERM and SIGHUP are handled only while nobody else does, and
then passed on, so the exit code stays that of the signal. `os._exit` runs nothing by itself, which
is how forked children of `multiprocessing`, Celery and others end, so it is wrapped; so are
`os.execv` and `os.execve`, after which another program has this process.
"""

from __future__ import annotations

import _thread
import atexit
import os
import time
from typing import TYPE_CHECKING, Any, Protocol

from otel_distro.signal_chain import before_death

if TYPE_CHECKING:
    from collections.abc import Callable

_MARGIN = 0.5
"""Seconds that closing may take beyond its timeout before the process goes without it."""
_INIT = 1
"""Process id of the first process of a container."""


class Closable(Protocol):
    """What is closed at exit."""

    def close(self, timeout: float) -> None:
        """Deliver what is queued within *timeout* seconds, once; never raises."""

    def flush(self, timeout: float) -> bool:
        """Deliver what is queued within *timeout* seconds and go on; whether that was done."""
        ...

    def pending(self) -> bool:
        """Whether there is anything to deliver."""
        ...


class Exits:
    """Closes *runtime* before the process ends, within *timeout* seconds; 0 changes nothing."""

    def __init__(self, runtime: Closable, timeout: float) -> None:
        self._runtime = runtime
        self._timeout = timeout
        self._flushed_at = -1.0
        self.at_fork()

    def at_fork(self) -> None:
        """Start anew in a forked child: it leaves on its own."""
        self._begun = _thread.allocate_lock()
        # Held until closing is done. A raw lock, because a signal handler may wait for it while
        # the code it has interrupted does the same; an Event could not be used like that.
        self._done = _thread.allocate_lock()
        self._done.acquire()

    def install(self) -> None:
        """Register for every way of leaving that runs Python code."""
        atexit.register(self._close)
        if self._timeout <= 0:
            return
        before_death(self._before_death)
        _wrap("_exit", self._close_aside)
        _wrap("execv", self._flush_aside)
        _wrap("execve", self._flush_aside)

    def _close(self) -> None:
        """Close, or wait for whoever is at it already: a second signal, another thread."""
        if self._begun.acquire(blocking=False):
            self._close_and_tell()
        else:
            self._wait()

    def _close_and_tell(self) -> None:
        try:
            self._runtime.close(self._timeout)
        finally:
            self._done.release()

    def _close_aside(self) -> None:
        """Close on a thread of its own: the caller may hold any lock, interrupted anywhere."""
        if self._begun.locked():
            self._wait()
        elif self._runtime.pending() and self._begun.acquire(blocking=False):
            if _started(self._close_and_tell):
                self._wait()
            else:
                self._done.release()

    def _wait(self) -> None:
        if self._done.acquire(timeout=self._timeout + _MARGIN):
            self._done.release()  # for the next who waits

    def _before_death(self) -> bool:
        if os.getpid() == _INIT:
            # The kernel spares the first process of a container: it lives until SIGKILL comes.
            self._flush_aside()
            return False
        self._close_aside()
        return True

    def _flush_aside(self) -> None:
        """Deliver and stay open: starting another program may fail, and the app then goes on."""
        if not self._runtime.pending() or time.monotonic() - self._flushed_at < 1:
            return
        done = _thread.allocate_lock()
        done.acquire()

        def flush() -> None:
            try:
                self._runtime.flush(self._timeout)
            finally:
                done.release()

        if _started(flush):
            done.acquire(timeout=self._timeout + _MARGIN)
        self._flushed_at = time.monotonic()


def _started(work: Callable[[], None]) -> bool:
    # Not threading.Thread: its start() waits for the new thread, which may need a lock that the
    # interrupted main thread holds.
    try:
        _thread.start_new_thread(work, ())
    except RuntimeError:  # no more threads: leave as asked
        return False
    return True


def _wrap(name: str, before: Callable[[], None]) -> None:
    """Have *before* called ahead of the function *name* of `os`; a second call replaces it."""
    original: Any = getattr(os, name)
    if getattr(original, "_otel_distro", False):
        original.before = before
        return

    def after_delivering(*args: Any, **kwargs: Any) -> Any:
        try:
            after_delivering.before()  # type: ignore[attr-defined]
        finally:
            original(*args, **kwargs)

    after_delivering.before = before  # type: ignore[attr-defined]
    after_delivering._otel_distro = True  # type: ignore[attr-defined]  # noqa: SLF001
    after_delivering.__name__ = name
    after_delivering.__doc__ = original.__doc__
    setattr(os, name, after_delivering)
