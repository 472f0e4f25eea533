"""Finding traces: by time, service, operation, model, session, error, duration, cost and text."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_trace_store.blocks import unpack
from otel_trace_store.records import StoredSpan, spans_in
from otel_trace_store.schema import ERROR_TAG, BlockKind, NameKind
from otel_trace_store.words import (
    has_all,
    indexed_part,
    is_in_bytes,
    match_expression,
    parts_of,
    texts_of_attributes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_trace_store.reader import Segment, StoreReader

Sort = Literal["newest", "slowest", "dearest", "largest"]
SORTS: Final[tuple[Sort, ...]] = ("newest", "slowest", "dearest", "largest")
_ORDER: Final = {
    "newest": "t.no DESC",
    "slowest": "t.end_us - t.start_us DESC, t.no DESC",
    "dearest": "nano DESC, t.no DESC",
    "largest": "t.spans DESC, t.no DESC",
}
_MOST_MATCHES: Final = 400
_COST: Final = (
    "(SELECT sum(nano_usd) FROM costs WHERE trace = t.no AND billed) AS nano, "
    "(SELECT count(*) FROM costs WHERE trace = t.no AND billed AND nano_usd IS NULL) AS unpriced, "
    "(SELECT count(*) FROM costs WHERE trace = t.no AND billed) AS calls"
)


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """What is looked for; None and empty ask for nothing."""

    service: str = ""
    operation: str = ""
    model: str = ""
    session: str = ""
    agent: str = ""
    failed: bool = False
    least_us: int | None = None
    most_us: int | None = None
    least_nano_usd: int | None = None
    since_us: int | None = None
    until_us: int | None = None
    text: str = ""
    """Words and "phrases" that one span of the trace has."""
    attribute: str = ""
    """`key=value` of one span."""

    @property
    def tags(self) -> list[tuple[NameKind, str]]:
        """The filters that are tags of a trace."""
        wanted = [
            (NameKind.SERVICE, self.service),
            (NameKind.OPERATION, self.operation),
            (NameKind.MODEL, self.model),
            (NameKind.SESSION, self.session),
            (NameKind.AGENT, self.agent),
            (NameKind.ERROR, ERROR_TAG if self.failed else ""),
        ]
        return [(kind, text) for kind, text in wanted if text]


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One trace of a list."""

    trace_id: str
    name: str
    """Name of the root span, or of the first one while the root is unknown."""
    service: str
    has_root: bool
    start_us: int
    end_us: int
    spans: int
    errors: int
    calls: int
    """Billed model calls."""
    nano_usd: int | None
    """None where no model call is in it."""
    unpriced: int
    place: str
    """Where the list goes on after this one, for `before`."""


@dataclass(frozen=True, slots=True)
class TraceList:
    """Traces found."""

    rows: list[TraceRow]
    complete: bool
    """False where time ran out before everything was looked at."""


def find_traces(
    reader: StoreReader,
    wanted: TraceFilter,
    *,
    sort: Sort = "newest",
    limit: int = 50,
    before: str = "",
) -> TraceList:
    """Return up to *limit* traces that match *wanted*; never raises for a slow query."""
    rows: dict[str, TraceRow] = {}
    complete = True
    after_segment, _, number = before.rpartition(":")
    try:
        for segment in reader:
            if after_segment and segment.name > after_segment:
                continue
            below = int(number) if number.isdigit() and segment.name == after_segment else None
            for row in _in_segment(segment, wanted, sort, limit, below):
                rows.setdefault(row.trace_id, row)
            if sort == "newest" and len(rows) >= limit:
                break
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        complete = False
    found = list(rows.values())
    if sort == "slowest":
        found.sort(key=lambda row: row.start_us - row.end_us)
    elif sort == "dearest":
        found.sort(key=lambda row: -(row.nano_usd or 0))
    elif sort == "largest":
        found.sort(key=lambda row: -row.spans)
    return TraceList(found[:limit], complete)


def _in_segment(
    segment: Segment, wanted: TraceFilter, sort: Sort, limit: int, below: int | None
) -> Iterator[TraceRow]:
    tables, conditions, values = _conditions(segment, wanted)
    if tables is None:
        return
    if below is not None:
        conditions.append("t.no < ?")
        values.append(below)
    if wanted.text or wanted.attribute:
        yield from _matching(segment, wanted, tables, conditions, values, limit, sort)
        return
    yield from _rows(segment, tables, conditions, values, sort, limit)


def _conditions(segment: Segment, wanted: TraceFilter) -> tuple[str | None, list[str], list[Any]]:
    """Return tables, conditions and values; no tables where nothing of the segment can match."""
    joins: list[tuple[int, str, list[int]]] = []
    for kind, text in wanted.tags:
        ids = segment.ids_of(kind, text)
        if not ids:
            return None, [], []
        joins.append((len(joins), text, ids))
    conditions = ["t.spans > 0"]
    values: list[Any] = []
    tables = "traces t"
    for number, _, ids in joins:
        if number == 0 and len(ids) == 1:
            # Its key is in the order of traces, so the newest come first without sorting.
            tables = "trace_tags g0 CROSS JOIN traces t ON t.no = g0.trace"
            conditions.append("g0.tag = ?")
            values.append(ids[0])
        else:
            marks = ",".join("?" * len(ids))
            conditions.append(
                f"EXISTS (SELECT 1 FROM trace_tags WHERE tag IN ({marks}) AND trace = t.no)"
            )
            values += ids
    for clause, value in (
        ("t.end_us - t.start_us >= ?", wanted.least_us),
        ("t.end_us - t.start_us <= ?", wanted.most_us),
        ("t.start_us >= ?", wanted.since_us),
        ("t.start_us < ?", wanted.until_us),
        (
            "(SELECT sum(nano_usd) FROM costs WHERE trace = t.no AND billed) >= ?",
            wanted.least_nano_usd,
        ),
    ):
        if value is not None:
            conditions.append(clause)
            values.append(value)
    return tables, conditions, values


def _rows(
    segment: Segment,
    tables: str,
    conditions: list[str],
    values: list[Any],
    sort: Sort,
    limit: int,
) -> Iterator[TraceRow]:
    order = _ORDER[sort]
    if sort == "newest" and tables.startswith("trace_tags"):
        order = "g0.trace DESC"
    query = (
        f"SELECT t.no, t.trace_id, t.root, t.start_us, t.end_us, t.spans, t.errors, {_COST} "
        f"FROM {tables} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?"
    )
    for row in segment.connection.execute(query, [*values, limit]).fetchall():
        number, trace_id, root, start, end, spans, errors, nano, unpriced, calls = row
        name, service = segment.name_of(abs(root) if root else None)
        yield TraceRow(
            trace_id.hex(),
            name,
            service,
            bool(root and root > 0),
            start,
            end,
            spans,
            errors,
            calls,
            nano,
            unpriced,
            f"{segment.name}:{number}",
        )


def _matching(
    segment: Segment,
    wanted: TraceFilter,
    tables: str,
    conditions: list[str],
    values: list[Any],
    limit: int,
    sort: Sort,
) -> Iterator[TraceRow]:
    """Yield traces with a span that has the text and the attribute looked for."""
    enough = limit if sort == "newest" else _MOST_MATCHES
    seen: set[bytes] = set()
    matched = 0
    for trace_ids in _blocks_with_matches(segment, wanted):
        fresh = [trace_id for trace_id in trace_ids if trace_id not in seen]
        seen.update(fresh)
        for start in range(0, len(fresh), 400):
            part = fresh[start : start + 400]
            marks = ",".join("?" * len(part))
            for row in _rows(
                segment,
                tables,
                [*conditions, f"t.trace_id IN ({marks})"],
                [*values, *part],
                "newest",
                limit,
            ):
                matched += 1
                yield row
        if matched >= enough:
            return


def _blocks_with_matches(segment: Segment, wanted: TraceFilter) -> Iterator[list[bytes]]:
    parts = parts_of(wanted.text)
    key, _, value = wanted.attribute.partition("=")
    expression = match_expression([*parts, *indexed_part(value)])
    for data in blocks_with(segment, BlockKind.SPANS, expression, wanted.since_us):
        raw = unpack(data)
        if key and key.encode() not in raw:
            continue
        found = [
            bytes.fromhex(span.trace_id)
            for span in spans_in(_likely(TracesData.FromString(raw), parts))
            if _matches(span, parts, key, value)
        ]
        if found:
            yield found[::-1]


def _likely(chunk: TracesData, parts: list[str]) -> TracesData:
    """Take spans out of *chunk* that cannot have all *parts*, by their bytes.

    That takes a microsecond a span, a thirtieth of reading it.
    """
    wanted = [part.encode() for part in parts if is_in_bytes(part)]
    if not wanted:
        return chunk
    for group in chunk.resource_spans:
        around = group.resource.SerializeToString().lower()
        for scope in group.scope_spans:
            outside = around + scope.scope.name.lower().encode()
            missing = [part for part in wanted if part not in outside]
            spans = scope.spans
            kept = [
                span
                for span in spans
                if not missing or _has(span.SerializeToString().lower(), missing)
            ]
            if len(kept) < len(spans):
                copies = [type(span).FromString(span.SerializeToString()) for span in kept]
                del spans[:]
                spans.extend(copies)
    return chunk


def _has(raw: bytes, parts: list[bytes]) -> bool:
    return all(part in raw for part in parts)


def blocks_with(
    segment: Segment, kind: BlockKind, expression: str | None, since_us: int | None
) -> Iterator[bytes]:
    """Yield the blocks of a kind that may match an FTS5 *expression*, the newest first."""
    if expression is None:
        query = "SELECT data FROM blocks WHERE kind = ? AND last_us >= ? ORDER BY no DESC"
        values: tuple[Any, ...] = (kind, since_us or 0)
    else:
        query = (
            "SELECT data FROM words CROSS JOIN blocks ON blocks.no = words.rowid "
            "WHERE words MATCH ? AND kind = ? AND last_us >= ? ORDER BY words.rowid DESC"
        )
        values = (expression, kind, since_us or 0)
    for (data,) in segment.connection.execute(query, values):
        yield data


def _matches(span: StoredSpan, parts: list[str], key: str, value: str) -> bool:
    if key:
        held = span.attributes.get(key, span.resource.get(key))
        if held is None or (value and _plain(held) != value):
            return False
    return not parts or has_all(parts, _texts(span))


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(span: StoredSpan) -> Iterator[str]:
    yield span.name
    yield span.service
    yield span.scope
    yield span.status_message
    yield span.trace_id
    yield from texts_of_attributes(span.attributes)
    yield from texts_of_attributes(span.resource)
    for event in span.events:
        yield event.name
        yield from texts_of_attributes(event.attributes)
    for link in span.links:
        yield from texts_of_attributes(link.attributes)
