"""Single traces of a fleet, from the tables that the Collector fills in ClickHouse.

A trace is read completely into a temporary trace store for one response, so that the page shows it
like any other.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from otel_cost_ledger.model.quiet import suppressed
from otel_pricing.model.attributes import BILLED, COST_NANO_USD, COST_STATUS
from otel_trace_store.arrivals import Arrivals, SpanCost
from otel_trace_store.reader import StoreReader
from otel_trace_store.writer import TraceStoreWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_cost_ledger.clickhouse.connection import ClickHouseConnection
    from otel_cost_ledger.model.location import ClickHouseUrl

MOST_SPANS: Final = 5_000
MOST_LOGS: Final = 1_000
_KINDS: Final = {
    "Internal": Span.SPAN_KIND_INTERNAL,
    "Server": Span.SPAN_KIND_SERVER,
    "Client": Span.SPAN_KIND_CLIENT,
    "Producer": Span.SPAN_KIND_PRODUCER,
    "Consumer": Span.SPAN_KIND_CONSUMER,
}
_CODES: Final = {"Ok": Status.STATUS_CODE_OK, "Error": Status.STATUS_CODE_ERROR}

_WITHIN: Final = (
    "SELECT min(Start), max(End) + INTERVAL 1 SECOND FROM otel_traces_trace_id_ts"
    " WHERE TraceId = {id} HAVING count() > 0"
)
_SPANS: Final = (
    "SELECT SpanId, any(ParentSpanId), any(TraceState), any(SpanName), any(SpanKind),"
    " any(ResourceAttributes), any(ScopeName), any(ScopeVersion), any(SpanAttributes),"
    " any(toUnixTimestamp64Nano(Timestamp)) AS start, any(Duration), any(StatusCode),"
    " any(StatusMessage), any(arrayMap(t -> toUnixTimestamp64Nano(t), `Events.Timestamp`)),"
    " any(`Events.Name`), any(`Events.Attributes`), any(`Links.TraceId`), any(`Links.SpanId`)"
    " FROM otel_traces WHERE TraceId = {id} AND {within}"
    " GROUP BY SpanId ORDER BY start LIMIT {most}"
)
_LOGS: Final = (
    "SELECT DISTINCT toUnixTimestamp64Nano(Timestamp) AS at, SpanId, SeverityText, SeverityNumber,"
    " Body, ResourceAttributes, ScopeName, LogAttributes, EventName"
    " FROM otel_logs WHERE TraceId = {id} AND {within} ORDER BY at LIMIT {most}"
)


@contextmanager
def store_of_trace(url: ClickHouseUrl, trace_id: bytes) -> Iterator[StoreReader | None]:
    """Open a store with the one trace; None if the database does not have it.

    Raises `LedgerError` if it cannot be read. Spans are deduplicated, at most `MOST_SPANS`.
    """
    with suppressed():
        arrivals = read_trace(url, trace_id)
    if not arrivals.spans:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="otel-distro-trace-") as folder:
        writer = TraceStoreWriter(Path(folder, "store"))
        try:
            writer.write(arrivals)
        finally:
            writer.close()
        with StoreReader(Path(folder, "store")) as reader:
            yield reader


def read_trace(url: ClickHouseUrl, trace_id: bytes) -> Arrivals:
    """Return the spans and log records of a trace, and the cost of its calls."""
    from otel_cost_ledger.clickhouse.connection import connect

    arrivals = Arrivals()
    connection = connect(url)
    if connection is None:
        return arrivals
    quoted = f"'{trace_id.hex()}'"
    bounds = _bounds(connection, quoted)
    sql = _SPANS.format(id=quoted, within=_within("Timestamp", bounds), most=MOST_SPANS)
    for row in connection.read(sql):
        arrivals.spans.append(_span(trace_id, row))
        if cost := _cost(trace_id, _id(row[0]), row[8]):
            arrivals.costs.append(cost)
    if arrivals.spans:
        sql = _LOGS.format(id=quoted, within=_within("TimestampTime", bounds), most=MOST_LOGS)
        arrivals.logs += [_log(trace_id, row) for row in connection.read(sql)]
    return arrivals


def _bounds(connection: ClickHouseConnection, quoted: str) -> tuple[int, int] | None:
    """Return the first and last second of a trace; None if the table of traces lacks it."""
    for since, until in connection.read(_WITHIN.format(id=quoted)):
        return int(since.timestamp()), int(until.timestamp())
    return None


def _within(column: str, bounds: tuple[int, int] | None) -> str:
    if bounds is None:  # only the index on trace ids is used
        return "1"
    since, until = bounds
    return f"{column} >= toDateTime({since}) AND {column} <= toDateTime({until})"


def _word(value: str, prefix: str) -> str:
    """Return a kind or code as the current exporter writes it: `Client`, not `SPAN_KIND_CLIENT`."""
    return value.removeprefix(prefix).capitalize()


def _span(trace_id: bytes, row: tuple[Any, ...]) -> ResourceSpans:
    (span_id, parent, state, name, kind, resource, scope, version, attributes, start, duration,
     code, message, times, names, of_events, traces, spans) = row  # fmt: skip
    span = Span(
        trace_id=trace_id,
        span_id=_id(span_id),
        parent_span_id=_id(parent),
        trace_state=state,
        name=name,
        kind=_KINDS.get(_word(kind, "SPAN_KIND_"), Span.SPAN_KIND_UNSPECIFIED),
        start_time_unix_nano=start,
        end_time_unix_nano=start + duration,
        attributes=_attributes(attributes),
        status=Status(
            code=_CODES.get(_word(code, "STATUS_CODE_"), Status.STATUS_CODE_UNSET),
            message=message,
        ),
        events=[
            Span.Event(time_unix_nano=at, name=event, attributes=_attributes(values))
            for at, event, values in zip(times, names, of_events, strict=True)
        ],
        links=[
            Span.Link(trace_id=_id(trace), span_id=_id(linked))
            for trace, linked in zip(traces, spans, strict=True)
        ],
    )
    return ResourceSpans(
        resource=Resource(attributes=_attributes(resource)),
        scope_spans=[
            ScopeSpans(scope=InstrumentationScope(name=scope, version=version), spans=[span])
        ],
    )


def _log(trace_id: bytes, row: tuple[Any, ...]) -> ResourceLogs:
    at, span_id, severity, number, body, resource, scope, attributes, event = row
    record = LogRecord(
        time_unix_nano=at,
        trace_id=trace_id,
        span_id=_id(span_id),
        severity_text=severity,
        severity_number=number,
        body=AnyValue(string_value=body),
        attributes=_attributes(attributes),
        event_name=event,
    )
    return ResourceLogs(
        resource=Resource(attributes=_attributes(resource)),
        scope_logs=[ScopeLogs(scope=InstrumentationScope(name=scope), log_records=[record])],
    )


def _cost(trace_id: bytes, span_id: bytes, attributes: Mapping[str, str]) -> SpanCost | None:
    if COST_STATUS not in attributes:
        return None
    amount = attributes.get(COST_NANO_USD, "")
    return SpanCost(
        trace_id,
        span_id,
        int(amount) if amount.isdecimal() else None,
        billed=attributes.get(BILLED) == "true",
    )


def _id(text: str) -> bytes:
    """Return the bytes of an id; empty if it is not hexadecimal."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _attributes(values: Mapping[str, str]) -> list[KeyValue]:
    """Return attributes as the exporter stored them, every value as text."""
    return [KeyValue(key=k, value=AnyValue(string_value=v)) for k, v in values.items()]
