"""A log record as every processor and exporter may see it: redacted, and only when read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource

from otel_redaction.lazy import lazy

if TYPE_CHECKING:
    from otel_redaction.shield import Shield

_SIGNAL = "logs"


class _CleanParts:
    """The parts of one record that hold text, each redacted at first read.

    Shared by every copy of the view, because batch processors copy the record they queue.
    """

    def __init__(self, raw: LogRecord, shield: Shield) -> None:
        self._raw = raw
        self._shield = shield

    @lazy
    def body(self) -> Any:
        body = self._raw.body
        return body if body is None else self._shield.value("body", body, _SIGNAL)

    @lazy
    def attributes(self) -> dict[str, Any]:
        return self._shield.attributes(self._raw.attributes, _SIGNAL)

    @lazy
    def event_name(self) -> str | None:
        name = self._raw.event_name
        return None if name is None else self._shield.name(name, _SIGNAL)

    @lazy
    def severity_text(self) -> str | None:
        text = self._raw.severity_text
        return None if text is None else self._shield.name(text, _SIGNAL)


class RedactedLogRecord(LogRecord):
    """A lazy view of *raw* in which every text is redacted.

    A processor further down may assign to a field, as the SDK allows; the assigned value then
    stands in for ours. The exception object itself is not handed on: its text already is in the
    attributes, and an exporter could print the object unredacted.
    """

    def __init__(self, raw: LogRecord, shield: Shield) -> None:
        # The base initialiser is not called: it would read the current context again.
        self.timestamp = raw.timestamp
        self.observed_timestamp = raw.observed_timestamp
        self.context = raw.context
        self.trace_id = raw.trace_id
        self.span_id = raw.span_id
        self.trace_flags = raw.trace_flags
        self.severity_number = raw.severity_number
        self.exception = None
        self._parts = _CleanParts(raw, shield)

    def __getattr__(self, field: str) -> Any:
        """Answer for the four fields that hold text (they are never set on the instance)."""
        if field in _TEXT_FIELDS:
            return getattr(self._parts, field)
        raise AttributeError(field)


_TEXT_FIELDS = frozenset({"body", "attributes", "event_name", "severity_text"})


class RedactedLogEntry(ReadWriteLogRecord):
    """The envelope the SDK hands to log record processors, around a redacted record."""

    def __init__(self, raw: ReadWriteLogRecord, shield: Shield) -> None:
        # The base initialiser is not called: it would read, and so redact, the attributes now.
        resource = raw.resource if raw.resource is not None else Resource.get_empty()
        self.log_record = RedactedLogRecord(raw.log_record, shield)
        self.resource = shield.resource(resource, _SIGNAL)
        scope = raw.instrumentation_scope
        self.instrumentation_scope = None if scope is None else shield.scope(scope, _SIGNAL)
        self.limits = raw.limits
        self._dropped = raw.dropped_attributes

    @property
    def dropped_attributes(self) -> int:
        """Attributes the SDK dropped before we saw the record."""
        return self._dropped
