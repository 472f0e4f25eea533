"""One line when deliveries start to fail, one when they work again, one at exit with the count.

The SDK's exporters log every attempt, some with a stack trace, through the app's own logging.
Those records are intercepted: they would be noise on the app's stderr, and the OpenTelemetry log
handler would try to export each of them to the collector that is not there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from otel_distro.notices import say

if TYPE_CHECKING:
    from collections.abc import Callable

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
_OF_OUR_OWN_MAKING = ("Shutdown in progress", "Exporter already shutdown", "OTLP client already")
"""What exporters say when they are told to give up, which is no news."""


class Outages:
    """Knows whether deliveries fail and how much was lost; thread-safe."""

    def __init__(self, clean: Callable[[str], str], endpoint: str) -> None:
        self._clean = clean
        self._endpoint = endpoint
        self._lock = threading.RLock()
        self._reason: str | None = None
        self._lost: Counter[str] = Counter()
        self._exiting = False
        self.last_failure = 0.0
        """`time.monotonic()` of the last failed attempt."""

    @property
    def down(self) -> bool:
        """Whether the last attempt failed."""
        return self._reason is not None

    def watch(self) -> None:
        """Take over what the SDK's exporters would log."""
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            if not any(isinstance(known, _Interceptor) for known in logger.filters):
                logger.addFilter(_Interceptor(self))

    def failed(self, reason: str) -> None:
        """Note a failed attempt; the first of an outage is told."""
        with self._lock:
            self.last_failure = time.monotonic()
            first = self._reason is None
            if first:
                self._reason = self._clean(reason)[:_MAX_REASON]
            if first and not self._exiting:
                say(
                    f"cannot deliver telemetry to {self._endpoint}: {self._reason}; "
                    "the app is not affected, what is lost is counted"
                )

    def delivered(self) -> None:
        """Note a delivery; the first after an outage is told."""
        if self._reason is None:
            return
        with self._lock:
            over, self._reason = self._reason is not None, None
            if over and not self._exiting:
                say(f"telemetry is delivered to {self._endpoint} again{self._count()}")
            self._lost.clear()

    def lost(self, signal: str, count: int) -> None:
        """Count records that will not be delivered any more."""
        with self._lock:
            self._lost[signal] += count

    def begin_exit(self) -> None:
        """Hold messages back, so that the exit can tell all in one line."""
        self._exiting = True

    def end_exit(self) -> None:
        """Tell what the process leaves undelivered, if anything, in one line."""
        with self._lock:
            if self._reason is not None or self._lost:
                reason = self._reason or "not delivered in time"
                say(f"telemetry lost at exit{self._count()} to {self._endpoint}: {reason}")

    def at_fork(self) -> None:
        """Start anew in a forked child."""
        self._lock = threading.RLock()
        self._lost.clear()
        self._exiting = False

    def _count(self) -> str:
        if not self._lost:
            return ""
        return ": " + ", ".join(f"{count:,} {signal}" for signal, count in self._lost.items())


class _Interceptor(logging.Filter):
    """Keeps records of the SDK's exporters out of the app's logging."""

    def __init__(self, outages: Outages) -> None:
        super().__init__()
        self._outages = outages

    def filter(self, record: logging.LogRecord) -> bool:
        message = str(record.msg)
        if record.levelno >= logging.WARNING and not message.startswith(_OF_OUR_OWN_MAKING):
            self._outages.failed(_reason(record))
        return False


def _reason(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        text = f"{text} {type(record.exc_info[1]).__name__}"
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
    return text
