"""Indexes of a block of spans, built in one pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otel_trace_store.histogram import bucket_of
from otel_trace_store.schema import ERROR_TAG, HOUR_US, NS_PER_US, NameKind
from otel_trace_store.values import LONGEST_INDEXED, collect_other, collect_texts, service_of
from otel_trace_store.words import words_text

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

    from otel_trace_store.names import Names
    from otel_trace_store.sources import Sources

ERROR_CODE: Final = 2
TAGGED: Final = {
    "gen_ai.request.model": NameKind.MODEL,
    "gen_ai.response.model": NameKind.MODEL,
    "session.id": NameKind.SESSION,
    "gen_ai.conversation.id": NameKind.SESSION,
    "gen_ai.agent.name": NameKind.AGENT,
}
"""Attributes whose values are tags of the trace, for fast filters."""
LATEST_US: Final = 2**62 // NS_PER_US


@dataclass(slots=True)
class TraceSums:
    """Data that one block adds to a trace."""

    start_us: int
    end_us: int
    root: int = 0
    """Number of the root's operation; without a root, negative for that of the first span."""
    root_start_us: int = 0
    errors: int = 0
    span_ids: list[bytes] = field(default_factory=list)
    tags: set[int] = field(default_factory=set)


@dataclass(slots=True)
class SpanIndex:
    """The indexes of one block."""

    traces: dict[bytes, TraceSums] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)
    """Indexed text of each record, in order."""
    hours: dict[tuple[int, int, int], list[int]] = field(default_factory=dict)
    """(hour, operation, bucket) -> spans, errors, microseconds."""
    records: int = 0
    first_us: int = LATEST_US
    last_us: int = 0

    def add_all(self, chunk: TracesData, names: Names, sources: Sources) -> None:
        """Add every span of *chunk*."""
        for group in chunk.resource_spans:
            service = service_of(group.resource.attributes)
            service_id = names.id_of(NameKind.SERVICE, service)
            around: list[str] = []
            collect_texts(group.resource.attributes, around)
            for scope in group.scope_spans:
                source = sources.token_of([*around, scope.scope.name])
                for span in scope.spans:
                    self._add(span, service, service_id, names, source)

    def _add(self, span: Span, service: str, service_id: int, names: Names, source: str) -> None:
        name = span.name
        start_us = min(span.start_time_unix_nano // NS_PER_US, LATEST_US)
        end_us = min(max(start_us, span.end_time_unix_nano // NS_PER_US), LATEST_US)
        operation = names.id_of(NameKind.OPERATION, name, service)
        failed = span.status.code == ERROR_CODE
        sums = self.traces.get(span.trace_id)
        if sums is None:
            sums = self.traces[span.trace_id] = TraceSums(start_us, end_us)
        sums.span_ids.append(span.span_id)
        sums.start_us = min(sums.start_us, start_us)
        sums.end_us = max(sums.end_us, end_us)
        if not span.parent_span_id:
            sums.root = operation
        elif sums.root == 0 or (sums.root < 0 and start_us < sums.root_start_us):
            sums.root, sums.root_start_us = -operation, start_us
        sums.tags.add(service_id)
        sums.tags.add(operation)
        if failed:
            sums.errors += 1
            sums.tags.add(names.id_of(NameKind.ERROR, ERROR_TAG))
        texts = [source, name]
        for pair in span.attributes:
            text = pair.value.string_value
            if not text:
                collect_other(pair.value, texts)
                continue
            texts.append(text[:LONGEST_INDEXED])
            kind = TAGGED.get(pair.key)
            if kind is not None:
                sums.tags.add(names.id_of(kind, text))
        _add_rest(span, texts)
        self.rows.append(words_text(texts))
        key = (start_us // HOUR_US, operation, bucket_of(end_us - start_us))
        hour = self.hours.get(key)
        if hour is None:
            hour = self.hours[key] = [0, 0, 0]
        hour[0] += 1
        hour[1] += failed
        hour[2] += end_us - start_us
        self.records += 1
        self.first_us = min(self.first_us, start_us)
        self.last_us = max(self.last_us, end_us)


def _add_rest(span: Span, texts: list[str]) -> None:
    """Add the searchable texts of *span* beyond its name and attributes."""
    if span.status.message:
        texts.append(span.status.message)
    for event in span.events:
        texts.append(event.name)
        collect_texts(event.attributes, texts)
    for link in span.links:
        collect_texts(link.attributes, texts)
