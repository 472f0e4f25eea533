"""Indexes of a block of log records."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from otel_trace_store.schema import ERROR_TAG, NS_PER_US, NameKind
from otel_trace_store.span_index import LATEST_US, TAGGED
from otel_trace_store.values import collect_texts, collect_value, service_of
from otel_trace_store.words import words_text

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData

    from otel_trace_store.names import Names
    from otel_trace_store.sources import Sources

ERROR_SEVERITY: Final = 17
EVENT_NAME: Final = "event.name"


def log_key(record: LogRecord, resource: bytes) -> int:
    """Return the number that identifies a log record when it is sent again.

    Two records are duplicates if all their fields are equal: times, severity, trace and span, event
    name, body and attributes, and their resource.
    """
    digest = blake2b(record.SerializeToString(deterministic=True), key=resource, digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


def resource_key(serialized: bytes) -> bytes:
    """Return a short key of a serialised resource, for `log_key`."""
    return blake2b(serialized, digest_size=16).digest()


def time_us(record: LogRecord) -> int:
    """Return the time of a record in microseconds since the Unix epoch."""
    nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
    return int(min(nanoseconds // NS_PER_US, LATEST_US))


@dataclass(slots=True)
class LogIndex:
    """The indexes of one block."""

    traces: set[bytes] = field(default_factory=set)
    rows: list[str] = field(default_factory=list)
    """Indexed text of each record, in order."""
    tags: set[int] = field(default_factory=set)
    records: int = 0
    first_us: int = LATEST_US
    last_us: int = 0
    severity: int = 0

    def add_all(self, chunk: LogsData, names: Names, sources: Sources) -> None:
        """Add every record of *chunk*."""
        for group in chunk.resource_logs:
            attributes = group.resource.attributes
            self.tags.add(names.id_of(NameKind.SERVICE, service_of(attributes)))
            around: list[str] = []
            collect_texts(attributes, around)
            for scope in group.scope_logs:
                source = sources.token_of([*around, scope.scope.name])
                for record in scope.log_records:
                    self._add(record, names, source)

    def _add(self, record: LogRecord, names: Names, source: str) -> None:
        at = time_us(record)
        self.records += 1
        self.first_us = min(self.first_us, at)
        self.last_us = max(self.last_us, at)
        self.severity = max(self.severity, record.severity_number)
        if record.trace_id:
            self.traces.add(record.trace_id)
        if record.severity_number >= ERROR_SEVERITY:
            self.tags.add(names.id_of(NameKind.ERROR, ERROR_TAG))
        event = record.event_name
        for pair in record.attributes:
            kind = TAGGED.get(pair.key)
            if kind is not None and pair.value.string_value:
                self.tags.add(names.id_of(kind, pair.value.string_value))
            elif pair.key == EVENT_NAME and not event:
                event = pair.value.string_value
        if event:
            self.tags.add(names.id_of(NameKind.EVENT, event))
        texts = [source, event, record.severity_text]
        collect_value(record.body, texts)
        collect_texts(record.attributes, texts)
        self.rows.append(words_text(texts))
