"""Erasure of a person from a trace store: every trace and log record that names them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_trace_store.block_index import index_of, records_of
from otel_trace_store.blocks import pack, unpack
from otel_trace_store.errors import TraceStoreError
from otel_trace_store.names import Names
from otel_trace_store.reader import Deadline, Segment
from otel_trace_store.schema import BlockKind, NameKind
from otel_trace_store.segments import open_writable, segment_files
from otel_trace_store.sources import Sources
from otel_trace_store.text_rows import delete_rows, insert_rows
from otel_trace_store.text_search import candidates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def forget_person(folder: Path, shown: str) -> int:
    """Delete the traces and log records in *folder* that name a person; return the record count.

    *shown* is the text that identifies the person in attributes. A running `serve` may write
    meanwhile. Raises TraceStoreError if a file cannot be changed.
    """
    removed = 0
    for path in segment_files(folder):
        try:
            connection = open_writable(path)
            try:
                removed += _forget_in(connection, shown)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise TraceStoreError(f"cannot change {path}: {error}") from error
    return removed


def _forget_in(connection: sqlite3.Connection, shown: str) -> int:
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        traces, blocks = _that_name(connection, shown)
        removed = 0
        names, sources = Names(connection), Sources(connection)
        for block in sorted(blocks):
            removed += _rewrite(connection, block, traces, shown, names, sources)
        sessions = _sessions_of(connection, traces)
        for table in ("trace_blocks", "trace_tags", "costs"):
            connection.executemany(
                f"DELETE FROM {table} WHERE trace IN (SELECT no FROM traces WHERE trace_id = ?)",
                [(trace,) for trace in traces],
            )
        connection.executemany("DELETE FROM traces WHERE trace_id = ?", [(t,) for t in traces])
        _hide_names(connection, shown, sessions)
        connection.execute("DELETE FROM sources WHERE instr(text, ?)", (shown.lower(),))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    if removed:
        # Until then the write-ahead log still has the old pages.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return removed


def _sessions_of(connection: sqlite3.Connection, traces: set[bytes]) -> set[int]:
    """Return the numbers of the sessions of *traces*."""
    return {
        number
        for trace in traces
        for (number,) in connection.execute(
            "SELECT id FROM traces JOIN trace_tags ON trace = no JOIN names ON id = tag "
            "WHERE trace_id = ? AND kind = ?",
            (trace, NameKind.SESSION),
        )
    }


def _hide_names(connection: sqlite3.Connection, shown: str, sessions: set[int]) -> None:
    """Clear the text of names that contain *shown*, and of *sessions* without other traces.

    The rows stay: a running `serve` may have cached their numbers.
    """
    hide = "UPDATE names SET text = '(forgotten ' || id || ')', more = '' WHERE "
    name = shown.lower()
    connection.execute(
        f"{hide} instr(lower(text), ?) > 0 OR instr(lower(more), ?) > 0", (name, name)
    )
    connection.executemany(
        f"{hide} id = ? AND NOT EXISTS (SELECT 1 FROM trace_tags WHERE tag = names.id)",
        [(number,) for number in sorted(sessions)],
    )


def _that_name(connection: sqlite3.Connection, shown: str) -> tuple[set[bytes], set[int]]:
    """Return the traces that name the person, and the blocks to rewrite."""
    needle = shown.encode()
    traces: set[bytes] = set()
    blocks: set[int] = set()
    for block, kind, data in _blocks_with(connection, shown.lower()):
        raw = unpack(data)
        if needle not in raw:
            continue
        blocks.add(block)
        if kind == BlockKind.SPANS:
            for group in TracesData.FromString(raw).resource_spans:
                all_of_them = _names(group.resource, needle)
                for scope in group.scope_spans:
                    traces.update(
                        span.trace_id for span in scope.spans if all_of_them or _names(span, needle)
                    )
        else:
            for logs in LogsData.FromString(raw).resource_logs:
                all_of_them = _names(logs.resource, needle)
                for log_scope in logs.scope_logs:
                    traces.update(
                        record.trace_id
                        for record in log_scope.log_records
                        if record.trace_id and (all_of_them or _names(record, needle))
                    )
    for trace in traces:
        blocks.update(
            block
            for (block,) in connection.execute(
                "SELECT block FROM trace_blocks JOIN traces ON no = trace WHERE trace_id = ?",
                (trace,),
            )
        )
    return traces, blocks


def _blocks_with(
    connection: sqlite3.Connection, text: str
) -> Iterator[tuple[int, BlockKind, bytes]]:
    segment = Segment("", connection, Deadline())
    for kind in BlockKind:
        for number, _ in candidates(segment, kind, [text]):
            row = connection.execute("SELECT data FROM blocks WHERE no = ?", (number,)).fetchone()
            if row is not None:
                yield number, kind, row[0]


def _names(record: Any, needle: bytes) -> bool:
    return needle in record.SerializeToString()


def _rewrite(
    connection: sqlite3.Connection,
    block: int,
    traces: set[bytes],
    shown: str,
    names: Names,
    sources: Sources,
) -> int:
    """Remove the records that name the person from a block; return their count."""
    number, data = connection.execute(
        "SELECT kind, data FROM blocks WHERE no = ?", (block,)
    ).fetchone()
    kind = BlockKind(number)
    needle = shown.encode()
    records = records_of(kind, data)
    before = index_of(records, names, sources)
    if isinstance(records, TracesData):
        for group in records.resource_spans:
            for scope in group.scope_spans:
                kept = [span for span in scope.spans if span.trace_id not in traces]
                _replace(scope.spans, kept)
    else:
        for logs in records.resource_logs:
            all_of_them = _names(logs.resource, needle)
            for log_scope in logs.scope_logs:
                left = [
                    record
                    for record in log_scope.log_records
                    if record.trace_id not in traces and not (all_of_them or _names(record, needle))
                ]
                _replace(log_scope.log_records, left)
    after = index_of(records, names, sources)
    delete_rows(connection, kind, block, before.rows)
    if after.records:
        connection.execute(
            "UPDATE blocks SET data = ?, records = ? WHERE no = ?",
            (pack(records), after.records, block),
        )
        insert_rows(connection, kind, block, after.rows)
    else:
        connection.execute("DELETE FROM blocks WHERE no = ?", (block,))
        connection.execute("DELETE FROM block_tags WHERE block = ?", (block,))
        connection.execute("DELETE FROM trace_blocks WHERE block = ?", (block,))
    return before.records - after.records


def _replace(field: Any, kept: list[Any]) -> None:
    if len(kept) == len(field):
        return
    copies = [type(one).FromString(one.SerializeToString()) for one in kept]
    del field[:]
    field.extend(copies)
