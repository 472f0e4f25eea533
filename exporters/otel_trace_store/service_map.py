"""Service map: calls between services, from the spans of recent traces."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_trace_store.blocks import unpack
from otel_trace_store.schema import BlockKind, storable
from otel_trace_store.span_index import ERROR_CODE
from otel_trace_store.values import service_of

if TYPE_CHECKING:
    from otel_trace_store.reader import StoreReader

MOST_SPANS: Final = 20_000
"""Number of the newest spans to read, in about a tenth of a second."""
_MOST_BLOCKS: Final = 2_000


def service_edges(
    reader: StoreReader, since_us: int | None = None, most: int = MOST_SPANS
) -> dict[tuple[str, str], tuple[int, int]]:
    """Return calls and errors by (caller, callee) among the newest spans."""
    parents: dict[tuple[bytes, bytes], str] = {}
    children: list[tuple[bytes, bytes, str, bool]] = []
    left = most
    for segment in reader:
        for data, records in segment.connection.execute(
            "SELECT data, records FROM blocks WHERE kind = ? AND last_us >= ? "
            "ORDER BY no DESC LIMIT ?",
            (BlockKind.SPANS, storable(since_us or 0), _MOST_BLOCKS),
        ):
            left -= records
            if left < 0:
                break
            for group in TracesData.FromString(unpack(data)).resource_spans:
                service = service_of(group.resource.attributes)
                for scope in group.scope_spans:
                    for span in scope.spans:
                        parents[span.trace_id, span.span_id] = service
                        if span.parent_span_id:
                            failed = span.status.code == ERROR_CODE
                            children.append((span.trace_id, span.parent_span_id, service, failed))
        if left <= 0:
            break
    calls: Counter[tuple[str, str]] = Counter()
    errors: Counter[tuple[str, str]] = Counter()
    for trace, parent, service, failed in children:
        caller = parents.get((trace, parent))
        if caller is not None and caller != service:
            calls[caller, service] += 1
            errors[caller, service] += failed
    return {edge: (count, errors[edge]) for edge, count in calls.most_common()}
