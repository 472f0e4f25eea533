"""Captures log records that do not propagate to OpenTelemetry's handler.

The handler is on the root logger. A program that replaces the root's handlers after start-up, as
the usual recipe for loguru does, removes it unknowingly; loggers with `propagate=False`, such as
`uvicorn.access`, never reach it. Their records are passed to the handler directly.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_INSTRUMENTATION: Final = "opentelemetry.instrumentation.logging"
_HANDLER: Final = "LoggingHandler"
_elsewhere = threading.local()
_known: list[logging.Handler] = []
"""The handler, after the first record."""
_installed: list[Callable[[logging.Logger, logging.LogRecord], None]] = []


def note_emitted() -> None:
    """Remember that another path, such as loguru's sink, has exported a record on this thread."""
    _elsewhere.count = getattr(_elsewhere, "count", 0) + 1


def export_unreached() -> None:
    """Forward records that do not reach OpenTelemetry's handler; once."""
    original: Callable[[logging.Logger, logging.LogRecord], None] = logging.Logger.callHandlers
    if original in _installed:
        return

    @functools.wraps(original)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        # The usual case, in as few steps as possible: a parent logger has the handler.
        current: logging.Logger | None = self
        while current is not None:
            if _known and _known[0] in current.handlers:
                original(self, record)
                return
            current = current.parent if current.propagate else None
        before = getattr(_elsewhere, "count", 0)
        original(self, record)
        if getattr(_elsewhere, "count", 0) == before:
            _export(self, record)

    _installed.append(call_handlers)
    logger_class: Any = logging.Logger
    logger_class.callHandlers = call_handlers


def _export(logger: logging.Logger, record: logging.LogRecord) -> None:
    try:
        handler = _handler()
        if handler is None or record.levelno < handler.level or not _is_unreached(logger):
            return
        handler.handle(record)
    except Exception:  # logging must not fail because of us
        pass


def _handler() -> logging.Handler | None:
    """Return the handler created by the `logging` instrumentation; None without one."""
    module: Any = sys.modules.get(_INSTRUMENTATION)
    found = getattr(getattr(module, "LoggingInstrumentor", None), "_logging_handler", None)
    if not isinstance(found, logging.Handler):
        return None
    _known[:] = [found]
    return found


def _is_unreached(logger: logging.Logger) -> bool:
    """Whether a record of *logger* is not silenced and reaches no OpenTelemetry handler.

    A logger that neither propagates nor has a handler was silenced on purpose.
    """
    current: logging.Logger | None = logger
    seen = False
    while current is not None:
        for handler in current.handlers:
            if type(handler).__name__ == _HANDLER:
                return False
            seen = seen or not isinstance(handler, logging.NullHandler)
        if not current.propagate and current.parent is not None:
            return seen
        current = current.parent
    return True
