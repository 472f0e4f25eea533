"""Model calls in log records, of coding agents and the GenAI inference event.

`call_of_log` is pure: it returns the model call of a log record, or None. The ids of the call are
derived from the record, so that reading a record again gives the same call. A span of the same call
is found by the rules for stacked instrumentations: parent, response id, time and tokens.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from otel_pricing.model.operations import inference
from otel_pricing.model.record import SpanRecord
from otel_pricing.model.values import count, first_text, nanoseconds, text
from otel_pricing.reading.dialects.coding_agents import (
    CLAUDE_SCOPES,
    CODEX_SCOPES,
    EVENT,
    GEMINI_SCOPES,
    is_gemini_cli,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_pricing.model.call import ModelCall

INFERENCE = "gen_ai.client.inference.operation.details"
OPERATION = "gen_ai.operation.name"
_LONGEST_CALL_NS = 86_400_000_000_000
_ERROR_CLASS = re.compile(r"\A[A-Za-z_][\w.]{0,99}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """Data of a log record for pricing; its body is read only as the event name."""

    time_ns: int = 0
    """Nanoseconds since the Unix epoch; the observed time if the record has no other."""
    event_name: str = ""
    trace_id: int | None = None
    span_id: int | None = None
    """Span in which the record was written; None without one."""
    scope_name: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    resource_attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Event:
    """Reader of one kind of event."""

    reports_call: Callable[[LogRecord], bool]
    scope: str
    """Prefix of the scope whose dialect reads the event; empty for the record's own scope."""
    failed: bool = False


def call_of_log(record: LogRecord) -> ModelCall | None:
    """Return the model call in *record*, or None.

    Never raises for an attribute's value.
    """
    name = event_name(record)
    event = _EVENTS.get(name)
    if event is None or not event.reports_call(record):
        return None
    from otel_pricing.reading.recognise import read_call

    call = read_call(_as_span(record, name, event))
    if call is None:
        return None
    # One scope per kind of event: two kinds may report the same call.
    return replace(call, scope=f"{record.scope_name} {name}".strip())


def event_name(record: LogRecord) -> str:
    """Return the full event name: Claude Code's attribute omits its prefix."""
    named = (record.event_name, text(record.attributes.get(EVENT)) or "")
    for name in named:
        if name in _EVENTS:
            return name
    if record.scope_name.startswith(CLAUDE_SCOPES):
        return next((f"claude_code.{name}" for name in named if name), "")
    return next((name for name in named if name), "")


def _as_span(record: LogRecord, name: str, event: _Event) -> SpanRecord:
    attributes = dict(record.attributes)
    attributes[OPERATION] = inference(text(attributes.get(OPERATION)) or "") or "chat"
    if event.failed or _status(record) >= 400:
        attributes["error.type"] = _error_type(record)
        status = _status(record)
        if status:
            attributes["http.response.status_code"] = status
    span_id, trace_id = _ids(record, name)
    duration = _duration_ns(record)
    return SpanRecord(
        trace_id=record.trace_id or trace_id,
        span_id=span_id,
        parent_span_id=record.span_id,
        name=name,
        start_ns=max(0, record.time_ns - duration),
        end_ns=record.time_ns,
        kind=3,
        scope_name=event.scope or record.scope_name,
        attributes=attributes,
        resource_attributes=record.resource_attributes,
    )


def _ids(record: LogRecord, name: str) -> tuple[int, int]:
    """Return a span id and a trace id derived from *record*."""
    facts = sorted((key, str(value)) for key, value in record.attributes.items())
    place = (record.trace_id, record.span_id, record.scope_name)
    service = record.resource_attributes.get("service.name")
    digest = hashlib.blake2b(
        repr((name, record.time_ns, place, service, facts)).encode("utf-8", "surrogatepass"),
        digest_size=24,
    ).digest()
    return (
        int.from_bytes(digest[:8], "big") or 1,
        int.from_bytes(digest[8:], "big") or 1,
    )


def _duration_ns(record: LogRecord) -> int:
    for name, unit_ns in (("duration_ms", 1_000_000), ("duration", 1_000_000_000)):
        duration_ns = nanoseconds(record.attributes.get(name))
        if duration_ns is None:
            value = count(record.attributes.get(name))
            duration_ns = None if value is None else value * 1_000_000_000
        if duration_ns is not None:
            return min(duration_ns * unit_ns // 1_000_000_000, _LONGEST_CALL_NS)
    return 0


_STATUS = ("status_code", "http.response.status_code", "http.status_code", "error_code")


def _status(record: LogRecord) -> int:
    statuses = (count(record.attributes.get(name)) for name in _STATUS)
    return next((code for code in statuses if code is not None and 100 <= code <= 599), 0)


def _error_type(record: LogRecord) -> str:
    """Return a class or code of the error, never its message."""
    named = first_text(record.attributes, ("error.type", "error_type", "error", "error.message"))
    if named is not None and _ERROR_CLASS.match(named):
        return named
    return str(_status(record) or "_OTHER")


def _completed(record: LogRecord) -> bool:
    return record.attributes.get("event.kind") == "response.completed"


def _refused(record: LogRecord) -> bool:
    return _status(record) >= 400


def _inference(record: LogRecord) -> bool:
    # The Gemini CLI repeats its own event in this form, with fewer counts.
    if is_gemini_cli(record.scope_name, record.resource_attributes.get("service.name")):
        return False
    operation = text(record.attributes.get(OPERATION))
    return operation is None or inference(operation) is not None


def _always(_record: LogRecord) -> bool:
    return True


_CLAUDE, _CODEX, _GEMINI = CLAUDE_SCOPES[0], CODEX_SCOPES[0], GEMINI_SCOPES[0]
_EVENTS: dict[str, _Event] = {
    "claude_code.api_request": _Event(_always, _CLAUDE),
    "claude_code.api_error": _Event(_always, _CLAUDE, failed=True),
    "codex.sse_event": _Event(_completed, _CODEX),
    "codex.websocket_event": _Event(_completed, _CODEX),
    "codex.api_request": _Event(_refused, _CODEX, failed=True),
    "gemini_cli.api_response": _Event(_always, _GEMINI),
    "gemini_cli.api_error": _Event(_always, _GEMINI, failed=True),
    INFERENCE: _Event(_inference, ""),
}
"""Events that report a model call; all others report none."""
