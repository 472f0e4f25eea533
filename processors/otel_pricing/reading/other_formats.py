"""Recognition of archives in other formats than OTLP/JSON Lines, for the error message."""

from __future__ import annotations

OTLP_KEYS = frozenset(
    {
        "resourceSpans",
        "resource_spans",
        "resourceLogs",
        "resource_logs",
        "resourceMetrics",
        "resource_metrics",
    }
)
"""Keys of an OTLP/JSON request; every line has one of them."""

_WANTED = "expected OTLP/JSON Lines, as the Collector's file exporter writes them"
_MARKS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b'"batches"',), "a trace as Grafana Tempo's API returns it"),
    ((b'"trace"', b'"resourceSpans"'), "a trace as Grafana Tempo's API returns it"),
    ((b'"traceID"', b'"spanID"'), "traces as Jaeger's API returns them"),
    ((b'"traceId"', b'"localEndpoint"'), "spans as Zipkin's API returns them"),
    ((b'"trace_id": "0x',), "output of the SDK's console exporter"),
    ((b'"trace_id":"0x',), "output of the SDK's console exporter"),
)


def name_of(head: bytes) -> str | None:
    """Return the format of an archive that begins with *head*, or None if unknown."""
    for marks, name in _MARKS:
        if all(mark in head for mark in marks):
            return f"{name}; {_WANTED}"
    if any(f'"{key}"'.encode() in head for key in OTLP_KEYS):
        return "OTLP/JSON over several lines; put each request on one line, as `jq -c .` does"
    return None


def not_otlp() -> str:
    """Return the message for a JSON value that is not an OTLP request."""
    return f"no spans, log records or metrics in it; {_WANTED}"
