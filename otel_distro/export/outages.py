"""Outage messages: one line at the start, one at recovery, one at exit for lost records.

At exit, spooled records are counted if the outage was not reported yet.

The SDK's exporters log every attempt, some with a stack trace, through the app's own logging. Those
records are intercepted: they would be noise on the app's stderr, and the OpenTelemetry log handler
would try to export each to the unreachable collector.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from otel_distro.base.messages import warn
from otel_distro.export.spool.endpoints import without_header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOGGERS = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.sdk.metrics._internal.export",
)
_MAX_REASON = 160
_EXPORTER_OF = {
    "spans": "OTEL_TRACES_EXPORTER",
    "log records": "OTEL_LOGS_EXPORTER",
    "metric exports": "OTEL_METRICS_EXPORTER",
}
_OF_OUR_OWN_MAKING = ("Shutdown in progress", "Exporter already shutdown", "OTLP client already")
"""Messages of exporters at shutdown, which need no report."""
_OF_TRANSPORTS = ("Failed to export", "Failed to encode", "Dropping ", "Transient error")
"""Messages replaced by those of transports and queues, which know the outcome."""


class Outages:
    """Tracks failed deliveries and lost records, and reports them; thread-safe."""

    def __init__(self, clean: Callable[[str], str], endpoint: str) -> None:
        self._clean = clean
        self._endpoint = endpoint
        self.spool: Path | None = None
        """Folder of undelivered telemetry; None if it is not spooled."""
        self.has_transports = False
        """Whether transports also report failed requests here."""
        self._refusals: set[str] = set()
        self._warnings: set[str] = set()
        self._refusal: str | None = None
        self._lock = threading.RLock()
        self._reason: str | None = None
        self._lost: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._spool_faulty = False
        self._exiting = False
        self._reported = False
        """Whether the current outage was reported on stderr."""
        self.last_failure = 0.0
        """`time.monotonic()` of the last failed attempt."""

    @property
    def down(self) -> bool:
        """Whether the last attempt failed."""
        return self._reason is not None

    def watch(self) -> None:
        """Replace the log messages of the SDK's exporters."""
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            if not any(isinstance(known, _Interceptor) for known in logger.filters):
                logger.addFilter(_Interceptor(self))

    def failed(self, reason: str) -> None:
        """Record a failed attempt; the first of an outage is reported."""
        with self._lock:
            self.last_failure = time.monotonic()
            first = self._reason is None
            if first:
                self._reason = readable_reason(self._clean(reason))[:_MAX_REASON]
            if first and not self._exiting:
                self._reported = True
                consequence = "lost records are counted"
                if self.spool is not None:
                    consequence = f"records are kept in {self.spool} and sent later"
                warn(
                    f"cannot deliver telemetry to {self._endpoint}: {self._reason}; "
                    f"the app is not affected; {consequence}"
                )

    def refused(self, signal: str, reason: str) -> None:
        """Report, once for each signal, that the endpoint rejects its requests."""
        with self._lock:
            first = signal not in self._refusals
            self._refusals.add(signal)
            self._refusal = self._clean(reason)[:_MAX_REASON]
        if first:
            warn(
                f"{self._endpoint} rejects {signal}: {self._refusal}; rejected "
                f"records are dropped and counted. If no endpoint accepts {signal}, set "
                f"{_EXPORTER_OF.get(signal, 'OTEL_TRACES_EXPORTER')}=none"
            )

    def warned(self, signal: str, warning: str) -> None:
        """Report, once for each signal, a *warning* in a successful response."""
        with self._lock:
            first = signal not in self._warnings
            self._warnings.add(signal)
        if first:
            text = self._clean(warning)[:_MAX_REASON]
            warn(f"{self._endpoint} accepted {signal} with a warning: {text}")

    def delivered(self) -> None:
        """Record a delivery; the first after an outage is reported."""
        if self._reason is None:
            return
        with self._lock:
            over, self._reason = self._reason is not None, None
            self._reported = False
            if over and not self._exiting:
                lost = _counted(self._lost)
                detail = f": {lost} were lost" if lost else ""
                warn(f"telemetry is delivered to {self._endpoint} again{detail}")
            self._lost.clear()
            self._kept.clear()
            self._spool_faulty = False

    def lost(self, signal: str, count: int) -> None:
        """Count lost records."""
        with self._lock:
            self._lost[signal] += count

    def kept(self, signal: str, count: int) -> None:
        """Count spooled records."""
        with self._lock:
            self._kept[signal] += count

    def spool_fault(self, folder: Path, error: Exception) -> None:
        """Report, once per outage, that *folder* is not writable."""
        with self._lock:
            first, self._spool_faulty = not self._spool_faulty, True
        if first:
            reason = getattr(error, "strerror", None) or str(error)
            warn(
                f"cannot spool telemetry in {folder}: {reason}; it stays in memory up to the "
                "queue's limit. Set OTEL_DISTRO_STATE_DIR to a writable folder"
            )

    def damaged(self, file: Path) -> None:
        """Report a damaged spool file that was set aside."""
        warn(f"a spool file was damaged and sent only in part; see {file}")

    def begin_exit(self) -> None:
        """Suppress messages until exit, when one line reports all of them."""
        self._exiting = True

    def end_exit(self) -> None:
        """Report undelivered records, if any, in one line.

        Spooled records need no further line: the one at the start of the outage reported them.
        """
        with self._lock:
            if self._reason is None and not self._lost and not self._kept:
                return
            if self._reported and not self._lost and self.spool is not None:
                return
            reason = self._reason or self._refusal or "not delivered in time"
            lost, kept = _counted(self._lost), _counted(self._kept)
            if kept:
                warn(
                    f"{kept} could not be delivered to {self._endpoint}: {reason}; kept in "
                    f"{self.spool} until the next start" + (f". Lost: {lost}" if lost else "")
                )
            else:
                detail = f": {lost}" if lost else ""
                warn(f"telemetry lost at exit{detail} to {self._endpoint}: {reason}")

    def at_fork(self) -> None:
        """Reset after fork."""
        self._lock = threading.RLock()
        self._lost.clear()
        self._kept.clear()
        self._exiting = False


def _counted(counts: Counter[str]) -> str:
    return ", ".join(
        f"{count:,} {signal.removesuffix('s') if count == 1 else signal}"
        for signal, count in counts.items()
    )


class _Interceptor(logging.Filter):
    """Keeps records of the SDK's exporters out of the app's logging."""

    def __init__(self, outages: Outages) -> None:
        super().__init__()
        self._outages = outages

    def filter(self, record: logging.LogRecord) -> bool:
        message = str(record.msg)
        known = _OF_OUR_OWN_MAKING + (_OF_TRANSPORTS if self._outages.has_transports else ())
        if record.levelno >= logging.WARNING and not message.startswith(known):
            self._outages.failed(_reason(record))
        return False


def _reason(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        text = f"{text} {type(record.exc_info[1]).__name__}"
    return readable_reason(without_header(text))


def readable_reason(text: str) -> str:
    """Return why a delivery failed, instead of the message of an HTTP or gRPC library."""
    for sign, meaning in (
        ("refused", "the connection was refused"),
        ("Name or service not known", "its name cannot be resolved"),
        ("NameResolution", "its name cannot be resolved"),
        ("timed out", "it did not answer in time"),
        ("due to timeout", "it did not answer in time"),
        ("Timeout", "it did not answer in time"),
    ):
        if sign in text:
            return meaning
    return text or "it did not answer in time"
