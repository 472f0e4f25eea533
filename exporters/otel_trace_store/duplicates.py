"""Detection of duplicates: senders repeat a request after a lost response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from otel_trace_store.log_index import log_key, resource_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_SPAN_ID_BYTES: Final = 8
_AT_ONCE: Final = 400


def new_spans(
    groups: Sequence[ResourceSpans], segments: Sequence[sqlite3.Connection]
) -> Sequence[ResourceSpans]:
    """Return *groups* without duplicates and without spans stored in *segments*."""
    ids_by_trace: dict[bytes, set[bytes]] = {}
    total = 0
    for group in groups:
        for scope in group.scope_spans:
            for span in scope.spans:
                ids = ids_by_trace.get(span.trace_id)
                if ids is None:
                    ids = ids_by_trace[span.trace_id] = set()
                ids.add(span.span_id)
                total += 1
    known = _known_spans(ids_by_trace, segments)
    if not known and total == sum(map(len, ids_by_trace.values())):
        return groups
    resource_spans: list[ResourceSpans] = []
    for group in groups:
        copy = ResourceSpans(schema_url=group.schema_url)
        copy.resource.CopyFrom(group.resource)
        for scope in group.scope_spans:
            fresh = []
            for span in scope.spans:
                key = (span.trace_id, span.span_id)
                if key not in known:
                    known.add(key)
                    fresh.append(span)
            if fresh:
                target = copy.scope_spans.add(schema_url=scope.schema_url)
                target.scope.CopyFrom(scope.scope)
                target.spans.extend(fresh)
        if copy.scope_spans:
            resource_spans.append(copy)
    return resource_spans


def _known_spans(
    ids_by_trace: dict[bytes, set[bytes]], segments: Sequence[sqlite3.Connection]
) -> set[tuple[bytes, bytes]]:
    known: set[tuple[bytes, bytes]] = set()
    trace_ids = list(ids_by_trace)
    for start in range(0, len(trace_ids), _AT_ONCE):
        part = trace_ids[start : start + _AT_ONCE]
        query = (
            "SELECT trace_id, span_ids FROM traces JOIN trace_blocks ON trace = no "
            f"WHERE trace_id IN ({','.join('?' * len(part))})"
        )
        for connection in segments:
            for trace_id, span_ids in connection.execute(query, part):
                ids = ids_by_trace[trace_id]
                for at in range(0, len(span_ids), _SPAN_ID_BYTES):
                    span_id = span_ids[at : at + _SPAN_ID_BYTES]
                    if span_id in ids:
                        known.add((trace_id, span_id))
    return known


def new_log_records(
    groups: Sequence[ResourceLogs],
    connection: sqlite3.Connection,
    older: Sequence[sqlite3.Connection],
) -> Sequence[ResourceLogs]:
    """Return *groups* without stored records; register the new ones in *connection*."""
    resource_logs: list[ResourceLogs] = []
    for group in groups:
        resource = resource_key(group.resource.SerializeToString(deterministic=True))
        copy = ResourceLogs(schema_url=group.schema_url)
        copy.resource.CopyFrom(group.resource)
        for scope in group.scope_logs:
            keys = [log_key(record, resource) for record in scope.log_records]
            known = _known_keys(keys, [connection, *older])
            fresh = []
            for key, record in zip(keys, scope.log_records, strict=True):
                if key not in known:
                    known.add(key)
                    fresh.append((key, record))
            if not fresh:
                continue
            connection.executemany(
                "INSERT OR IGNORE INTO log_keys (key) VALUES (?)", [(key,) for key, _ in fresh]
            )
            target = copy.scope_logs.add(schema_url=scope.schema_url)
            target.scope.CopyFrom(scope.scope)
            target.log_records.extend(record for _, record in fresh)
        if copy.scope_logs:
            resource_logs.append(copy)
    return resource_logs


def _known_keys(keys: Sequence[int], segments: Sequence[sqlite3.Connection]) -> set[int]:
    known: set[int] = set()
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        query = f"SELECT key FROM log_keys WHERE key IN ({','.join('?' * len(part))})"
        for connection in segments:
            known.update(key for (key,) in connection.execute(query, part))
    return known
