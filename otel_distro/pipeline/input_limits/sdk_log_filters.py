"""Filters of the SDK's log messages: one of each kind, none about telemetry itself.

Upstream writes one line for every attribute it drops: 9,872 for one careless call.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LogRecordDroppedAttributesWarning

if TYPE_CHECKING:
    from otel_distro.pipeline.input_limits.values import ValueCleaner

_ONCE_A_KIND = (
    "opentelemetry.attributes",
    "opentelemetry.baggage",
    "opentelemetry.exporter.otlp.proto.common._internal",
    "opentelemetry.sdk._logs._internal",
    "opentelemetry.sdk.metrics._internal",
    "opentelemetry.sdk.metrics._internal.instrument",
    "opentelemetry.sdk.metrics._internal.measurement",
    "opentelemetry.sdk.trace",
    "opentelemetry.trace",
    "opentelemetry.trace.span",
    "opentelemetry.trace.status",
)
_NEVER = (
    # A generator closed in a different context than it ran in; nothing is lost.
    "opentelemetry.context",
    # A record logged during an export: dropped, as intended.
    "opentelemetry.instrumentation.logging.handler.internal",
)


class _OnceAKind(logging.Filter):
    def __init__(self, cleaner: ValueCleaner) -> None:
        super().__init__()
        self._cleaner = cleaner
        self._known: set[object] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.levelno, record.lineno, record.name
        if kind in self._known:
            return False
        self._known.add(kind)
        # Arguments may be the objects that cannot be formatted.
        try:
            words = record.getMessage()
        except Exception:  # the object may raise anything
            words = str(record.msg)
        record.msg, record.args = self._cleaner.text(words), ()
        return True


class _Never(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


def quiet(cleaner: ValueCleaner) -> None:
    """Install the filters, once."""
    # The record itself counts its dropped attributes.
    warnings.filterwarnings("ignore", category=LogRecordDroppedAttributesWarning)
    for names, known in ((_ONCE_A_KIND, _OnceAKind(cleaner)), (_NEVER, _Never())):
        for name in names:
            logger = logging.getLogger(name)
            if not any(isinstance(each, type(known)) for each in logger.filters):
                logger.addFilter(known)
