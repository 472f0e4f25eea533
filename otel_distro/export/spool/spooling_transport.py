"""Transport between one OTLP exporter and its connection: failed requests are spooled.

While the endpoint is known to be down the exporter's thread makes no attempts: requests go directly
to disk, so memory stays constant and the exit is quick. One probe at a time detects recovery.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from otel_distro.export.spool.circuit_breaker import LONGEST_WAIT, Breaker
from otel_distro.export.spool.export_marker import exporting
from otel_distro.export.spool.export_outcome import DeliveryOutcome, ResponseClass, SendResult
from otel_distro.export.spool.otlp_requests import count_records, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_distro.export.spool.delivery_listener import DeliveryListener
    from otel_distro.export.spool.exporter_adapters import ExporterAdapter, Send
    from otel_distro.export.spool.folder import SpoolFolder
    from otel_distro.export.spool.journal import Journal

_STUCK_SECONDS: Final = 0.1


class SpoolingTransport:
    """Carries the requests of one exporter; thread-safe."""

    def __init__(
        self,
        signal: str,
        port: ExporterAdapter,
        listener: DeliveryListener,
        folder: SpoolFolder | None,
        *,
        on_outcome: Callable[[DeliveryOutcome], None] = lambda _outcome: None,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self.may_send = may_send
        """Whether export is allowed now: consent, if required."""
        self.signal = signal
        """`traces`, `metrics` or `logs`."""
        self.folder = folder
        self.breaker = Breaker()
        self.outcome = DeliveryOutcome.UNSENDABLE
        self.rejected = 0
        """Records of the last delivered request that were rejected."""
        self.is_spooling = folder is not None
        """Whether a failed request is spooled; false if a journal already has it."""
        self.resend_at = 0.0
        """`time.monotonic()` before which no spooled request is sent."""
        self.probed = False
        """Whether another component of this process detects the endpoint's recovery."""
        self.wake_resender: Callable[[], None] = lambda: None
        self.journal: Journal | None = None
        self._port = port
        self._listener = listener
        self._on_outcome = on_outcome
        self._lock = threading.RLock()
        self._payload: bytes | None = None
        self._stopped = False
        self.stopped_at = math.inf
        """`time.monotonic()` of `stop_sending`."""
        self.unreachable = False
        """Whether the last attempt got no response."""
        self.proven = False
        """Whether the last attempt succeeded, so that the next is likely to succeed too."""
        self.settling = False
        """Whether the outcome of a request is known and perhaps being written to disk."""
        self._abandoned = False
        port.intercept(self.carry)

    def carry(self, payload: bytes, send: Send) -> SendResult:
        """Deliver or spool *payload*, on the exporter's thread; the result is in `outcome`."""
        if not self.may_send():
            self.outcome = DeliveryOutcome.REJECTED
            self._on_outcome(self.outcome)
            return SendResult(ResponseClass.REJECTED)
        with self._lock:
            if self._abandoned:
                self.outcome = DeliveryOutcome.TAKEN_OVER
                return SendResult(ResponseClass.TRY_LATER)
            self.settling = sends_to_disk = self.sends_to_disk()
            if not sends_to_disk:
                self._payload = payload
        if sends_to_disk:
            result = SendResult(ResponseClass.TRY_LATER)
            self.outcome = (
                DeliveryOutcome.SPOOLED
                if self.is_spooling and self.keep(payload)
                else DeliveryOutcome.FAILED
            )
        else:
            with exporting():
                result = send(payload, None if self.journal is None else self.journal.assume_sent)
            with self._lock:
                taken, self._payload = self._payload is None, None
                self.settling = not taken
            self.outcome = (
                DeliveryOutcome.TAKEN_OVER if taken else self._outcome_of(payload, result)
            )
        self.settling = False
        if self.outcome is not DeliveryOutcome.TAKEN_OVER:
            self._on_outcome(self.outcome)
        return result

    def _outcome_of(self, payload: bytes, result: SendResult) -> DeliveryOutcome:
        self._note(result)
        self.rejected = result.rejected
        if result.response_class is ResponseClass.DELIVERED:
            return DeliveryOutcome.DELIVERED
        if result.response_class is ResponseClass.TOO_LARGE:
            return DeliveryOutcome.UNSENDABLE
        if result.response_class in {ResponseClass.REJECTED, ResponseClass.UNSUPPORTED}:
            return DeliveryOutcome.REJECTED
        return (
            DeliveryOutcome.SPOOLED
            if self.is_spooling and self.keep(payload)
            else DeliveryOutcome.FAILED
        )

    def _note(self, result: SendResult) -> None:
        self.unreachable = result.response_class is ResponseClass.TRY_LATER and not result.responded
        self.proven = result.response_class is ResponseClass.DELIVERED
        if result.response_class is ResponseClass.TRY_LATER:
            self.breaker.failed()
            self._listener.failed(result.reason)
            return
        self.breaker.succeeded()
        if result.response_class is ResponseClass.DELIVERED:
            self._listener.delivered()
            if result.rejected:
                self._listener.refused(self.signal, result.reason)
            elif result.reason:
                self._listener.warned(self.signal, result.reason)
        elif result.response_class is not ResponseClass.TOO_LARGE:
            self._listener.refused(self.signal, result.reason)

    def sends_to_disk(self) -> bool:
        """Whether requests go to disk without an attempt."""
        if self.folder is None:
            return False
        if self._stopped:
            return True
        if not self.breaker.open:
            return False
        return self.probed or time.monotonic() < self.breaker.retry_at

    def keep(self, payload: bytes, count: int | None = None) -> bool:
        """Write *payload* to disk; return the success."""
        if self.folder is None:
            return False
        if count is None:
            count = count_records(self.signal, payload)
        if not self.folder.keep(payload, count):
            return False
        self._listener.kept(self.signal, count)
        self.wake_resender()
        return True

    def spool_records(self, records: Sequence[Any]) -> bool:
        """Encode spans or log *records* and write them to disk; return the success."""
        return self.keep(encode(self.signal, records), len(records))

    def resend(self, payload: bytes, on_sent: Callable[[], None]) -> SendResult:
        """Send a spooled request; call *on_sent* once it is written to a reachable endpoint."""
        with exporting():
            result = self._port.send(payload, on_sent if self.proven else None)
        if result.response_class is ResponseClass.UNSUPPORTED:
            self.resend_at = time.monotonic() + LONGEST_WAIT
        self._note(result)
        return result

    def release_segments(self) -> None:
        """Close the segment being written, so that it can be sent."""
        if self.folder is not None:
            self.folder.release_segments()
        if self.journal is not None:
            self.journal.release_segments()

    @property
    def retry_at(self) -> float:
        """Time of the next resend attempt, as `time.monotonic()`."""
        return max(self.breaker.retry_at, self.resend_at)

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.breaker.open

    @property
    def is_stuck(self) -> bool:
        """Whether a request is in progress although attempts were stopped."""
        return self._payload is not None and time.monotonic() > self.stopped_at + _STUCK_SECONDS

    @property
    def host(self) -> str:
        """Host and port of the endpoint."""
        return urlsplit(self._port.endpoint).netloc or self._port.endpoint

    def stop_sending(self) -> None:
        """Stop all attempts: the process exits, and the endpoint is down."""
        if self._stopped:
            return
        self._stopped = True
        self.stopped_at = time.monotonic()

    def take_unsent(self) -> bytes | None:
        """Return the request in progress, if any; the caller takes it over."""
        with self._lock:
            payload, self._payload = self._payload, None
            if payload is not None:
                self.unreachable, self.proven = True, False  # no response in time
            return payload

    def abandon(self) -> None:
        """Stop sending and spooling: the remaining records are counted as lost."""
        with self._lock:
            self._abandoned = True

    def at_fork(self) -> None:
        """Reset after fork."""
        self._lock = threading.RLock()
        self._payload = None
        self._stopped = self._abandoned = self.settling = False
        self.stopped_at = math.inf
        self.probed = False
        if self.folder is not None:
            self.folder.at_fork()
        self._port.at_fork()
