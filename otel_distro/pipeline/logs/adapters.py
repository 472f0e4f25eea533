"""structlog and loguru adapters: OpenTelemetry log records, and our ids in their own output.

structlog.configure(processors=[..., otel_distro.structlog_processor, renderer])
loguru.logger.add(otel_distro.loguru_sink)
loguru.logger.configure(patcher=otel_distro.loguru_patcher)

Neither library is imported here. Both print their records, so a profile's console leaves these out;
the file and the exporters get them.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

from otel_distro.api.context import local_baggage
from otel_distro.base.baggage_keys import SESSION
from otel_distro.pipeline.logs.printed import NOT_ON_CONSOLE
from otel_distro.pipeline.logs.unreached import note_emitted

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_SEVERITIES = (
    (50, SeverityNumber.FATAL, "FATAL"),
    (40, SeverityNumber.ERROR, "ERROR"),
    (30, SeverityNumber.WARN, "WARN"),
    (20, SeverityNumber.INFO, "INFO"),
    (10, SeverityNumber.DEBUG, "DEBUG"),
)
_LEVELS = {
    "critical": 50, "fatal": 50, "exception": 40, "error": 40, "err": 40, "failure": 40,
    "warning": 30, "warn": 30, "info": 20, "msg": 20, "log": 20, "debug": 10, "trace": 5,
}  # fmt: skip
_STRUCTLOG_KEYS = frozenset({"event", "exc_info", "timestamp", "level", "logger", "logger_name"})


def structlog_processor(
    logger: Any, method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Emit a structlog event, and add trace, span and session id to it; a processor.

    Put it before the renderer. If structlog writes through the standard library, which is captured
    anyway, it only adds the ids.
    """
    try:
        if not isinstance(logger, logging.Logger):
            name = event_dict.get("logger") or event_dict.get("logger_name") or "structlog"
            _emit(
                str(name),
                _LEVELS.get(str(event_dict.get("level") or method_name).lower(), 20),
                event_dict.get("event", ""),
                {k: v for k, v in event_dict.items() if k not in _STRUCTLOG_KEYS},
                _exception(event_dict.get("exc_info")),
            )
        for key, value in ids().items():
            event_dict.setdefault(key, value)
    except Exception:  # logging must not fail because of us
        pass
    return event_dict


def loguru_sink(message: Any) -> None:
    """Emit a loguru record; a sink."""
    try:
        record: Mapping[str, Any] = message.record
        caught = record["exception"]
        attributes = {
            **record["extra"],
            "code.function.name": record["function"],
            "code.line.number": record["line"],
            "code.file.path": record["file"].path,
            # With loguru's queue, records are emitted on another thread.
            "thread.id": record["thread"].id,
            "thread.name": record["thread"].name,
        }
        _emit(
            record["name"] or "loguru",
            int(record["level"].no),
            record["message"],
            {k: v for k, v in attributes.items() if k not in _ID_KEYS},
            caught.value if caught is not None else None,
            int(record["time"].timestamp() * 1e9),
        )
    except Exception:  # logging must not fail because of us
        pass


def loguru_patcher(record: Any) -> None:
    """Add trace, span and session id to loguru's `extra`; a patcher."""
    record["extra"].update(ids())


_ID_KEYS = frozenset({"trace_id", "span_id", "session_id"})


def ids() -> dict[str, str]:
    """Return the ids of the current trace, span and session, where present."""
    found: dict[str, str] = {}
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        found["trace_id"] = trace.format_trace_id(context.trace_id)
        found["span_id"] = trace.format_span_id(context.span_id)
    if session := local_baggage().get(SESSION):
        found["session_id"] = session
    return found


def _emit(
    name: str,
    level: int,
    body: Any,
    attributes: dict[str, Any],
    error: BaseException | None,
    at_ns: int | None = None,
) -> None:
    if level < _least(name):
        return
    if error is not None:
        attributes["exception.type"] = type(error).__qualname__
        attributes["exception.message"] = str(error)
        attributes["exception.stacktrace"] = "".join(traceback.format_exception(error))
    number, text = SeverityNumber.TRACE, "TRACE"
    for least, severity, severity_text in _SEVERITIES:
        if level >= least:
            number, text = severity, severity_text
            break
    note_emitted()
    get_logger(name).emit(
        LogRecord(
            timestamp=at_ns or time.time_ns(),
            severity_number=number,
            severity_text=text,
            body=body if isinstance(body, str) else str(body),
            attributes={**{str(k): _plain(v) for k, v in attributes.items()}, NOT_ON_CONSOLE: True},
        )
    )


def _least(name: str) -> int:
    """Return the minimum level set for the logger *name* or its nearest parent."""
    from otel_distro.base.current_runtime import running

    runtime = running()
    levels = dict(runtime.settings.log_levels) if runtime is not None else {}
    while levels and name:
        if name in levels:
            return levels[name]
        name = name.rpartition(".")[0]
    return 0


def _exception(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        exception = exc_info[1]
        return exception if isinstance(exception, BaseException) else None
    return sys.exc_info()[1] if exc_info is True else None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | bool | int | float) else str(value)
