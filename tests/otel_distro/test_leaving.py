"""The order of steps at exit: signals during shutdown."""

from __future__ import annotations

import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from otel_distro.lifecycle.shutdown_hooks import ShutdownHooks
from otel_distro.lifecycle.signal_watch import SignalWatch

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class InstantProcessor:
    """Delivers its records at once."""

    closed = 0

    def close(self, timeout: float) -> None:
        assert timeout > 0
        self.closed += 1

    def flush(self, timeout: float) -> bool:
        return timeout > 0

    def is_storing_calls(self) -> bool:
        return False

    def pending(self) -> bool:
        return True


class InterruptedLock:
    """A lock whose owner is interrupted by a signal on acquisition."""

    def __init__(self, lock: Any, handler: Any) -> None:
        self._lock, self._handler = lock, handler

    def acquire(self, timeout: float) -> bool:
        taken: bool = self._lock.acquire(timeout=timeout)
        self._handler()
        return taken

    def release(self) -> None:
        self._lock.release()


def test_a_signal_after_delivery_does_not_wait() -> None:
    """The interrupted code may have the lock, and cannot release it."""
    runtime = InstantProcessor()
    exits = ShutdownHooks(runtime, timeout=30)
    exits._done = InterruptedLock(exits._done, exits._before_exit)  # type: ignore[assignment]
    began = time.monotonic()

    exits._before_exit()

    assert time.monotonic() - began < 20
    assert runtime.closed == 1


def test_the_wakeup_descriptor_is_ours_only_while_the_app_sets_none() -> None:
    """The app sees the usual values, and gets it back by removing its own."""
    original = signal.set_wakeup_fd
    watch = SignalWatch(lambda _number: False, lambda _number: None)
    app_socket, _other_end = socket.socketpair()
    app_socket.setblocking(False)
    try:
        watch.start()
        own_number = watch._ends[1].number

        assert signal.set_wakeup_fd(app_socket.fileno()) == -1
        assert signal.set_wakeup_fd(-1) == app_socket.fileno()
        assert original(-1) == own_number
    finally:
        signal.set_wakeup_fd = original
        original(-1)
        for end in watch._ends:
            end.close()
        app_socket.close()
        _other_end.close()


class SlowToStore(InstantProcessor):
    """Delivers late; in its last step it writes calls to disk."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.stored = False

    def close(self, timeout: float) -> None:
        self.may_end.wait(30)
        self.stored = True

    def is_storing_calls(self) -> bool:
        self.may_end.set()  # called only after the time for all other steps
        return True


def test_a_process_finishes_writing_calls_to_disk() -> None:
    """On a busy machine the last step is late; the calls exist nowhere else."""
    runtime = SlowToStore()
    exits = ShutdownHooks(runtime, timeout=0.01)

    exits._before_exit()

    assert runtime.stored


def test_the_end_of_the_process_waits_for_imports_of_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter ends daemon threads at any point, and their locks are never released."""
    started, may_continue = threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "_begun_and_go_on", (started, may_continue), raising=False)
    (tmp_path / "slow_to_import.py").write_text(
        "import threading\nbegun, go_on = threading._begun_and_go_on\nbegun.set(); go_on.wait(30)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importing = threading.Thread(target=__import__, args=("slow_to_import",), daemon=True)
    importing.start()
    assert started.wait(30)
    threading.Timer(0.05, may_continue.set).start()

    ShutdownHooks(InstantProcessor(), timeout=30)._at_exit()

    assert may_continue.is_set()
