"""The tables of one segment of the trace store.

Spans and log records are stored as compressed blocks of OTLP, some hundreds of records each. Narrow
indexes point to the blocks: the blocks of a trace, the traces of a service, operation, model or
session, the records that have a word, and sums by hour and operation. Every row of a block and of
its indexes is written in one transaction.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

TOKENIZER: Final = "tokenize = 'unicode61'"
RECORD_BITS: Final = 10
"""Bits of the record's position in the row id of a text index; the higher bits are the block
number.
"""
RECORD_INDEX_VERSION: Final = 2
"""The first schema version whose text index has a row for each record."""
TOKENS_VERSION: Final = 3
"""The first schema version that has the tokens of model calls."""
APPLICATION_ID: Final = 0x4F545331
"""`PRAGMA application_id`: "OTS1"."""
NS_PER_US: Final = 1_000
HOUR_US: Final = 3_600_000_000
LARGEST_INTEGER: Final = 2**63 - 1
"""Largest integer of SQLite; Python's integers are limited to it before a query."""


class BlockKind(IntEnum):
    """Content type of a block."""

    SPANS = 1
    LOGS = 2


class NameKind(IntEnum):
    """Kind of an interned name."""

    SERVICE = 1
    OPERATION = 2
    """Span name, with the service in `more`."""
    MODEL = 3
    SESSION = 4
    ERROR = 5
    """A single name: the tag of traces and log blocks with an error."""
    AGENT = 6
    EVENT = 7
    """Event name of log records."""


ERROR_TAG: Final = "error"

_TABLES: Final = """
CREATE TABLE names (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL,
    more TEXT NOT NULL DEFAULT '', UNIQUE (kind, text, more)
);
CREATE TABLE blocks (
    no INTEGER PRIMARY KEY, kind INTEGER NOT NULL, records INTEGER NOT NULL,
    first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, severity INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE traces (
    no INTEGER PRIMARY KEY, trace_id BLOB NOT NULL UNIQUE,
    start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
    root INTEGER, spans INTEGER NOT NULL, errors INTEGER NOT NULL
);
CREATE INDEX traces_by_start ON traces (start_us);
CREATE TABLE trace_blocks (
    trace INTEGER NOT NULL, block INTEGER NOT NULL, span_ids BLOB NOT NULL,
    PRIMARY KEY (trace, block)
) WITHOUT ROWID;
CREATE TABLE trace_tags (
    tag INTEGER NOT NULL, trace INTEGER NOT NULL, PRIMARY KEY (tag, trace)
) WITHOUT ROWID;
CREATE TABLE block_tags (
    tag INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (tag, block)
) WITHOUT ROWID;
CREATE TABLE costs (
    trace INTEGER NOT NULL, span_id BLOB NOT NULL, nano_usd INTEGER, billed INTEGER NOT NULL,
    PRIMARY KEY (trace, span_id)
) WITHOUT ROWID;
CREATE TABLE operation_hours (
    hour INTEGER NOT NULL, operation INTEGER NOT NULL, bucket INTEGER NOT NULL,
    spans INTEGER NOT NULL, errors INTEGER NOT NULL, total_us INTEGER NOT NULL,
    PRIMARY KEY (hour, operation, bucket)
) WITHOUT ROWID;
CREATE TABLE log_keys (key INTEGER PRIMARY KEY);
CREATE TABLE series (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, name TEXT NOT NULL, unit TEXT NOT NULL,
    description TEXT NOT NULL, kind TEXT NOT NULL, temporality INTEGER NOT NULL,
    monotonic INTEGER NOT NULL, service TEXT NOT NULL, scope TEXT NOT NULL,
    attributes TEXT NOT NULL
);
CREATE INDEX series_by_name ON series (name);
CREATE TABLE points (
    series INTEGER NOT NULL, time_us INTEGER NOT NULL, value, more TEXT,
    PRIMARY KEY (series, time_us)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (text, content='', detail=none);
"""


def storable(value: int) -> int:
    """Return *value*, or the nearest integer of SQLite, for bounds of queries."""
    return max(-LARGEST_INTEGER, min(value, LARGEST_INTEGER))


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables of version 1."""
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            connection.execute(statement)


_RECORD_INDEX: Final = f"""
DROP TABLE words;
CREATE TABLE sources (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE span_words USING fts5 (
    text, content='', detail=none, columnsize=0, {TOKENIZER}
);
CREATE VIRTUAL TABLE log_words USING fts5 (
    text, content='', detail=none, columnsize=0, {TOKENIZER}
);
CREATE VIRTUAL TABLE span_terms USING fts5vocab (span_words, instance);
CREATE VIRTUAL TABLE log_terms USING fts5vocab (log_words, instance);
"""


def create_record_index(connection: sqlite3.Connection) -> None:
    """Index words by record instead of by block; stored records are indexed again."""
    from otel_trace_store.reindexing import index_texts

    for statement in _RECORD_INDEX.split(";\n"):
        if statement.strip():
            connection.execute(statement)
    index_texts(connection)


def add_tokens(connection: sqlite3.Connection) -> None:
    """Add columns for the tokens of model calls; those of stored calls stay unknown."""
    connection.execute("ALTER TABLE costs ADD COLUMN tokens INTEGER")


MIGRATIONS: Final = (create_tables, create_record_index, add_tokens)
"""The migration at position n leads from version n to version n + 1."""

SCHEMA_VERSION: Final = len(MIGRATIONS)
"""Stored in `PRAGMA user_version`."""
