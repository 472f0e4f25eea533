"""Captures log records that do not propagate to OpenTelemetry's handler, and keeps Python's own.

The handler is on the root logger. A program that replaces the root's handlers after start-up, as
the usual recipe for loguru does, removes it unknowingly; loggers with `propagate=False`, such as
`uvicorn.access`, never reach it. Their records are passed to the handler directly.

Python prints warnings and errors of a program without any handler to stderr. OpenTelemetry's
handler would end that, so a record that reaches no other handler is printed as before, redacted.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from contextlib import suppress
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


def export_unreached(clean: Callable[[str], str], *, has_console: bool = False) -> None:
    """Forward records that do not reach OpenTelemetry's handler; once.

    *clean* redacts what is printed in place of Python's last resort. *has_console* says that a
    profile prints records, so that the last resort is not needed.
    """
    original: Callable[[logging.Logger, logging.LogRecord], None] = logging.Logger.callHandlers
    if original in _installed:
        return

    @functools.wraps(original)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        # The usual case, in as few steps as possible: a parent logger has the handler.
        if not _known:
            _handler()
        current: logging.Logger | None = self
        is_handled = has_console
        while current is not None:
            handlers = current.handlers
            if _known and _known[0] in handlers:
                original(self, record)
                if len(handlers) == 1 and not is_handled:
                    _print_unhandled(record, clean)
                return
            is_handled = is_handled or bool(handlers)
            current = current.parent if current.propagate else None
        before = getattr(_elsewhere, "count", 0)
        original(self, record)
        if getattr(_elsewhere, "count", 0) == before:
            _export(self, record)

    _installed.append(call_handlers)
    logger_class: Any = logging.Logger
    logger_class.callHandlers = call_handlers


def _print_unhandled(record: logging.LogRecord, clean: Callable[[str], str]) -> None:
    """Print *record* as Python does without any handler; none of the SDK or of an export."""
    last_resort = logging.lastResort
    if last_resort is None or record.levelno < last_resort.level:
        return
    from opentelemetry.instrumentation.utils import is_instrumentation_enabled

    if record.name.partition(".")[0] != "opentelemetry" and is_instrumentation_enabled():
        # What cannot be redacted is not printed, and logging must not fail.
        with suppress(Exception):
            sys.stderr.write(clean(last_resort.format(record)) + "\n")


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
    handler = getattr(getattr(module, "LoggingInstrumentor", None), "_logging_handler", None)
    if not isinstance(handler, logging.Handler):
        return None
    _known[:] = [handler]
    return handler


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
