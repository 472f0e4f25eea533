"""Exporters of log records, already redacted, to the console and to a file."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

from otel_distro.base import messages
from otel_distro.pipeline.logs.lines import formatter, json_line
from otel_distro.pipeline.logs.printed import NOT_ON_CONSOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry._logs import SeverityNumber
    from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord

    from otel_distro.pipeline.logs.rotation import RotatingFile


class ConsoleOutput(LogRecordProcessor):
    """Writes a line to stderr for each record that no handler of the app prints there.

    Writes on the logging thread, as any console handler does, so that lines are in order.
    """

    def __init__(self, profile: str, least: SeverityNumber) -> None:
        stream: Any = sys.stderr
        self._format = formatter(profile, color=wants_color(stream))
        self._least = least.value

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Write the line, unless the record is below the level or printed already."""
        record = log_record.log_record
        number = record.severity_number
        if number is not None and number.value < self._least:
            return
        scope = log_record.instrumentation_scope
        if (record.attributes or {}).get(NOT_ON_CONSOLE):
            return
        if scope is not None and _is_shown(scope.name, number):
            return
        line = self._format(log_record)
        stream: Any = sys.stderr
        try:
            stream.write(line + "\n")
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # a closed or broken stderr must not affect the app

    def shutdown(self) -> None:
        """Do nothing: there is nothing to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: nothing is buffered."""
        return True


class FileOutput(LogRecordExporter):
    """Appends records as lines of JSON to a rotating file."""

    def __init__(self, file: RotatingFile) -> None:
        self._file = file

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Append *batch*; a full disk loses these lines and is reported once."""
        try:
            self._file.append([json_line(entry) + "\n" for entry in batch])
        except Exception as error:  # must not raise into the app
            messages.warn_once(
                f"cannot write log file {self._file.path} ({type(error).__name__}); "
                "its lines are lost, the app is not affected"
            )
            return LogRecordExportResult.FAILURE
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: there is nothing to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: nothing is buffered."""
        return True


def wants_color(stream: Any) -> bool:
    """Whether *stream* is a terminal whose user has not asked for plain text (NO_COLOR)."""
    from otel_distro.settings import process_environment

    environ = process_environment()
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(getattr(stream, "isatty", bool)())


def _is_shown(name: str, number: SeverityNumber | None) -> bool:
    """Whether a handler of the app writes records of the logger *name* to the console."""
    level = _LEVELS.get((number.value - 1) // 4, logging.INFO) if number else logging.INFO
    named = logging.Logger.manager.loggerDict.get(name)
    logger: logging.Logger | None = (
        named if isinstance(named, logging.Logger) else logging.getLogger()
    )
    while logger is not None:
        if any(_is_console(handler) and handler.level <= level for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


_LEVELS = {0: 5, 1: 10, 2: 20, 3: 30, 4: 40, 5: 50}
"""Range of four OpenTelemetry severities -> level of the logging module."""


def _is_console(handler: logging.Handler) -> bool:
    stream = getattr(handler, "stream", None)
    if stream is None:
        # Rich's handler and similar ones have a console instead of a stream.
        stream = getattr(getattr(handler, "console", None), "file", None)
    return stream is not None and stream in {sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__}
