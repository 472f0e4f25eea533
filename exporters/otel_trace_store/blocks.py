"""Blocks: some hundreds of records as compressed OTLP."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

RECORDS: Final = 512
"""Records of a full block: large enough to compress, small enough to read."""
_LEVEL: Final = 4


def pack(message: TracesData | LogsData) -> bytes:
    """Return *message*, serialised and compressed."""
    return zlib.compress(message.SerializeToString(), _LEVEL)


def unpack(data: bytes) -> bytes:
    """Return the serialised OTLP message in *data*."""
    return zlib.decompress(data)


def span_chunks(groups: Sequence[ResourceSpans]) -> Iterator[TracesData]:
    """Yield the spans of *groups* in messages of at most `RECORDS` spans."""
    chunk, room = TracesData(), RECORDS
    for group in groups:
        for scope in group.scope_spans:
            spans = list(scope.spans)
            while spans:
                if room == 0:
                    yield chunk
                    chunk, room = TracesData(), RECORDS
                part, spans = spans[:room], spans[room:]
                room -= len(part)
                target = chunk.resource_spans.add(schema_url=group.schema_url)
                target.resource.CopyFrom(group.resource)
                copy = target.scope_spans.add(schema_url=scope.schema_url)
                copy.scope.CopyFrom(scope.scope)
                copy.spans.extend(part)
    if room < RECORDS:
        yield chunk


def log_chunks(groups: Sequence[ResourceLogs]) -> Iterator[LogsData]:
    """Yield the log records of *groups* in messages of at most `RECORDS` records."""
    chunk, room = LogsData(), RECORDS
    for group in groups:
        for scope in group.scope_logs:
            records = list(scope.log_records)
            while records:
                if room == 0:
                    yield chunk
                    chunk, room = LogsData(), RECORDS
                part, records = records[:room], records[room:]
                room -= len(part)
                target = chunk.resource_logs.add(schema_url=group.schema_url)
                target.resource.CopyFrom(group.resource)
                copy = target.scope_logs.add(schema_url=scope.schema_url)
                copy.scope.CopyFrom(scope.scope)
                copy.log_records.extend(part)
    if room < RECORDS:
        yield chunk
