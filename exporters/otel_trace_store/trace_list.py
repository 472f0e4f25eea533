"""Search for traces by time, service, operation, model, session, error, duration, cost and text."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeGuard, get_args

from otel_trace_store.schema import storable
from otel_trace_store.trace_filter import MOST_DIGITS, TRACE_ID, TraceFilter, conditions_of
from otel_trace_store.trace_matching import SpanText, blocks_with_tags, matching_traces

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

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
_AT_ONCE: Final = 400
_COST: Final = (
    "(SELECT sum(nano_usd) FROM costs WHERE trace = t.no AND billed) AS nano, "
    "(SELECT count(*) FROM costs WHERE trace = t.no AND billed AND nano_usd IS NULL) AS unpriced, "
    "(SELECT count(*) FROM costs WHERE trace = t.no AND billed) AS calls"
)
_TOKENS: Final = "(SELECT sum(tokens) FROM costs WHERE trace = t.no AND billed)"


def is_sort(text: str) -> TypeGuard[Sort]:
    """Return whether *text* is a sort order of traces."""
    return text in get_args(Sort)


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
    """None without a model call."""
    unpriced: int
    tokens: int | None
    """Input and output tokens of the billed calls together; None if all are unknown."""
    place: str
    """Cursor of the next page, for `before`."""


@dataclass(frozen=True, slots=True)
class TraceList:
    """Traces found."""

    rows: list[TraceRow]
    complete: bool
    """False if the deadline passed before the search was complete."""


def find_traces(
    reader: StoreReader,
    wanted: TraceFilter,
    *,
    sort: Sort = "newest",
    limit: int = 50,
    before: str = "",
) -> TraceList:
    """Return up to `wanted.limit` rows of traces that match; never raises for a slow query."""
    rows: dict[str, TraceRow] = {}
    complete = True
    if TRACE_ID.fullmatch(wanted.text.strip()):
        wanted = replace(wanted, text="", trace_id=wanted.text.strip())
    after_segment, _, number = before.rpartition(":")
    try:
        for segment in reader:
            segment.deadline.check()
            if after_segment and segment.name > after_segment:
                continue
            below = _place(number) if segment.name == after_segment else None
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


def _place(number: str) -> int | None:
    if not (number.isascii() and number.isdigit()):
        return None
    return storable(int(number[:MOST_DIGITS]))


def _in_segment(
    segment: Segment, trace_filter: TraceFilter, sort: Sort, limit: int, below: int | None
) -> Iterator[TraceRow]:
    by_text = bool(trace_filter.text or trace_filter.attribute)
    tables, conditions, values = conditions_of(segment, trace_filter, by_tag=not by_text)
    if tables is None:
        return
    if below is not None:
        conditions.append("t.no < ?")
        values.append(below)
    if by_text:
        yield from _matching(segment, trace_filter, tables, conditions, values, sort, limit)
        return
    yield from _rows(segment, tables, conditions, values, sort, limit)


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
        f"SELECT t.no, t.trace_id, t.root, t.start_us, t.end_us, t.spans, t.errors, {_COST}, "
        f"{_TOKENS if segment.has_tokens else 'NULL'} FROM {tables} "
        f"WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?"
    )
    for row in segment.connection.execute(query, [*values, limit]).fetchall():
        number, trace_id, root, start, end, spans, errors, nano, unpriced, calls, tokens = row
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
            tokens,
            f"{segment.name}:{number}",
        )


def _matching(
    segment: Segment,
    trace_filter: TraceFilter,
    tables: str,
    conditions: list[str],
    values: list[Any],
    sort: Sort,
    limit: int,
) -> Iterator[TraceRow]:
    """Yield traces with a span that has the wanted text and attribute."""
    rows: dict[bytes, TraceRow] = {}

    def passing(trace_ids: Sequence[bytes]) -> Collection[bytes]:
        rows.clear()
        for start in range(0, len(trace_ids), _AT_ONCE):
            part = trace_ids[start : start + _AT_ONCE]
            by_id = f"t.trace_id IN ({','.join('?' * len(part))})"
            for row in _rows(
                segment, tables, [*conditions, by_id], [*values, *part], "newest", len(part)
            ):
                rows[bytes.fromhex(row.trace_id)] = row
        return rows.keys()

    tags = [segment.ids_of(kind, text) for kind, text in trace_filter.tags]
    blocks = blocks_with_tags(segment, tags) if tags else None
    text = SpanText(trace_filter.text, trace_filter.attribute)
    left = limit if sort == "newest" else _MOST_MATCHES
    for found in matching_traces(segment, text, blocks, trace_filter.since_us, passing):
        matches = sorted((rows[trace_id] for trace_id in found), key=_number, reverse=True)
        yield from matches
        left -= len(matches)
        if left <= 0:
            return


def _number(row: TraceRow) -> int:
    return int(row.place.rpartition(":")[2])
