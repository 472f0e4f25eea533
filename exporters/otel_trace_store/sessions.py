"""Sessions: traces that share a session or conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_trace_store.schema import NameKind, storable

if TYPE_CHECKING:
    from otel_trace_store.reader import StoreReader


@dataclass(slots=True)
class SessionRow:
    """One session over all its traces."""

    session: str
    service: str
    """Service of its first trace's root."""
    traces: int
    spans: int
    errors: int
    start_us: int
    end_us: int
    calls: int
    nano_usd: int
    unpriced: int


def find_sessions(
    reader: StoreReader, *, text: str = "", since_us: int | None = None, most: int = 100
) -> list[SessionRow]:
    """Return sessions, the most recently seen first."""
    sessions: dict[str, SessionRow] = {}
    for segment in reader:
        rows = segment.connection.execute(
            "SELECT n.text, count(*), sum(t.spans), sum(t.errors), min(t.start_us), "
            "max(t.end_us), min(t.root), sum((SELECT count(*) FROM costs "
            "WHERE trace = t.no AND billed)), sum((SELECT coalesce(sum(nano_usd), 0) FROM costs "
            "WHERE trace = t.no AND billed)), sum((SELECT count(*) FROM costs "
            "WHERE trace = t.no AND billed AND nano_usd IS NULL)) "
            "FROM (SELECT id, text FROM names WHERE kind = ? AND (? = '' OR instr(lower(text), ?)) "
            "ORDER BY id DESC LIMIT ?) n JOIN trace_tags g ON g.tag = n.id "
            "JOIN traces t ON t.no = g.trace WHERE t.end_us >= ? GROUP BY n.id",
            (NameKind.SESSION, text, text.lower(), most * 5, storable(since_us or 0)),
        ).fetchall()
        for session, traces, spans, errors, start, end, root, calls, nano, unpriced in rows:
            known = sessions.get(session)
            if known is None:
                _, service = segment.name_of(abs(root) if root else None)
                sessions[session] = SessionRow(
                    session,
                    service,
                    traces,
                    spans,
                    errors,
                    start,
                    end,
                    calls,
                    nano,
                    unpriced,
                )
                continue
            known.traces += traces
            known.spans += spans
            known.errors += errors
            known.start_us = min(known.start_us, start)
            known.end_us = max(known.end_us, end)
            known.calls += calls
            known.nano_usd += nano
            known.unpriced += unpriced
    return sorted(sessions.values(), key=lambda row: -row.end_us)[:most]
