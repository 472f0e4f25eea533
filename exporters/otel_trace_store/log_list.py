"""Search for log records by time, service, severity, event, trace and text."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from otel_trace_store.blocks import unpack
from otel_trace_store.records import StoredLog, logs_in
from otel_trace_store.schema import BlockKind, NameKind, storable
from otel_trace_store.text_search import candidates
from otel_trace_store.words import (
    has_all,
    indexed_part,
    parts_of,
    texts_in,
    texts_of_attributes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_trace_store.reader import Segment, StoreReader


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Filters of a search; None, 0 and empty match everything."""

    service: str = ""
    event: str = ""
    session: str = ""
    least_severity: int = 0
    since_us: int | None = None
    until_us: int | None = None
    trace_id: str = ""
    text: str = ""
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class LogList:
    """Log records found, the newest first."""

    rows: list[StoredLog]
    complete: bool
    """False if the deadline passed before the search was complete."""


def find_logs(reader: StoreReader, wanted: LogFilter, *, limit: int = 100) -> LogList:
    """Return up to *limit* log records that match *wanted*; never raises for a slow query."""
    found: list[StoredLog] = []
    complete = True
    try:
        for segment in reader:
            for records in _blocks(segment, wanted):
                found += [record for record in records if _matches(record, wanted)]
                if len(found) >= limit:
                    break
            if len(found) >= limit:
                break
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        complete = False
    found.sort(key=lambda record: -record.time_ns)
    return LogList(found[:limit], complete)


def _blocks(segment: Segment, log_filter: LogFilter) -> Iterator[Iterator[StoredLog]]:
    conditions: list[str] = []
    values: list[Any] = []
    for kind, text in (
        (NameKind.SERVICE, log_filter.service),
        (NameKind.EVENT, log_filter.event),
        (NameKind.SESSION, log_filter.session),
    ):
        if text:
            ids = segment.ids_of(kind, text)
            if not ids:
                return
            marks = ",".join("?" * len(ids))
            conditions.append(
                f"EXISTS (SELECT 1 FROM block_tags WHERE tag IN ({marks}) AND block = no)"
            )
            values += ids
    for clause, bound in (
        ("severity >= ?", log_filter.least_severity or None),
        ("last_us >= ?", log_filter.since_us),
        ("first_us < ?", log_filter.until_us),
    ):
        if bound is not None:
            conditions.append(clause)
            values.append(storable(bound))
    query = " AND ".join(["SELECT data FROM blocks WHERE no = ? AND kind = ?", *conditions])
    blocks = _blocks_of_trace(segment, log_filter.trace_id) if log_filter.trace_id else None
    _, _, value = log_filter.attribute.partition("=")
    for number, positions in candidates(
        segment, BlockKind.LOGS, parts_of(log_filter.text), indexed_part(value), blocks
    ):
        segment.deadline.check()
        row = segment.connection.execute(query, (number, BlockKind.LOGS, *values)).fetchone()
        if row is not None:
            yield logs_in(LogsData.FromString(unpack(row[0])), positions)


def _blocks_of_trace(segment: Segment, trace_id: str) -> list[int]:
    rows = segment.connection.execute(
        "SELECT block FROM traces t JOIN trace_blocks ON trace = t.no WHERE t.trace_id = ? "
        "ORDER BY block DESC",
        (bytes.fromhex(trace_id),),
    )
    return [block for (block,) in rows]


def _matches(record: StoredLog, log_filter: LogFilter) -> bool:
    if log_filter.service and record.service != log_filter.service:
        return False
    if log_filter.event and record.event_name != log_filter.event:
        return False
    if log_filter.session and log_filter.session not in {
        record.attributes.get("session.id"),
        record.attributes.get("gen_ai.conversation.id"),
    }:
        return False
    if record.severity < log_filter.least_severity:
        return False
    at = record.time_ns // 1000
    if log_filter.since_us is not None and at < log_filter.since_us:
        return False
    if log_filter.until_us is not None and at >= log_filter.until_us:
        return False
    if log_filter.trace_id and record.trace_id != log_filter.trace_id:
        return False
    key, _, value = log_filter.attribute.partition("=")
    if key:
        values = record.attributes.get(key, record.resource.get(key))
        if values is None or (value and str(values) != value):
            return False
    parts = parts_of(log_filter.text)
    return not parts or has_all(parts, _texts(record))


def _texts(record: StoredLog) -> Iterator[str]:
    yield record.service
    yield record.event_name
    yield record.severity_text
    yield record.scope
    yield record.trace_id
    yield from texts_in(record.body)
    yield from texts_of_attributes(record.attributes)
    yield from texts_of_attributes(record.resource)
