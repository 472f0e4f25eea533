"""Shutdown hooks: deliver queued telemetry in bounded time before any kind of process exit.

A normal exit runs `atexit`. SIGTERM and SIGHUP are handled only if the app has no handler, and then
re-raised, so that the exit code is the signal's. `os._exit` runs no hooks, and forked children of
`multiprocessing`, Celery and others end with it, so it is wrapped. So are `os.execv` and
`os.execve`, which replace the program of the process.
"""

from __future__ import annotations

import _thread
import atexit
import os
import time
from typing import TYPE_CHECKING, Any, Protocol

from otel_distro.lifecycle import signal_chain
from otel_distro.lifecycle.running_imports import wait_for_imports
from otel_distro.lifecycle.worker_pools import before_workers_leave
from otel_host import greenlets

if TYPE_CHECKING:
    from collections.abc import Callable

_MARGIN = 0.5
"""Seconds that closing may take beyond its timeout before the process exits anyway."""
_STORING_MARGIN = 2.0
"""Additional seconds while calls are written to disk: they exist nowhere else, and on a busy
machine the last step may be delayed."""
_IMPORT_SECONDS = 2.0
"""Longest wait for imports of other threads at process exit."""
_ATTEMPTS = 3
"""Attempts to close after a signal handler of the app has raised in it."""
_SLICE = 0.002
_INIT = 1
"""Process id of a container's init process."""


class Closable(Protocol):
    """The object closed at exit."""

    def close(self, timeout: float) -> None:
        """Deliver queued records within *timeout* seconds, once; never raises."""

    def flush(self, timeout: float) -> bool:
        """Deliver queued records within *timeout* seconds; return whether it succeeded."""
        ...

    def pending(self) -> bool:
        """Whether there is anything to deliver."""
        ...

    def is_storing_calls(self) -> bool:
        """Whether closing has reached its last step, writing calls to disk."""
        ...


class ShutdownHooks:
    """Closes *runtime* before the process ends, within *timeout* seconds; 0 changes nothing."""

    def __init__(self, runtime: Closable, timeout: float) -> None:
        self._runtime = runtime
        self._timeout = timeout
        self._reset()

    def at_fork(self) -> None:
        """Reset after fork: the child exits on its own."""
        self._reset()
        signal_chain.at_fork()

    def _reset(self) -> None:
        self._delivered_at = -1.0
        self._begun = _thread.allocate_lock()
        # Held until closing is done. A raw lock, because a signal handler may wait for it while the
        # interrupted code does the same, which an Event does not support.
        self._done = _thread.allocate_lock()
        self._done.acquire()
        self._is_done = False

    def install(self) -> None:
        """Register for every kind of exit that runs Python code."""
        atexit.register(self._at_exit)
        if self._timeout <= 0:
            return
        signal_chain.on_termination_signal(self._on_termination_signal)
        _wrap("_exit", self._before_exit)
        _wrap("execv", self.deliver)
        _wrap("execve", self.deliver)
        before_workers_leave(self.deliver)

    def _close(self) -> None:
        """Close on a separate thread: the caller may be interrupted while holding any lock."""
        if not self._begun.locked():
            if not self._runtime.pending():
                return
            if not _started(self._close_once):
                # From Python 3.12 on, no thread can start while the interpreter exits; then
                # nothing has been interrupted either.
                self._close_once()
        self._wait()

    def _close_once(self) -> None:
        if self._begun.acquire(blocking=False):
            try:
                self._runtime.close(self._timeout)
            finally:
                self._is_done = True
                self._done.release()

    def _wait(self) -> None:
        """Wait for the closing thread, started here or by an earlier signal."""
        deadline = time.monotonic() + self._timeout + _MARGIN
        # The flag is for a handler that interrupts us between acquiring and releasing the lock.
        while not self._is_done:
            try:
                self._wait_until(deadline)
                if not self._is_done and self._runtime.is_storing_calls():
                    self._wait_until(deadline + _STORING_MARGIN)
            except BaseException:  # a signal handler that wants to end us too
                continue
            return

    def _wait_until(self, deadline: float) -> None:
        if greenlets.are_in_use():
            self._yield_to_threads(deadline)
        elif self._done.acquire(timeout=max(0.0, deadline - time.monotonic())):
            self._done.release()  # for the next waiting thread

    def _yield_to_threads(self, deadline: float) -> None:
        while not self._is_done and time.monotonic() < deadline:
            time.sleep(_SLICE)

    def _at_exit(self) -> None:
        self._before_exit()
        # A daemon thread that the interpreter ends during an import keeps its locks, and a
        # destructor that imports anything then deadlocks.
        wait_for_imports(_IMPORT_SECONDS)

    def _before_exit(self) -> None:
        for _ in range(_ATTEMPTS):
            try:
                return self._close()
            except BaseException:  # a signal handler that wants to end us too
                continue
        return None

    def _on_termination_signal(self) -> bool:
        if os.getpid() == _INIT:
            # The kernel ignores the default action in a container's init process: it lives until
            # SIGKILL.
            self.deliver()
            return False
        self._before_exit()
        return True

    def deliver(self) -> None:
        """Deliver and stay open: if starting another program fails, the app continues."""
        if not self._runtime.pending() or time.monotonic() - self._delivered_at < 1:
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
        self._delivered_at = time.monotonic()


def _started(work: Callable[[], None]) -> bool:
    # Not threading.Thread: its start() waits for the new thread, which may need a lock that the
    # interrupted main thread holds.
    try:
        _thread.start_new_thread(work, ())
    except RuntimeError:  # no more threads: exit as requested
        return False
    return True


def _wrap(name: str, before: Callable[[], None]) -> None:
    """Call *before* ahead of the function *name* of `os`; a second call replaces it."""
    original: Any = getattr(os, name)
    if getattr(original, "_otel_distro", False):
        original.before = before
        return

    def after_delivering(*args: Any, **kwargs: Any) -> Any:
        attributes["before"]()
        return original(*args, **kwargs)

    attributes = vars(after_delivering)
    attributes.update(before=before, _otel_distro=True)
    after_delivering.__name__ = name
    after_delivering.__doc__ = original.__doc__
    setattr(os, name, after_delivering)
