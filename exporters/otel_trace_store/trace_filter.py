"""Filters of a trace search, and their SQL conditions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otel_trace_store.schema import ERROR_TAG, NameKind, storable

if TYPE_CHECKING:
    from otel_trace_store.reader import Segment


MOST_DIGITS: Final = 20


TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Filters of a search; None and empty match everything."""

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
    """Words and "phrases" that one span of the trace has; a trace id alone matches that trace."""
    attribute: str = ""
    """`key=value` of one span."""
    trace_id: str = ""
    """32 hexadecimal digits."""

    @property
    def tags(self) -> list[tuple[NameKind, str]]:
        """The filters by tags of a trace."""
        wanted = [
            (NameKind.SERVICE, self.service),
            (NameKind.OPERATION, self.operation),
            (NameKind.MODEL, self.model),
            (NameKind.SESSION, self.session),
            (NameKind.AGENT, self.agent),
            (NameKind.ERROR, ERROR_TAG if self.failed else ""),
        ]
        return [(kind, text) for kind, text in wanted if text]


def conditions_of(
    segment: Segment, trace_filter: TraceFilter, *, by_tag: bool
) -> tuple[str | None, list[str], list[Any]]:
    """Return tables, conditions and values; no tables if the segment cannot match.

    *by_tag* reads traces in the order of their first tag, the newest first without sorting.
    """
    joins: list[tuple[int, str, list[int]]] = []
    for kind, text in trace_filter.tags:
        ids = segment.ids_of(kind, text)
        if not ids:
            return None, [], []
        joins.append((len(joins), text, ids))
    conditions = ["t.spans > 0"]
    values: list[Any] = []
    tables = "traces t"
    for number, _, ids in joins:
        if by_tag and number == 0 and len(ids) == 1:
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
        ("t.end_us - t.start_us >= ?", trace_filter.least_us),
        ("t.end_us - t.start_us <= ?", trace_filter.most_us),
        ("t.start_us >= ?", trace_filter.since_us),
        ("t.start_us < ?", trace_filter.until_us),
        (
            "(SELECT sum(nano_usd) FROM costs WHERE trace = t.no AND billed) >= ?",
            trace_filter.least_nano_usd,
        ),
        ("t.trace_id = ?", bytes.fromhex(trace_filter.trace_id) if trace_filter.trace_id else None),
    ):
        if value is not None:
            conditions.append(clause)
            values.append(storable(value) if isinstance(value, int) else value)
    return tables, conditions, values
