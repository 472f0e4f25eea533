"""The list of log records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.store_view import SEVERITIES
from otel_distro.ui.trace_list_page import when
from otel_trace_store.log_list import find_logs

if TYPE_CHECKING:
    from otel_distro.ui.store_view import StoreView
    from otel_trace_store.reader import StoreReader
    from otel_trace_store.records import StoredLog

A_PAGE: Final = 200
_LONGEST: Final = 4_000
_NAMES: Final = (
    (21, "FATAL"),
    (17, "ERROR"),
    (13, "WARN"),
    (9, "INFO"),
    (5, "DEBUG"),
    (1, "TRACE"),
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One record, formatted for display."""

    at: str
    severity: str
    tone: str
    service: str
    text: str
    event: str
    facts: tuple[tuple[str, str], ...]
    trace: str
    span: str


def content(reader: StoreReader, view: StoreView) -> dict[str, Any]:
    """Return the content of the page."""
    log_list = find_logs(reader, view.log_filter(), limit=A_PAGE)
    return {
        "lines": [line(record) for record in log_list.rows],
        "complete": log_list.complete,
        "full": len(log_list.rows) >= A_PAGE,
        "most": A_PAGE,
        "severities": [name for name in SEVERITIES if name],
        "has_any": bool(reader.segments),
    }


def line(record: StoredLog) -> LogLine:
    """Return *record* formatted for display."""
    return LogLine(
        at=when(record.time_ns // 1000),
        severity=severity_name(record),
        tone="bad" if record.severity >= 17 else "warn" if record.severity >= 13 else "",
        service=record.service,
        text=text_of(record.body) or record.event_name or "-",
        event=record.event_name,
        facts=tuple((key, text_of(value)) for key, value in record.attributes.items()),
        trace=record.trace_id,
        span=record.span_id,
    )


def severity_name(record: StoredLog) -> str:
    """Return the severity as text."""
    if record.severity_text:
        return figures.printable(record.severity_text[:20])
    return next((name for least, name in _NAMES if record.severity >= least), "")


def text_of(value: Any) -> str:
    """Return an attribute value or a body as readable text of limited length."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, dict | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=repr)
    text = str(value)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}... ({len(text):,} characters)"
    return text
