"""Spans, log records and metric points on disk, for the viewer and the command line.

    with TraceStoreWriter(folder) as of one process: writer.write(Arrivals(spans=...))
    with StoreReader(folder) as reader: find_traces(reader, TraceFilter(text="search_web"))

Callers redact data before storing it. Importing this package loads neither SQLite nor protobuf.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_trace_store.arrivals import Arrivals, SpanCost, Written
    from otel_trace_store.errors import StoreInUseError, TraceStoreError
    from otel_trace_store.limits import StoreLimits
    from otel_trace_store.log_list import LogFilter, find_logs
    from otel_trace_store.one_trace import read_trace, read_trace_logs
    from otel_trace_store.reader import StoreReader
    from otel_trace_store.trace_filter import TraceFilter
    from otel_trace_store.trace_list import find_traces
    from otel_trace_store.writer import TraceStoreWriter

__all__ = [
    "Arrivals",
    "LogFilter",
    "SpanCost",
    "StoreInUseError",
    "StoreLimits",
    "StoreReader",
    "TraceFilter",
    "TraceStoreError",
    "TraceStoreWriter",
    "Written",
    "find_logs",
    "find_traces",
    "read_trace",
    "read_trace_logs",
]

_HOMES = {
    "Arrivals": "arrivals",
    "LogFilter": "log_list",
    "SpanCost": "arrivals",
    "StoreInUseError": "errors",
    "StoreLimits": "limits",
    "StoreReader": "reader",
    "TraceFilter": "trace_list",
    "TraceStoreError": "errors",
    "TraceStoreWriter": "writer",
    "Written": "arrivals",
    "find_logs": "log_list",
    "find_traces": "trace_list",
    "read_trace": "one_trace",
    "read_trace_logs": "one_trace",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"otel_trace_store.{_HOMES[name]}"), name)
