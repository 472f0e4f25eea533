"""Decoding and indexing of a stored block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_trace_store.blocks import unpack
from otel_trace_store.log_index import LogIndex
from otel_trace_store.schema import BlockKind
from otel_trace_store.span_index import SpanIndex

if TYPE_CHECKING:
    from otel_trace_store.names import Names
    from otel_trace_store.sources import Sources


def records_of(kind: BlockKind, data: bytes) -> TracesData | LogsData:
    """Return the records in the *data* of a block."""
    message = TracesData if kind == BlockKind.SPANS else LogsData
    return message.FromString(unpack(data))


def index_of(
    records: TracesData | LogsData, names: Names, sources: Sources
) -> SpanIndex | LogIndex:
    """Return the indexes of a block with these *records*."""
    if isinstance(records, TracesData):
        spans = SpanIndex()
        spans.add_all(records, names, sources)
        return spans
    logs = LogIndex()
    logs.add_all(records, names, sources)
    return logs
