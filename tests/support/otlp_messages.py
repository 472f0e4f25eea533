"""Short builders of OTLP messages, and a running `otel-distro serve`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from otel_distro.server.otlp_values import set_attributes, set_value

if TYPE_CHECKING:
    from pathlib import Path

BEGAN_NS = time.time_ns() - 600_000_000_000
"""Ten minutes ago, because older calls may be beyond retention."""
TRACE = bytes(range(1, 17))


def span_id(number: int) -> bytes:
    """Return a span id."""
    return number.to_bytes(8, "big")


def trace_id(number: int) -> bytes:
    """Return a trace id."""
    return number.to_bytes(16, "big")


@dataclass
class A:
    """A span in the short form of tests."""

    number: int
    name: str = "work"
    parent: int = 0
    trace: bytes = TRACE
    start_ms: float = 0
    ms: float = 10
    attributes: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    message: str = ""
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def spans(
    *made: A,
    service: str = "shop",
    began_ns: int = BEGAN_NS,
    scope: str = "test",
    resource: dict[str, Any] | None = None,
) -> ResourceSpans:
    """Return *made* as spans of *service*."""
    group = ResourceSpans()
    set_attributes(group.resource.attributes, {"service.name": service, **(resource or {})})
    target = group.scope_spans.add()
    target.scope.name = scope
    for one in made:
        span = target.spans.add(trace_id=one.trace, span_id=span_id(one.number), name=one.name)
        if one.parent:
            span.parent_span_id = span_id(one.parent)
        span.kind = 1  # type: ignore[assignment]
        span.start_time_unix_nano = began_ns + int(one.start_ms * 1e6)
        span.end_time_unix_nano = span.start_time_unix_nano + int(one.ms * 1e6)
        set_attributes(span.attributes, one.attributes)
        if one.failed:
            span.status.code = 2  # type: ignore[assignment]
            span.status.message = one.message
        for number, (name, attributes) in enumerate(one.events):
            event = span.events.add(name=name)
            event.time_unix_nano = span.start_time_unix_nano + number
            set_attributes(event.attributes, attributes)
    return group


def logs(
    *bodies: Any,
    service: str = "shop",
    severity: int = 9,
    trace: bytes = b"",
    span: bytes = b"",
    attributes: dict[str, Any] | None = None,
    event: str = "",
    began_ns: int = BEGAN_NS,
    scope: str = "app",
) -> ResourceLogs:
    """Return a log record for each of *bodies*, a millisecond apart."""
    group = ResourceLogs()
    set_attributes(group.resource.attributes, {"service.name": service})
    target = group.scope_logs.add()
    target.scope.name = scope
    for number, body in enumerate(bodies):
        record = target.log_records.add(trace_id=trace, span_id=span)
        record.severity_number = severity  # type: ignore[assignment]
        record.time_unix_nano = began_ns + number * 1_000_000
        record.event_name = event
        set_value(record.body, body)
        set_attributes(record.attributes, attributes or {})
    return group


def counter(
    name: str, *values: int, attributes: dict[str, Any] | None = None, service: str = "shop"
) -> ResourceMetrics:
    """Return a cumulative counter with one point a second."""
    group = ResourceMetrics()
    set_attributes(group.resource.attributes, {"service.name": service})
    metric = group.scope_metrics.add().metrics.add(name=name, unit="1")
    metric.sum.aggregation_temporality = 2  # type: ignore[assignment]
    metric.sum.is_monotonic = True
    for number, value in enumerate(values):
        point = metric.sum.data_points.add(as_int=value)
        point.time_unix_nano = BEGAN_NS + number * 1_000_000_000
        set_attributes(point.attributes, attributes or {})
    return group


class Server:
    """A running `otel-distro serve` on free ports of loopback."""

    def __init__(self, home: Path, *options: str, **environ: str) -> None:
        self.home = home
        self._environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("OTEL_")},
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            **environ,
        }
        self.http = self.page = self.grpc = ""
        self.start(*options)

    def start(self, *options: str) -> None:
        """Start, and wait until everything answers."""
        command = [sys.executable, "-m", "otel_distro", "serve", "--no-browser"]
        command += ["--otlp-http-port", "0", "--otlp-grpc-port", "0", "--ui-port", "0", *options]
        self.process = subprocess.Popen(
            command, env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            kind, _, rest = line.strip().partition(" ")
            if kind == "page":
                self.page = rest.strip().rstrip("/")
            elif kind == "OTLP/HTTP":
                self.http = rest.strip().rstrip("/")
            elif kind == "OTLP/gRPC":
                self.grpc = rest.strip()
            if line.startswith("Ctrl-C"):
                return
        self.process.wait(30)
        self.process.stdout.close()
        raise AssertionError("".join(lines))

    def send(
        self, signal_name: str, body: bytes | dict[str, Any], **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send a request; return status, body and headers of the answer."""
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers.setdefault("content_type", "application/json")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("content-type", "application/x-protobuf")
        return self.ask(f"{self.http}/v1/{signal_name}", body, named)

    def ask(
        self, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send a request to *url*."""
        request = urllib.request.Request(url, body, headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def get(self, path: str) -> str:
        """Return a page."""
        status, body, _ = self.ask(self.page + path)
        assert status == 200, (path, status)
        return body.decode()

    def run(self, *arguments: str) -> str:
        """Run another command in the same environment; return its output."""
        done = subprocess.run(
            [sys.executable, "-m", "otel_distro", *arguments],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process with a signal; return its code."""
        self.process.send_signal(number)
        code = self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def close(self) -> None:
        """End the process, if it runs."""
        if self.process.poll() is None:
            self.stop()


def eventually(ask: Any, seconds: float = 20.0) -> Any:
    """Return the result of *ask* as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return found
