"""Stored records as plain values, for JSON and CSV."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_trace_store.metric_list import MetricRow, MetricSeries
    from otel_trace_store.records import StoredLog, StoredSpan
    from otel_trace_store.trace_list import TraceRow


def moment(ns: int) -> str | None:
    """Return a time as ISO 8601 in UTC with nanoseconds; None if unknown."""
    if ns <= 0:
        return None
    try:
        whole = datetime.fromtimestamp(ns // 10**9, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09}Z"


def trace_row(row: TraceRow) -> dict[str, Any]:
    """Return one trace of a list."""
    return {
        "trace_id": row.trace_id,
        "name": row.name,
        "service": row.service,
        "start": moment(row.start_us * 1000),
        "duration_ms": (row.end_us - row.start_us) / 1000,
        "spans": row.spans,
        "errors": row.errors,
        "model_calls": row.calls,
        "cost_nano_usd": row.nano_usd,
        "unpriced_calls": row.unpriced,
    }


def span(stored_span: StoredSpan) -> dict[str, Any]:
    """Return one span with all its fields."""
    return {
        "trace_id": stored_span.trace_id,
        "span_id": stored_span.span_id,
        "parent_span_id": stored_span.parent_span_id or None,
        "name": stored_span.name,
        "service": stored_span.service,
        "kind": stored_span.kind,
        "start": moment(stored_span.start_ns),
        "duration_ms": (stored_span.end_ns - stored_span.start_ns) / 1e6,
        "status": stored_span.status,
        "status_message": stored_span.status_message or None,
        "scope": stored_span.scope,
        "attributes": _safe(stored_span.attributes),
        "events": [
            {
                "name": event.name,
                "time": moment(event.time_ns),
                "attributes": _safe(event.attributes),
            }
            for event in stored_span.events
        ],
        "links": [
            {"trace_id": link.trace_id, "span_id": link.span_id} for link in stored_span.links
        ],
    }


def log_record(stored_log: StoredLog) -> dict[str, Any]:
    """Return one log record."""
    return {
        "time": moment(stored_log.time_ns),
        "severity": stored_log.severity,
        "severity_text": stored_log.severity_text,
        "service": stored_log.service,
        "event": stored_log.event_name or None,
        "body": _value(stored_log.body),
        "trace_id": stored_log.trace_id or None,
        "span_id": stored_log.span_id or None,
        "scope": stored_log.scope,
        "attributes": _safe(stored_log.attributes),
    }


def metric_row(row: MetricRow) -> dict[str, Any]:
    """Return one metric of a list."""
    return {
        "name": row.name,
        "service": row.service,
        "kind": row.kind,
        "unit": row.unit,
        "description": row.description,
        "series": row.series,
        "last_time": moment(row.last_us * 1000),
        "last_value": row.last,
    }


def metric_series(series: MetricSeries) -> dict[str, Any]:
    """Return one series with its points."""
    return {
        "name": series.name,
        "service": series.service,
        "kind": series.kind,
        "unit": series.unit,
        "temporality": {1: "delta", 2: "cumulative"}.get(series.temporality),
        "attributes": _safe(series.attributes),
        "points": [
            {"time": moment(point.time_us * 1000), "value": point.value, **_safe(point.more)}
            for point in series.points
        ],
    }


def _safe(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(value) for key, value in values.items()}


def _value(value: Any) -> Any:
    """Return *value* for JSON: bytes as hexadecimal, no NaN."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and value - value != 0:
        return None
    if isinstance(value, dict):
        return _safe(value)
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return value
