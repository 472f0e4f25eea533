"""Formats a log record as one line: JSON, or readable text."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import SeverityNumber

from otel_distro.base.formatting import printable_json
from otel_distro.pipeline.logs.printed import NOT_ON_CONSOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord

    LogEntry = ReadableLogRecord | ReadWriteLogRecord
    Formatter = Callable[[LogEntry], str]

RESOURCE_KEYS = {
    "service": "service.name",
    "version": "service.version",
    "environment": "deployment.environment.name",
}
"""Field of a JSON line -> resource attribute; omitted if the resource has none."""

_OWN_FIELDS = frozenset(
    {NOT_ON_CONSOLE, "session.id", "exception.type", "exception.message", "exception.stacktrace"}
)
_NAMES = {n: n.name.rstrip("0123456789") for n in SeverityNumber}
_COLORS = {"DEBUG": 36, "INFO": 32, "WARN": 33, "ERROR": 31, "FATAL": 35}
_STACK = "exception.stacktrace"


def json_line(entry: LogEntry) -> str:
    """Return *entry* as one line of JSON, without the line feed."""
    record = entry.log_record
    attributes: Mapping[str, Any] = record.attributes or {}
    resource = entry.resource.attributes if entry.resource is not None else {}
    scope = entry.instrumentation_scope
    line: dict[str, Any] = {
        "time": time_of(entry).isoformat(timespec="milliseconds"),
        "severity": severity_of(entry),
        "logger": scope.name if scope is not None else "",
        "message": record.body if record.body is not None else "",
        "event": record.event_name or None,
        "trace_id": f"{record.trace_id:032x}" if record.trace_id else None,
        "span_id": f"{record.span_id:016x}" if record.span_id else None,
        "session_id": attributes.get("session.id"),
        **{name: resource.get(key) for name, key in RESOURCE_KEYS.items()},
        "pid": resource.get("process.pid") or os.getpid(),
        "error_type": attributes.get("exception.type"),
        "error_message": attributes.get("exception.message"),
        "error_traceback": attributes.get(_STACK),
    }
    more = {key: value for key, value in attributes.items() if key not in _OWN_FIELDS}
    known = {key: value for key, value in line.items() if value is not None}
    if more:
        known["attributes"] = more
    # Some readers also end a line at U+2028, and terminals obey more than ASCII's controls.
    return printable_json(
        json.dumps(known, ensure_ascii=False, default=_plain, separators=(",", ":"))
    )


def readable_line(entry: LogEntry, *, color: bool) -> str:
    """Return *entry* as readable text: time, severity, logger, message, attributes."""
    record = entry.log_record
    attributes: Mapping[str, Any] = record.attributes or {}
    severity = severity_of(entry)
    scope = entry.instrumentation_scope
    at = time_of(entry).astimezone().strftime("%H:%M:%S.%f")[:-3]
    head = f"{severity:<5}"
    if color:
        head = f"\x1b[{_COLORS.get(severity, 0)}m{head}\x1b[0m"
    message = _one_line(record.body if record.body is not None else "")
    if record.event_name:
        message = f"{_one_line(record.event_name)}: {message}" if message else record.event_name
    parts = [at, head, _one_line(scope.name if scope is not None else ""), message]
    parts += [
        f"{_one_line(key)}={_one_line(value)}" for key, value in attributes.items() if key != _STACK
    ]
    if record.trace_id:
        parts.append(f"trace_id={record.trace_id:032x}")
    line = " ".join(part for part in parts if part)
    stack = attributes.get(_STACK)
    return f"{line}\n{_without_controls(str(stack)).rstrip()}" if stack else line


def severity_of(entry: LogEntry) -> str:
    """Return the severity in one word: TRACE, DEBUG, INFO, WARN, ERROR or FATAL."""
    number = entry.log_record.severity_number
    if number is None:
        return entry.log_record.severity_text or "INFO"
    return _NAMES.get(number, "INFO")


def time_of(entry: LogEntry) -> datetime:
    """Return the time of the event, or else of its observation."""
    record = entry.log_record
    ns = record.timestamp or record.observed_timestamp or 0
    return datetime.fromtimestamp(ns / 1e9, UTC)


def formatter(profile: str, *, color: bool) -> Formatter:
    """Return the formatter for *profile*: readable text, or JSON for `prod`."""
    if profile == "prod":
        return json_line
    return lambda entry: readable_line(entry, color=color)


def _one_line(value: object) -> str:
    text = (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)
    )
    if text.isprintable():
        return text
    escaped = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return _without_controls(escaped)


def _without_controls(text: str) -> str:
    # A log line must not control the reader's terminal.
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def _plain(value: Any) -> object:
    if isinstance(value, bytes):
        return value.hex()
    try:
        return dict(value)  # a mapping that json cannot encode
    except (TypeError, ValueError):
        return str(value)
