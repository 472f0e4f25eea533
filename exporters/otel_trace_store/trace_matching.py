"""Traces with a span that has a text or an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_trace_store.blocks import unpack
from otel_trace_store.records import placed_spans
from otel_trace_store.schema import BlockKind, storable
from otel_trace_store.text_search import candidates
from otel_trace_store.values import attributes_of
from otel_trace_store.words import (
    has_all,
    indexed_part,
    is_in_bytes,
    parts_of,
    texts_of_attributes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import Any

    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

    from otel_trace_store.reader import Segment

_FEW_TRACES: Final = 5_000


class SpanText:
    """Condition on one span of a trace: *text* in words and phrases, and `key=value`."""

    def __init__(self, text: str, attribute: str) -> None:
        self.parts = parts_of(text)
        self.key, _, self.value = attribute.partition("=")
        self.whole = indexed_part(self.value)
        self._in_bytes = [part.encode() for part in self.parts if is_in_bytes(part)]

    def is_in(self, span: Span, scope: ScopeSpans, group: ResourceSpans) -> bool:
        """Return whether *span* meets the condition."""
        if self._in_bytes and not self._may_be_in(span, scope, group):
            return False
        attributes = attributes_of(span.attributes)
        resource = attributes_of(group.resource.attributes)
        if self.key:
            values = attributes.get(self.key, resource.get(self.key))
            if values is None or (self.value and _plain(values) != self.value):
                return False
        return not self.parts or has_all(
            self.parts, _texts(span, scope.scope.name, attributes, resource)
        )

    def _may_be_in(self, span: Span, scope: ScopeSpans, group: ResourceSpans) -> bool:
        """Return False if bytes are missing; takes a thirtieth of the time of reading the span."""
        raw = span.SerializeToString().lower()
        missing = [part for part in self._in_bytes if part not in raw]
        if not missing:
            return True
        around = group.resource.SerializeToString().lower() + scope.scope.name.lower().encode()
        return all(part in around for part in missing)


def matching_traces(
    segment: Segment,
    span_text: SpanText,
    blocks: Sequence[int] | None,
    since_us: int | None,
    passing: Callable[[Sequence[bytes]], Collection[bytes]],
) -> Iterator[list[bytes]]:
    """Yield the traces found in each block, the newest block first.

    *passing* returns the given traces that pass the other filters. *blocks* restricts the search,
    newest first; None searches all. Raises sqlite3.OperationalError after the deadline.
    """
    settled: set[bytes] = set()
    for number, positions in candidates(
        segment, BlockKind.SPANS, span_text.parts, span_text.whole, blocks
    ):
        segment.deadline.check()
        row = segment.connection.execute(
            "SELECT data FROM blocks WHERE no = ? AND kind = ? AND last_us >= ?",
            (number, BlockKind.SPANS, storable(since_us or 0)),
        ).fetchone()
        if row is None:
            continue
        raw = unpack(row[0])
        if span_text.key and span_text.key.encode() not in raw:
            continue
        trace_ids: list[bytes] = []
        spans: dict[bytes, list[tuple[Span, ScopeSpans, ResourceSpans]]] = {}
        for placed in placed_spans(TracesData.FromString(raw), positions):
            trace_id = placed[0].trace_id
            if trace_id not in settled:
                spans.setdefault(trace_id, []).append(placed)
        passed = passing(list(spans)) if spans else ()
        for trace_id, several in spans.items():
            if trace_id not in passed:
                settled.add(trace_id)
            elif any(span_text.is_in(*placed) for placed in several):
                settled.add(trace_id)
                trace_ids.append(trace_id)
        if trace_ids:
            yield trace_ids


def blocks_with_tags(segment: Segment, tags: Sequence[Sequence[int]]) -> list[int] | None:
    """Return the blocks of traces with at least one of each set of *tags*, newest first.

    None if each of them is on too many traces to narrow the search.
    """
    found: set[int] | None = None
    for ids in tags:
        marks = ",".join("?" * len(ids))
        traces = f"SELECT DISTINCT trace FROM trace_tags WHERE tag IN ({marks})"
        (count,) = segment.connection.execute(
            f"SELECT count(*) FROM ({traces} LIMIT ?)", (*ids, _FEW_TRACES + 1)
        ).fetchone()
        if count > _FEW_TRACES:
            continue
        rows = segment.connection.execute(
            f"SELECT DISTINCT block FROM trace_blocks WHERE trace IN ({traces})", ids
        )
        blocks = {block for (block,) in rows}
        found = blocks if found is None else found & blocks
    return None if found is None else sorted(found, reverse=True)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(
    span: Span, scope: str, attributes: dict[str, Any], resource: dict[str, Any]
) -> Iterator[str]:
    yield span.name
    yield str(resource.get("service.name", ""))
    yield scope
    yield span.status.message
    yield from texts_of_attributes(attributes)
    yield from texts_of_attributes(resource)
    for event in span.events:
        yield event.name
        yield from texts_of_attributes(attributes_of(event.attributes))
    for link in span.links:
        yield from texts_of_attributes(attributes_of(link.attributes))
