"""The thread that sends spooled records; none runs while the spool is empty."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

from opentelemetry.instrumentation.utils import suppress_instrumentation

from otel_distro.export.spool.drain import DrainResult, drain, drain_lock
from otel_host.background import BackgroundThread

if TYPE_CHECKING:
    from pathlib import Path

    from otel_distro.export.spool.folder import SpoolFolder
    from otel_distro.export.spool.spooling_transport import SpoolingTransport

_LOCKED_RETRY_S: Final = 5.0
"""Seconds between checks of segments locked by another process."""
_SHORTEST: Final = 0.05


class ResendListener(Protocol):
    """Receives the result of each resend."""

    def resent(self, signal: str, result: DrainResult) -> None:
        """Record the result of a drain."""

    def spool_fault(self, folder: Path, error: Exception) -> None:
        """Record that the folder is unusable now."""


class Resender:
    """Sends the spooled records of all *transports*, with backoff; restarted after fork."""

    def __init__(self, listener: ResendListener) -> None:
        self._listener = listener
        self._transports: list[SpoolingTransport] = []
        self._reset()

    def _reset(self) -> None:
        self._awake = threading.Event()
        self._worker = BackgroundThread("otel_distro-resend", self._run)
        self._closing = False
        self._requested = False
        self._drained = DrainResult()

    def serve(self, transport: SpoolingTransport) -> None:
        """Add the folder of *transport*."""
        self._transports.append(transport)
        transport.wake_resender = self.wake

    def start_if_spooled(self) -> None:
        """Start if records are spooled, by this process or an ended one."""
        if any(folder.waiting() for _, folder in self._served()):
            self.wake()

    def wake(self) -> None:
        """Start: records are spooled."""
        self._requested = True
        if not self._closing:
            self._worker.ensure()  # when no thread can start any more, the next process sends it

    def begin_close(self) -> None:
        """Stop after the current request."""
        self._closing = True
        self._awake.set()

    def end_close(self, timeout: float) -> None:
        """Wait up to *timeout* seconds for the current request, unless deliveries fail."""
        self.begin_close()
        thread = self._worker.thread
        if thread is not None and not any(transport.failing for transport in self._transports):
            thread.join(timeout)
        if thread is not None and thread.is_alive():
            self._drained.withdraw()

    def at_fork(self) -> None:
        """Reset after fork."""
        self._reset()

    def _run(self) -> None:
        with suppress_instrumentation():
            while not self._closing:
                self._requested = False
                pause = self._round()
                if pause is not None:
                    self._awake.wait(pause)
                    continue
                if self._worker.end(unless=lambda: self._requested):
                    return

    def _round(self) -> float | None:
        """Send spooled records; return seconds until the next attempt, None if none are left."""
        pauses: list[float] = []
        for transport, folder in self._served():
            if not folder.waiting() or not transport.may_send():
                transport.probed = False
                continue
            wait = transport.retry_at - time.monotonic()
            pause = self._send(transport, folder) if wait <= 0 else wait
            if pause is not None:
                pauses.append(max(_SHORTEST, pause))
            if self._closing:
                break
        return min(pauses, default=None)

    def _send(self, transport: SpoolingTransport, folder: SpoolFolder) -> float | None:
        """Send the records of *folder*; return the retry time, None if a retry is useless now."""
        with drain_lock(folder.path) as acquired:
            # A transport without its own probe detects recovery by its own requests.
            transport.probed = acquired
            if not acquired:
                return _LOCKED_RETRY_S
            transport.release_segments()
            try:
                done = self._drained = DrainResult()
                drain(
                    folder.path,
                    transport.resend,
                    lambda: self._may_continue(transport),
                    done,
                    joined=transport.signal != "metrics",  # each export has its own time
                )
            except OSError as error:
                transport.probed = False
                self._listener.spool_fault(folder.path, error)
                return _LOCKED_RETRY_S
        self._listener.resent(transport.signal, done)
        if done.refused is not None:
            return transport.retry_at - time.monotonic()
        transport.probed = False
        # Other processes send the segments they write; once they have ended, we do.
        return None if done.in_use or not folder.waiting() else _SHORTEST

    def _may_continue(self, transport: SpoolingTransport) -> bool:
        return not self._closing and transport.may_send()

    def _served(self) -> list[tuple[SpoolingTransport, SpoolFolder]]:
        return [
            (transport, transport.folder)
            for transport in self._transports
            if transport.folder is not None
        ]
