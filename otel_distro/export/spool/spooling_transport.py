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
from otel_distro.export.spool.export_outcome import Answer, DeliveryOutcome, ResponseClass
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
        told: DeliveryListener,
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
        self.outcome = DeliveryOutcome.UNFIT
        self.rejected = 0
        """Records of the last delivered request that were rejected."""
        self.keeps = folder is not None
        """Whether a failed request is spooled; false if a journal already has it."""
        self.resend_at = 0.0
        """`time.monotonic()` before which no spooled request is sent."""
        self.probed = False
        """Whether another component of this process detects the endpoint's recovery."""
        self.wake_resender: Callable[[], None] = lambda: None
        self.journal: Journal | None = None
        self._port = port
        self._told = told
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
        self._abandoned = False
        port.intercept(self.carry)

    def carry(self, payload: bytes, send: Send) -> Answer:
        """Deliver or spool *payload*, on the exporter's thread; the result is in `outcome`."""
        if not self.may_send():
            self.outcome = DeliveryOutcome.REJECTED
            self._on_outcome(self.outcome)
            return Answer(ResponseClass.REJECTED)
        with self._lock:
            if self._abandoned:
                self.outcome = DeliveryOutcome.TAKEN
                return Answer(ResponseClass.TRY_LATER)
            holds_back = self.holds_back()
            if not holds_back:
                self._payload = payload
        if holds_back:
            answer = Answer(ResponseClass.TRY_LATER)
            self.outcome = (
                DeliveryOutcome.KEPT
                if self.keeps and self.keep(payload)
                else DeliveryOutcome.RETURNED
            )
        else:
            with exporting():
                answer = send(payload, None if self.journal is None else self.journal.promise)
            with self._lock:
                taken, self._payload = self._payload is None, None
            self.outcome = DeliveryOutcome.TAKEN if taken else self._judge(payload, answer)
        if self.outcome is not DeliveryOutcome.TAKEN:
            self._on_outcome(self.outcome)
        return answer

    def _judge(self, payload: bytes, answer: Answer) -> DeliveryOutcome:
        self._note(answer)
        self.rejected = answer.rejected
        if answer.verdict is ResponseClass.DELIVERED:
            return DeliveryOutcome.DELIVERED
        if answer.verdict is ResponseClass.TOO_LARGE:
            return DeliveryOutcome.UNFIT
        if answer.verdict in {ResponseClass.REJECTED, ResponseClass.UNWANTED}:
            return DeliveryOutcome.REJECTED
        return (
            DeliveryOutcome.KEPT if self.keeps and self.keep(payload) else DeliveryOutcome.RETURNED
        )

    def _note(self, answer: Answer) -> None:
        self.unreachable = answer.verdict is ResponseClass.TRY_LATER and not answer.answered
        self.proven = answer.verdict is ResponseClass.DELIVERED
        if answer.verdict is ResponseClass.TRY_LATER:
            self.breaker.failed()
            self._told.failed(answer.reason)
            return
        self.breaker.succeeded()
        if answer.verdict is ResponseClass.DELIVERED:
            self._told.delivered()
            if answer.rejected:
                self._told.refused(self.signal, answer.reason)
            elif answer.reason:
                self._told.warned(self.signal, answer.reason)
        elif answer.verdict is not ResponseClass.TOO_LARGE:
            self._told.refused(self.signal, answer.reason)

    def holds_back(self) -> bool:
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
        self._told.kept(self.signal, count)
        self.wake_resender()
        return True

    def keep_records(self, records: Sequence[Any]) -> bool:
        """Encode spans or log *records* and write them to disk; return the success."""
        return self.keep(encode(self.signal, records), len(records))

    def resend(self, payload: bytes, on_sent: Callable[[], None]) -> Answer:
        """Send a spooled request; call *on_sent* once it is written to a reachable endpoint."""
        with exporting():
            answer = self._port.send(payload, on_sent if self.proven else None)
        if answer.verdict is ResponseClass.UNWANTED:
            self.resend_at = time.monotonic() + LONGEST_WAIT
        self._note(answer)
        return answer

    def hand_over(self) -> None:
        """Close the segment being written, so that it can be sent."""
        if self.folder is not None:
            self.folder.hand_over()
        if self.journal is not None:
            self.journal.hand_over()

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

    def take_back(self) -> bytes | None:
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
        self._stopped = self._abandoned = False
        self.stopped_at = math.inf
        self.probed = False
        if self.folder is not None:
            self.folder.at_fork()
        self._port.at_fork()
