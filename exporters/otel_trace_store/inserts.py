"""Inserts into a segment: blocks with their indexes, hourly sums, metric points and costs.

Each function runs in its caller's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_trace_store.metric_points import points_of
from otel_trace_store.schema import BlockKind
from otel_trace_store.text_rows import insert_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics

    from otel_trace_store.arrivals import SpanCost
    from otel_trace_store.log_index import LogIndex
    from otel_trace_store.span_index import SpanIndex


def insert_spans(connection: sqlite3.Connection, index: SpanIndex, data: bytes) -> None:
    """Store a block of spans as *data*, its traces and their tags."""
    block = _insert_block(connection, BlockKind.SPANS, index, 0, data)
    insert_rows(connection, BlockKind.SPANS, block, index.rows)
    connection.executemany(
        "INSERT INTO traces (trace_id, start_us, end_us, root, spans, errors) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE SET "
        "root = CASE WHEN excluded.root > 0 THEN excluded.root "
        "WHEN root IS NULL OR (root < 0 AND excluded.start_us < start_us) THEN excluded.root "
        "ELSE root END, "
        "start_us = CASE WHEN spans = 0 THEN excluded.start_us "
        "ELSE min(start_us, excluded.start_us) END, "
        "end_us = max(end_us, excluded.end_us), "
        "spans = spans + excluded.spans, errors = errors + excluded.errors",
        [
            (trace_id, one.start_us, one.end_us, one.root, len(one.span_ids), one.errors)
            for trace_id, one in index.traces.items()
        ],
    )
    numbers = _trace_numbers(connection, list(index.traces))
    connection.executemany(
        "INSERT INTO trace_blocks (trace, block, span_ids) VALUES (?, ?, ?)",
        [
            (numbers[trace_id], block, b"".join(one.span_ids))
            for trace_id, one in index.traces.items()
        ],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO trace_tags (tag, trace) VALUES (?, ?)",
        [
            (tag, numbers[trace_id])
            for trace_id, one in index.traces.items()
            for tag in sorted(one.tags)
        ],
    )


def insert_logs(connection: sqlite3.Connection, index: LogIndex, data: bytes) -> None:
    """Store a block of log records as *data*, and their traces."""
    block = _insert_block(connection, BlockKind.LOGS, index, index.severity, data)
    insert_rows(connection, BlockKind.LOGS, block, index.rows)
    connection.executemany(
        "INSERT OR IGNORE INTO block_tags (tag, block) VALUES (?, ?)",
        [(tag, block) for tag in sorted(index.tags)],
    )
    if not index.traces:
        return
    # A trace may have only log records, or log records before its first span.
    connection.executemany(
        "INSERT OR IGNORE INTO traces (trace_id, start_us, end_us, root, spans, errors) "
        "VALUES (?, ?, ?, NULL, 0, 0)",
        [(trace_id, index.first_us, index.first_us) for trace_id in index.traces],
    )
    numbers = _trace_numbers(connection, list(index.traces))
    connection.executemany(
        "INSERT OR IGNORE INTO trace_blocks (trace, block, span_ids) VALUES (?, ?, x'')",
        [(number, block) for number in numbers.values()],
    )


def _insert_block(
    connection: sqlite3.Connection,
    kind: BlockKind,
    index: SpanIndex | LogIndex,
    severity: int,
    data: bytes,
) -> int:
    cursor = connection.execute(
        "INSERT INTO blocks (kind, records, first_us, last_us, severity, data) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (kind, index.records, index.first_us, index.last_us, severity, data),
    )
    return int(cursor.lastrowid or 0)


def insert_hours(
    connection: sqlite3.Connection, hours: dict[tuple[int, int, int], list[int]]
) -> None:
    """Update the hourly sums by operation."""
    connection.executemany(
        "INSERT INTO operation_hours (hour, operation, bucket, spans, errors, total_us) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET spans = spans + excluded.spans, "
        "errors = errors + excluded.errors, total_us = total_us + excluded.total_us",
        [(*key, *sums) for key, sums in hours.items()],
    )


def insert_points(connection: sqlite3.Connection, groups: Sequence[ResourceMetrics]) -> int:
    """Store the metric points of *groups* and return the number of new ones."""
    known: dict[bytes, int] = {}
    before = connection.total_changes
    inserted = 0
    for series, point in points_of(groups):
        key = series.key
        number = known.get(key)
        if number is None:
            row = connection.execute("SELECT id FROM series WHERE key = ?", (key,)).fetchone()
            if row is None:
                inserted += 1
                cursor = connection.execute(
                    "INSERT INTO series (key, name, unit, description, kind, temporality, "
                    "monotonic, service, scope, attributes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        key,
                        series.name,
                        series.unit,
                        series.description,
                        series.kind,
                        series.temporality,
                        series.monotonic,
                        series.service,
                        series.scope,
                        series.attributes,
                    ),
                )
                number = int(cursor.lastrowid or 0)
            else:
                number = int(row[0])
            known[key] = number
        connection.execute(
            "INSERT OR IGNORE INTO points (series, time_us, value, more) VALUES (?, ?, ?, ?)",
            (number, point.time_us, point.value, point.more),
        )
    return connection.total_changes - before - inserted


def _trace_numbers(connection: sqlite3.Connection, trace_ids: Sequence[bytes]) -> dict[bytes, int]:
    """Return the numbers of the given traces that are in the segment."""
    numbers: dict[bytes, int] = {}
    for start in range(0, len(trace_ids), 400):
        part = trace_ids[start : start + 400]
        marks = ",".join("?" * len(part))
        numbers.update(
            connection.execute(
                f"SELECT trace_id, no FROM traces WHERE trace_id IN ({marks})",
                part,
            )
        )
    return numbers


def insert_costs(connection: sqlite3.Connection, costs: Sequence[SpanCost]) -> None:
    """Store the costs of model calls, for traces in the segment."""
    # A revised decision may be about a span of an older segment, which is not updated: the ledger
    # is authoritative for costs.
    insert = (
        "INSERT INTO costs (trace, span_id, nano_usd, billed, tokens) "
        "SELECT no, ?, ?, ?, ? FROM traces WHERE trace_id = ? ON CONFLICT DO "
    )
    update = (
        "UPDATE SET nano_usd = excluded.nano_usd, billed = excluded.billed, "
        "tokens = excluded.tokens"
    )
    for revised, action in (
        (False, "NOTHING"),
        (True, update),
    ):
        connection.executemany(
            insert + action,
            [
                (cost.span_id, cost.nano_usd, cost.billed, cost.tokens, cost.trace_id)
                for cost in costs
                if cost.revised is revised
            ],
        )
