"""Rows of the text index: one for each record of a block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_trace_store.schema import RECORD_BITS, BlockKind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

TABLES: Final = {BlockKind.SPANS: "span_words", BlockKind.LOGS: "log_words"}


def insert_rows(
    connection: sqlite3.Connection, kind: BlockKind, block: int, texts: Sequence[str]
) -> None:
    """Index *texts* of the records of *block*, in order."""
    connection.executemany(
        f"INSERT INTO {TABLES[kind]} (rowid, text) VALUES (?, ?)",
        enumerate(texts, block << RECORD_BITS),
    )


def delete_rows(
    connection: sqlite3.Connection, kind: BlockKind, block: int, texts: Sequence[str]
) -> None:
    """Remove the rows that `insert_rows` wrote for the same *texts*."""
    table = TABLES[kind]
    connection.executemany(
        f"INSERT INTO {table} ({table}, rowid, text) VALUES ('delete', ?, ?)",
        enumerate(texts, block << RECORD_BITS),
    )
