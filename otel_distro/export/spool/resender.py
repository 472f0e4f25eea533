"""The thread that sends what waits on disk; there is none while nothing waits."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_distro.export.spool.drain import Drained, drain, turn_to_drain
from otel_host.background import BackgroundThread

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.export.spool.courier import SpoolingTransport
    from otel_distro.export.spool.folder import SpoolFolder

_OTHERS_AT_IT: Final = 5.0
"""Seconds after which to look again at what another process has in hand."""
_SHORTEST: Final = 0.05


class ResendListener(Protocol):
    """Hears what was sent."""

    def resent(self, signal: str, done: Drained) -> None:
        """Note what a drain has done."""

    def spool_fault(self, folder: Path, error: Exception) -> None:
        """Note that the folder cannot be used at the moment."""


class Resender:
    """Sends what waits for any of *couriers*, with backoff; restarted after a fork."""

    def __init__(self, told: ResendListener) -> None:
        self._told = told
        self._couriers: list[SpoolingTransport] = []
        self._reset()

    def _reset(self) -> None:
        self._awake = threading.Event()
        self._worker = BackgroundThread("otel_distro-resend", self._run)
        self._closing = False
        self._asked = False
        self._drained = Drained()

    def serve(self, courier: SpoolingTransport) -> None:
        """Look after the folder of *courier* too."""
        self._couriers.append(courier)
        courier.wake_resender = self.wake

    def look(self) -> None:
        """Start if anything waits, from this process or from one that has ended."""
        if any(folder.waiting() for _, folder in self._served()):
            self.wake()

    def wake(self) -> None:
        """Start; something waits."""
        self._asked = True
        if not self._closing:
            self._worker.ensure()  # when no thread can start any more, the next process sends it

    def begin_close(self) -> None:
        """Stop after the request under way."""
        self._closing = True
        self._awake.set()

    def end_close(self, timeout: float) -> None:
        """Wait for the request under way, unless it is known to lead nowhere."""
        self.begin_close()
        thread = self._worker.thread
        if thread is not None and not any(courier.failing for courier in self._couriers):
            thread.join(timeout)
        if thread is not None and thread.is_alive():
            self._drained.withdraw()

    def at_fork(self) -> None:
        """Start anew in a forked child."""
        self._reset()

    def _run(self) -> None:
        with suppress_instrumentation():
            while not self._closing:
                self._asked = False
                pause = self._round()
                if pause is not None:
                    self._awake.wait(pause)
                    continue
                if self._worker.end(unless=lambda: self._asked):
                    return

    def _round(self) -> float | None:
        """Send what can be sent; return seconds until the next attempt, None if nothing waits."""
        pauses: list[float] = []
        for courier, folder in self._served():
            if not folder.waiting() or not courier.may_send():
                courier.probed = False
                continue
            wait = courier.retry_at - time.monotonic()
            pause = self._send(courier, folder) if wait <= 0 else wait
            if pause is not None:
                pauses.append(max(_SHORTEST, pause))
            if self._closing:
                break
        return min(pauses, default=None)

    def _send(self, courier: SpoolingTransport, folder: SpoolFolder) -> float | None:
        """Send what is in *folder*; return when to try again, None if it is of no use now."""
        with turn_to_drain(folder.path) as ours:
            # Who cannot probe here has to find out with requests of its own.
            courier.probed = ours
            if not ours:
                return _OTHERS_AT_IT
            courier.hand_over()
            try:
                done = self._drained = Drained()
                drain(
                    folder.path,
                    courier.resend,
                    lambda: self._goes_on(courier),
                    done,
                    joined=courier.signal != "metrics",  # each export is a moment of its own
                )
            except OSError as error:
                courier.probed = False
                self._told.spool_fault(folder.path, error)
                return _OTHERS_AT_IT
        self._told.resent(courier.signal, done)
        if done.refused is not None:
            return courier.retry_at - time.monotonic()
        courier.probed = False
        # Segments that others are writing are theirs to send, or ours once they have ended.
        return None if done.in_use or not folder.waiting() else _SHORTEST

    def _goes_on(self, courier: SpoolingTransport) -> bool:
        return not self._closing and courier.may_send()

    def _served(self) -> list[tuple[SpoolingTransport, SpoolFolder]]:
        return [
            (courier, courier.folder) for courier in self._couriers if courier.folder is not None
        ]
