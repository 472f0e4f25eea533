"""All spans and log records of one trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otel_trace_store.arrivals import SpanCost
from otel_trace_store.blocks import unpack
from otel_trace_store.records import StoredLog, StoredSpan, logs_in, spans_in
from otel_trace_store.schema import BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_trace_store.reader import StoreReader

MOST_SPANS: Final = 50_000


def read_trace(reader: StoreReader, trace_id: bytes) -> list[StoredSpan]:
    """Return the spans of a trace by their start, each once; empty for an unknown trace."""
    spans: dict[str, StoredSpan] = {}
    for data in _blocks(reader, trace_id, BlockKind.SPANS):
        for span in spans_in(TracesData.FromString(unpack(data)), trace_id):
            spans.setdefault(span.span_id, span)
        if len(spans) >= MOST_SPANS:
            break
    return sorted(spans.values(), key=lambda span: (span.start_ns, -span.end_ns))


def read_trace_otlp(reader: StoreReader, trace_id: bytes) -> TracesData:
    """Return the spans of a trace as one OTLP message."""
    whole = TracesData()
    for data in _blocks(reader, trace_id, BlockKind.SPANS):
        for group in TracesData.FromString(unpack(data)).resource_spans:
            for scope in group.scope_spans:
                spans = [span for span in scope.spans if span.trace_id == trace_id]
                if spans:
                    target = whole.resource_spans.add(schema_url=group.schema_url)
                    target.resource.CopyFrom(group.resource)
                    copy = target.scope_spans.add(schema_url=scope.schema_url)
                    copy.scope.CopyFrom(scope.scope)
                    copy.spans.extend(spans)
    return whole


def read_trace_logs(reader: StoreReader, trace_id: bytes, most: int = 2_000) -> list[StoredLog]:
    """Return the log records of a trace by time."""
    trace_hex = trace_id.hex()
    found: list[StoredLog] = []
    for data in _blocks(reader, trace_id, BlockKind.LOGS):
        records = logs_in(LogsData.FromString(unpack(data)))
        found += [record for record in records if record.trace_id == trace_hex]
        if len(found) >= most:
            break
    return sorted(found, key=lambda record: record.time_ns)[:most]


def read_trace_costs(reader: StoreReader, trace_id: bytes) -> dict[str, SpanCost]:
    """Return the costs of the model calls of a trace by span id."""
    costs: dict[str, SpanCost] = {}
    for segment in reader:
        for span_id, nano, billed in segment.connection.execute(
            "SELECT span_id, nano_usd, billed FROM traces JOIN costs ON trace = no "
            "WHERE trace_id = ?",
            (trace_id,),
        ):
            cost = SpanCost(trace_id, span_id, nano, bool(billed))
            costs.setdefault(span_id.hex(), cost)
    return costs


def _blocks(reader: StoreReader, trace_id: bytes, kind: BlockKind) -> Iterator[bytes]:
    for segment in reader:
        for (data,) in segment.connection.execute(
            "SELECT data FROM traces CROSS JOIN trace_blocks ON trace = traces.no "
            "CROSS JOIN blocks ON blocks.no = block WHERE trace_id = ? AND kind = ? ORDER BY block",
            (trace_id, kind),
        ):
            yield data
