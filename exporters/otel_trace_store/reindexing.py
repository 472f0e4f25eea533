"""Writes the text index of blocks that are stored already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_trace_store.blocks import unpack
from otel_trace_store.log_index import LogIndex
from otel_trace_store.names import Names
from otel_trace_store.schema import BlockKind
from otel_trace_store.sources import Sources
from otel_trace_store.span_index import SpanIndex
from otel_trace_store.text_rows import insert_rows

if TYPE_CHECKING:
    import sqlite3


def index_texts(connection: sqlite3.Connection) -> None:
    """Add the words of every stored record to the text index."""
    names, sources = Names(connection), Sources(connection)
    for block, kind, data in connection.execute("SELECT no, kind, data FROM blocks"):
        if kind == BlockKind.SPANS:
            spans = SpanIndex()
            spans.add_all(TracesData.FromString(unpack(data)), names, sources)
            insert_rows(connection, BlockKind.SPANS, block, spans.rows)
        else:
            logs = LogIndex()
            logs.add_all(LogsData.FromString(unpack(data)), names, sources)
            insert_rows(connection, BlockKind.LOGS, block, logs.rows)
