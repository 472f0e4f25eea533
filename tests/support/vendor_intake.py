"""OTLP intakes of vendors on loopback, which enforce the vendors' public documentation.

Each rule is published by the vendor; docs/backends names them. A request that breaks one gets the
vendor's response, is stored in `violations`, and its records do not count as received.
"""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF = "application/x-protobuf"
DELTA = 1
_REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}


@dataclass(frozen=True)
class Request:
    """One received request."""

    signal: str
    path: str
    headers: Mapping[str, str]
    sent_bytes: int
    """As sent, compressed."""
    body: bytes
    """Decompressed."""

    @property
    def message(self) -> Any:
        return _REQUESTS[self.signal].FromString(self.body)


Rule = Callable[[Request], Iterator[tuple[int, str]]]
"""Yields an HTTP status and a reason for each violation."""


def header(name: str, value: str, *signals: str) -> Rule:
    """*name* has *value*, for these *signals* or all."""

    def rule(request: Request) -> Iterator[tuple[int, str]]:
        if (not signals or request.signal in signals) and request.headers.get(name) != value:
            yield 403, f"{request.signal}: {name} is {request.headers.get(name)!r}"

    return rule


def protobuf(request: Request) -> Iterator[tuple[int, str]]:
    if request.headers.get("content-type") != PROTOBUF:
        yield 415, f"{request.signal}: content-type {request.headers.get('content-type')!r}"


def at_path(*paths: str) -> Rule:
    """Each signal at its path, in the order traces, metrics, logs."""

    def rule(request: Request) -> Iterator[tuple[int, str]]:
        expected = dict(zip(_REQUESTS, paths, strict=True))[request.signal]
        if request.path != expected:
            yield 404, f"{request.signal} at {request.path}"

    return rule


def at_most(sent: int, decompressed: int | None = None) -> Rule:
    """Bytes of a body, as sent and decompressed."""

    def rule(request: Request) -> Iterator[tuple[int, str]]:
        if request.sent_bytes > sent or len(request.body) > (decompressed or len(request.body)):
            yield 413, f"{request.signal}: {request.sent_bytes} bytes, {len(request.body)} inside"

    return rule


def deltas(request: Request) -> Iterator[tuple[int, str]]:
    """Monotonic sums and histograms are deltas; up-down counters stay cumulative."""
    if request.signal != "metrics":
        return
    for metric in metrics_in(request.message):
        kind = metric.WhichOneof("data")
        data = getattr(metric, kind)
        counts = kind in {"histogram", "exponential_histogram"} or (
            kind == "sum" and data.is_monotonic
        )
        if counts and data.aggregation_temporality != DELTA:
            yield 400, f"metric {metric.name} is cumulative"


def attribute_limits(key: int, value: int, items: int) -> Rule:
    """Longest names and values, and the most items of a list."""

    def rule(request: Request) -> Iterator[tuple[int, str]]:
        for pair in attributes_in(request.message):
            if len(pair.key) > key:
                yield 400, f"{request.signal}: a name of {len(pair.key)} characters"
            if len(pair.value.string_value) > value:
                yield 400, f"{pair.key} has {len(pair.value.string_value)} characters"
            if len(pair.value.array_value.values) > items:
                yield 400, f"{pair.key} has {len(pair.value.array_value.values)} items"

    return rule


def metrics_in(message: Any) -> Iterator[Any]:
    for group in message.resource_metrics:
        for scope in group.scope_metrics:
            yield from scope.metrics


def attributes_in(message: Any) -> Iterator[Any]:
    """Every attribute anywhere in *message*."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for each in value if not hasattr(value, "ListFields") else [value]:
            if descriptor.message_type.name == "KeyValue":
                yield each
            else:
                yield from attributes_in(each)


@dataclass
class Intake:
    """A vendor's intake; `with Intake([...]) as intake:`."""

    rules: list[Rule]
    busy: int = 0
    """Number of requests of each signal that are first answered with 429 and `Retry-After`."""
    accepted: dict[str, list[Any]] = field(default_factory=lambda: {each: [] for each in _REQUESTS})
    """Decoded requests by signal."""
    violations: list[str] = field(default_factory=list)
    refused_as_busy: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_REQUESTS, 0))
    url: str = ""

    def __enter__(self) -> Self:
        intake: Intake = self

        class Handler(_Handler):
            owner = intake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> int:
        if self.refused_as_busy[request.signal] < self.busy:
            self.refused_as_busy[request.signal] += 1
            return 429
        found = [each for rule in self.rules for each in rule(request)]
        if found:
            self.violations += sorted({reason for _, reason in found})
            return found[0][0]
        self.accepted[request.signal].append(request.message)
        return 200


class _Handler(BaseHTTPRequestHandler):
    owner: Intake
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length") or 0))
        coding = self.headers.get("content-encoding")
        body = gzip.decompress(sent) if coding == "gzip" else sent
        body = zlib.decompress(sent) if coding == "deflate" else body
        signal = self.path.rstrip("/").rpartition("/")[2]
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.owner.answer(Request(signal, self.path, headers, len(sent), body))
        self.send_response(status)
        if status == 429:
            self.send_header("retry-after", "1")
        self.send_header("content-type", PROTOBUF)
        self.send_header("content-length", "0")
        self.end_headers()
