"""View of a log record for processors and exporters, redacted on read."""

# The SDK's classes have plain fields where these have views, by design.
# mypy: disable-error-code="assignment,override"
# pyright: reportAssignmentType=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource

from otel_redaction.containers import redacting
from otel_redaction.lazy import lazy
from otel_redaction.started_span import guarded_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import LogRecordLimits
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from otel_redaction.shield import Shield

_SIGNAL = "logs"
_PLAIN = (
    "timestamp",
    "observed_timestamp",
    "trace_id",
    "span_id",
    "trace_flags",
    "severity_number",
)
_TEXT = ("context", "severity_text", "body", "attributes", "event_name", "exception")


class _CleanParts:
    """The text parts of one record, each redacted on first read.

    Shared by every copy of the view, because batch processors copy the record they queue.
    """

    __slots__ = ("_kept", "_shield", "_source")

    def __init__(self, raw: LogRecord, shield: Shield) -> None:
        self._source: Callable[[], LogRecord] = lambda: (
            raw
        )  # no attribute of a view has unredacted text
        self._shield = shield
        self._kept: dict[str, Any] = {}

    @lazy
    def body(self) -> Any:
        raw = self._source()
        return _body(raw.body, raw.event_name, self._shield)

    @lazy
    def attributes(self) -> dict[str, Any]:
        return self._shield.writable(self._source().attributes, _SIGNAL)

    @lazy
    def event_name(self) -> str | None:
        name = self._source().event_name
        return None if name is None else self._shield.name(name, _SIGNAL)

    @lazy
    def severity_text(self) -> str | None:
        text = self._source().severity_text
        return None if text is None else self._shield.name(text, _SIGNAL)

    @lazy
    def context(self) -> Context | None:
        return guarded_context(self._source().context, self._shield)


class RedactedLogRecord(LogRecord):
    """A lazy view of a log record in which every text is redacted.

    A processor may assign to a field, as the SDK allows, or write into one; another processor reads
    the written value redacted. The exception object itself is not available: its text is already in
    the attributes, and an exporter could print the object unredacted.
    """

    __slots__ = ("_kept", "_parts")

    def __init__(self, raw: LogRecord, shield: Shield) -> None:
        # The base initialiser is not called: it would read the current context again.
        self.timestamp = raw.timestamp
        self.observed_timestamp = raw.observed_timestamp
        self.trace_id = raw.trace_id
        self.span_id = raw.span_id
        self.trace_flags = raw.trace_flags
        self.severity_number = raw.severity_number
        self._parts = _CleanParts(raw, shield)
        self._kept: dict[str, Any] = {}

    def __copy__(self) -> RedactedLogRecord:
        """Return a view with independently assignable fields."""
        copy = object.__new__(type(self))
        for field in _PLAIN:
            setattr(copy, field, getattr(self, field))
        copy._parts = self._parts
        copy._kept = self._kept.copy()
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> RedactedLogRecord:
        """Return a view that shares no container with this one."""
        copy = self.__copy__()
        copy.body = deepcopy(self.body, memo)
        copy.attributes = deepcopy(self.attributes, memo)
        return copy

    @property  # pyright: ignore[reportGeneralTypeIssues]
    def __dict__(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The `vars` of the SDK's record, redacted; writes to it have no effect."""
        return {field: getattr(self, field) for field in (*_PLAIN, *_TEXT)}

    @lazy
    def body(self) -> Any:
        """Return the body, redacted."""
        return self._parts.body

    @body.redacted_by
    def _redacted_body(self, body: Any) -> Any:
        return _body(body, self.event_name, self._parts._shield)  # of this module

    @lazy
    def attributes(self) -> dict[str, Any]:
        """Return the attributes, redacted."""
        return self._parts.attributes

    @attributes.redacted_by
    def _redacted_attributes(self, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        return self._parts._shield.writable(attributes, _SIGNAL)

    @lazy
    def event_name(self) -> str | None:
        """Return the event name, redacted; None for other records."""
        return self._parts.event_name

    @event_name.redacted_by
    def _redacted_event_name(self, name: str | None) -> str | None:
        return None if name is None else self._parts._shield.text(str(name), _SIGNAL)

    @lazy
    def severity_text(self) -> str | None:
        """Return the source's severity name, redacted, or None."""
        return self._parts.severity_text

    @severity_text.redacted_by
    def _redacted_severity_text(self, text: str | None) -> str | None:
        return None if text is None else self._parts._shield.text(str(text), _SIGNAL)

    @lazy
    def context(self) -> Context | None:
        """Return the context of the record, with its span replaced by a view, or None."""
        return self._parts.context

    @context.redacted_by
    def _guarded_context(self, context: Context | None) -> Context | None:
        return guarded_context(context, self._parts._shield)

    @lazy
    def exception(self) -> None:
        """Return None: see the class."""
        return

    @exception.redacted_by
    def _redacted_exception(self, _error: BaseException | None) -> None:
        return


class RedactedLogEntry(ReadWriteLogRecord):
    """The envelope that the SDK passes to log record processors, with a redacted record."""

    __slots__ = ("_dropped", "_kept", "_shield", "_source")

    def __init__(self, raw: ReadWriteLogRecord, shield: Shield) -> None:
        # The base initialiser is not called: it would read, and so redact, the attributes now.
        self._source: Callable[[], ReadWriteLogRecord] = lambda: raw
        self._shield = shield
        self._kept: dict[str, Any] = {"log_record": RedactedLogRecord(raw.log_record, shield)}
        self._dropped = raw.dropped_attributes

    __eq__ = object.__eq__  # the base compares fields in `__dict__`, of which there are none
    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]

    def __copy__(self) -> RedactedLogEntry:
        """Return an entry with independently assignable fields."""
        copy = object.__new__(type(self))
        copy._source, copy._shield, copy._dropped = self._source, self._shield, self._dropped
        copy._kept = self._kept.copy()
        return copy

    @lazy
    def log_record(self) -> LogRecord:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Return the redacted record."""
        raise AttributeError("log_record")  # set on creation

    @log_record.redacted_by
    def _redacted_record(self, record: LogRecord) -> LogRecord:
        known = isinstance(record, RedactedLogRecord)
        return record if known else RedactedLogRecord(record, self._shield)

    @lazy
    def resource(self) -> Resource:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Return the resource, redacted."""
        resource = self._source().resource
        return self._shield.resource(resource or Resource.get_empty(), _SIGNAL)

    @resource.redacted_by
    def _redacted_resource(self, resource: Resource | None) -> Resource:
        return self._shield.resource(resource or Resource.get_empty(), _SIGNAL)

    @lazy
    def instrumentation_scope(self) -> InstrumentationScope | None:
        """Return the redacted instrumentation scope, or None."""
        scope = self._source().instrumentation_scope
        return None if scope is None else self._shield.scope(scope, _SIGNAL)

    @instrumentation_scope.redacted_by
    def _redacted_scope(self, scope: InstrumentationScope | None) -> InstrumentationScope | None:
        return None if scope is None else self._shield.scope(scope, _SIGNAL)

    @lazy
    def limits(self) -> LogRecordLimits:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Return the limits of the record."""
        return self._source().limits

    @limits.redacted_by
    def _given_limits(self, limits: LogRecordLimits) -> LogRecordLimits:
        return limits

    @property
    def dropped_attributes(self) -> int:
        """Number of attributes that the SDK dropped before redaction."""
        return self._dropped


def _body(body: Any, event_name: str | None, shield: Shield) -> Any:
    def redact(written: Any) -> Any:
        return shield.body(written, event_name, _SIGNAL)

    return None if body is None else redacting(redact(body), redact)


def redacted_question(question: Mapping[str, Any], shield: Shield) -> dict[str, Any]:
    """Return the arguments of `LogRecordProcessor.enabled` with their text redacted."""
    known = dict(question)
    if known.get("event_name") is not None:
        known["event_name"] = shield.name(str(known["event_name"]), _SIGNAL)
    if known.get("instrumentation_scope") is not None:
        known["instrumentation_scope"] = shield.scope(known["instrumentation_scope"], _SIGNAL)
    if known.get("context") is not None:
        known["context"] = guarded_context(known["context"], shield)
    return known
