"""Text indexing of stored blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_trace_store.block_index import index_of, records_of
from otel_trace_store.names import Names
from otel_trace_store.schema import BlockKind
from otel_trace_store.sources import Sources
from otel_trace_store.text_rows import insert_rows

if TYPE_CHECKING:
    import sqlite3


def index_texts(connection: sqlite3.Connection) -> None:
    """Add the words of every stored record to the text index."""
    names, sources = Names(connection), Sources(connection)
    for block, number, data in connection.execute("SELECT no, kind, data FROM blocks"):
        kind = BlockKind(number)
        index = index_of(records_of(kind, data), names, sources)
        insert_rows(connection, kind, block, index.rows)
