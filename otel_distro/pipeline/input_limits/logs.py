"""Loggers and a `logging` handler that accept any record and never raise."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import Logger, ReadWriteLogRecord

from otel_distro.pipeline.input_limits import invalid_input as kinds
from otel_distro.pipeline.input_limits.default import DEFAULT_CLEANER

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_distro.pipeline.input_limits.values import ValueCleaner

# mypy: disable-error-code="override"

_HANDLER = "opentelemetry.instrumentation.logging.handler"
_IDS = {"trace_id": 2**128, "span_id": 2**64, "trace_flags": 2**8}


class TolerantLogger(Logger):
    """A logger that emits a record for any arguments."""

    cleaner = DEFAULT_CLEANER

    def emit(self, record: Any = None, **fields: Any) -> None:
        """Emit a log record, passed as an object or by its fields."""
        cleaner = self.cleaner
        try:
            if record is None:
                exception = fields.pop("exception", None)
                record = LogRecord(**fields)
                if isinstance(exception, BaseException):
                    record.exception = exception
            inner: Any = record
            if isinstance(inner, ReadWriteLogRecord):
                inner = inner.log_record
            _clean(inner, cleaner)
            super().emit(record)
        except Exception:  # telemetry never raises into the app
            cleaner.note(kinds.REFUSED, "emit")


def _clean(record: LogRecord, cleaner: ValueCleaner) -> None:
    record.body = cleaner.value(record.body, "body")
    record.attributes = cleaner.attributes(record.attributes)
    record.timestamp = cleaner.time_ns(record.timestamp)
    record.observed_timestamp = cleaner.time_ns(record.observed_timestamp) or 0
    for field in ("severity_text", "event_name"):
        words = getattr(record, field)
        if words is not None:
            setattr(record, field, cleaner.text(words))
    severity = record.severity_number
    if severity is not None and type(severity) is not SeverityNumber:
        record.severity_number = _severity(severity)
    for field, limit in _IDS.items():
        number = getattr(record, field)
        if number is not None and not (isinstance(number, int) and 0 <= number < limit):
            cleaner.note(kinds.REFUSED, field)
            setattr(record, field, None if field == "trace_flags" else 0)
    error = record.exception
    if error is not None:
        try:
            str(error)
        except Exception:  # the SDK's own call would raise it too
            record.exception = None
            words = {
                "exception.type": type(error).__name__,
                "exception.message": cleaner.text(error),
            }
            record.attributes = {**(record.attributes or {}), **words}


def _severity(number: Any) -> SeverityNumber | None:
    # Only for an int: the error for anything else would contain the object.
    return SeverityNumber(number) if type(number) is int and 0 <= number <= 24 else None


def tolerate_log_handler(cleaner: ValueCleaner) -> None:
    """Suppress errors of the handler that instruments `logging`, once it is loaded."""

    def emit(original: Callable[..., None], _handler: Any, arguments: Any, named: Any) -> None:
        try:
            original(*arguments, **named)
        except Exception:  # as every handler of the standard library does
            cleaner.note(kinds.UNREADABLE, "log record")
            record = arguments[0] if arguments else named["record"]
            try:
                original(_readable(record, cleaner))
            except Exception:  # not even that
                cleaner.note(kinds.REFUSED, "log record")

    def flush(original: Callable[..., None], _handler: Any, arguments: Any, named: Any) -> None:
        # From Python 3.12 on, no thread can start while the interpreter exits, and `logging`
        # flushes its handlers then; our own hook has already delivered the queue.
        with suppress(RuntimeError):
            original(*arguments, **named)

    def wrap(module: Any) -> None:
        if not isinstance(module.LoggingHandler.emit, wrapt.ObjectProxy):
            wrapt.wrap_function_wrapper(module, "LoggingHandler.emit", emit)
            wrapt.wrap_function_wrapper(module, "LoggingHandler.flush", flush)

    wrapt.register_post_import_hook(wrap, _HANDLER)


def _readable(record: logging.LogRecord, cleaner: ValueCleaner) -> logging.LogRecord:
    """Return a copy of *record* with only text, its message as far as it is readable."""
    arguments = record.args if isinstance(record.args, tuple) else (record.args,)
    words = [
        cleaner.text(record.msg),
        *(cleaner.text(argument) for argument in arguments if argument is not None),
    ]
    copy = logging.LogRecord(
        record.name, record.levelno, record.pathname, record.lineno, " ".join(words), (), None
    )
    copy.created = record.created
    return copy
