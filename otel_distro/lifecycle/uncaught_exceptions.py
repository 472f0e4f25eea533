"""Reports uncaught exceptions of the main program, threads and tasks.

Each becomes a log record with the stack trace. Previous hooks run afterwards, so the traceback on
stderr and any other reporter are unchanged.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

from otel_distro.base import attributes as names

if TYPE_CHECKING:
    from types import TracebackType

_installed = False


def install() -> None:
    """Install the hooks, once; asyncio's when asyncio is imported."""
    global _installed  # noqa: PLW0603 - hooks belong to the process
    if _installed:
        return
    _installed = True
    _hook_main()
    _hook_threads()
    import wrapt

    wrapt.register_post_import_hook(_hook_tasks, "asyncio.base_events")


def _hook_main() -> None:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        report(error, "main", SeverityNumber.FATAL)
        before(kind, error, trace)

    sys.excepthook = hook


def _hook_threads() -> None:
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        # SystemExit ends a thread without a report, as in the interpreter's own hook.
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            name = args.thread.name if args.thread is not None else ""
            report(args.exc_value, "thread", SeverityNumber.ERROR, {"thread.name": name})
        before(args)

    threading.excepthook = hook


def _hook_tasks(base_events: Any) -> None:
    loop_class = base_events.BaseEventLoop
    before = loop_class.call_exception_handler

    def hook(loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # Without a handler of the app the loop logs the error, and that record is exported.
        if isinstance(error, BaseException) and not (
            loop.get_exception_handler() is None and _logging_is_exported()
        ):
            task: Any = context.get("task") or context.get("future")
            name = task.get_name() if hasattr(task, "get_name") else ""
            report(error, "task", SeverityNumber.ERROR, {"asyncio.task.name": name})
        before(loop, context)

    loop_class.call_exception_handler = hook


def report(
    error: BaseException,
    where: str,
    severity: SeverityNumber,
    more: dict[str, str] | None = None,
) -> None:
    """Emit the log record for *error*; never raises. Ignores interruptions by the user."""
    if not isinstance(error, Exception):
        return
    try:
        from otel_distro.base.error_categories import categorise

        attributes: dict[str, Any] = {
            "exception.type": f"{type(error).__module__}.{type(error).__qualname__}",
            "exception.message": str(error),
            "exception.stacktrace": "".join(traceback.format_exception(error)),
            names.ERROR_TYPE: type(error).__qualname__,
            names.UNCAUGHT_IN: where,
            names.ERROR_CATEGORY: str(categorise(type(error).__qualname__)),
            **{key: value for key, value in (more or {}).items() if value},
        }
        get_logger(names.API_SCOPE).emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_number=severity,
                severity_text=severity.name,
                event_name=names.UNCAUGHT_EVENT,
                body=f"nobody caught {type(error).__qualname__} in {where}",
                attributes=attributes,
            )
        )
    except Exception:  # never add an error to a failing process
        pass


def _logging_is_exported() -> bool:
    # By name: there are two such classes, and importing one would load the SDK.
    return any(type(h).__name__ == "LoggingHandler" for h in logging.getLogger().handlers)
