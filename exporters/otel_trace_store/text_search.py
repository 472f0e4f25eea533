"""Candidates of a text search: the records that have its words, the newest first.

The index has a row for each record. Postings are read from the end, only as far as needed, so that
the time of a search depends on the distance of its page from the newest record. For frequent words
that rarely occur together only postings are read, not records.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from otel_trace_store.schema import RECORD_BITS, BlockKind
from otel_trace_store.sources import MARK, UNKNOWN
from otel_trace_store.text_rows import TABLES
from otel_trace_store.words import tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otel_trace_store.reader import Segment

_TERMS: Final = {BlockKind.SPANS: "span_terms", BlockKind.LOGS: "log_terms"}
_MOST_ENDINGS: Final = 64
"""Maximum words with one prefix; SQLite merges the postings of all of them."""
_MOST_SOURCES: Final = 32
_IN_BLOCK: Final = (1 << RECORD_BITS) - 1

Candidates = tuple[int, "list[int] | None"]
"""A block, and the positions of records in it, ascending; None for all of them."""


def candidates(
    segment: Segment,
    kind: BlockKind,
    parts: Sequence[str],
    whole: Sequence[str] = (),
    blocks: Sequence[int] | None = None,
) -> Iterator[Candidates]:
    """Yield the places of records that may have all *parts*, the newest block first.

    The last word of each of *parts* is a prefix, so that `check` finds `checkout`; *whole* must
    match exactly. *blocks* restricts the search, newest first; None searches all. A record that is
    not yielded does not match; a yielded one may lack a phrase.
    """
    expression = match_expression(segment, kind, parts, whole)
    if expression is None:
        yield from ((number, None) for number in _all_blocks(segment, kind, blocks))
        return
    query = f"SELECT rowid FROM {TABLES[kind]} WHERE {TABLES[kind]} MATCH ?"
    if blocks is None:
        rows = segment.connection.execute(f"{query} ORDER BY rowid DESC", (expression,))
        yield from _by_block(rows)
        return
    for number in blocks:
        first = number << RECORD_BITS
        rows = segment.connection.execute(
            f"{query} AND rowid >= ? AND rowid <= ? ORDER BY rowid DESC",
            (expression, first, first | _IN_BLOCK),
        )
        yield from _by_block(rows)


def match_expression(
    segment: Segment, kind: BlockKind, parts: Sequence[str], whole: Sequence[str] = ()
) -> str | None:
    """Return the FTS5 expression for records that may have all parts; None for all records.

    A part may also be in the source of a record.
    """
    if not segment.has_record_index:
        return None
    expressions: list[str] = []
    texts = [*parts, *whole]
    for number, (part, tokens) in enumerate(zip(texts, tokens_of(texts), strict=True)):
        words = _words(segment, kind, tokens, as_prefix=number < len(parts))
        if words is None:
            continue
        sources = [
            source
            for (source,) in segment.connection.execute(
                "SELECT id FROM sources WHERE instr(text, ?) LIMIT ?", (part, _MOST_SOURCES + 1)
            )
        ]
        if len(sources) > _MOST_SOURCES:
            continue
        ways = [f"({words})"] if words else []
        ways += [f'"{MARK}{source}"' for source in (UNKNOWN, *sources)]
        expressions.append(f"({' OR '.join(ways)})")
    return " AND ".join(expressions) if expressions else None


def _words(
    segment: Segment, kind: BlockKind, tokens: Sequence[str], *, as_prefix: bool
) -> str | None:
    """Return the expression for records that have *tokens* themselves; None if not indexed.

    Empty if no record has them.
    """
    if not tokens:
        return None
    terms = [f'"{token}"' for token in tokens[:-1]]
    endings = _endings(segment, kind, tokens[-1]) if as_prefix else tokens[-1:]
    if not endings:
        return ""
    if len(endings) <= _MOST_ENDINGS:
        terms.append("(" + " OR ".join(f'"{ending}"' for ending in endings) + ")")
    return " AND ".join(terms) or None


def _endings(segment: Segment, kind: BlockKind, start: str) -> list[str]:
    """Return the indexed words with the prefix *start*, at most one more than the limit.

    FTS5 has prefix queries, but they read every posting of every such word before the first result.
    """
    expressions: list[str] = []
    at = start
    while len(expressions) <= _MOST_ENDINGS:
        row = segment.connection.execute(
            f"SELECT term FROM {_TERMS[kind]} WHERE term >= ? LIMIT 1", (at,)
        ).fetchone()
        if row is None or not row[0].startswith(start):
            break
        expressions.append(row[0])
        at = row[0] + "\x01"  # skips to the next word: no word has this character
    return expressions


def _all_blocks(segment: Segment, kind: BlockKind, blocks: Sequence[int] | None) -> Iterator[int]:
    if blocks is not None:
        yield from blocks
        return
    rows: Iterable[tuple[int]] = segment.connection.execute(
        "SELECT no FROM blocks WHERE kind = ? ORDER BY no DESC", (kind,)
    )
    yield from (number for (number,) in rows)


def _by_block(rows: Iterable[Any]) -> Iterator[Candidates]:
    for number, group in groupby((row[0] for row in rows), key=lambda row: row >> RECORD_BITS):
        yield number, sorted(row & _IN_BLOCK for row in group)
