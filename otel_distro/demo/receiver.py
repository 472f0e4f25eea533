"""A receiver on loopback for everything that a program exports."""

from __future__ import annotations

import gzip
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

SIGNALS = ("traces", "metrics", "logs")


class Receiver:
    """An OTLP/HTTP endpoint on a free port that keeps request bodies, decompressed."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {signal: [] for signal in SIGNALS}
        """Request bodies by signal, in order of arrival; each is one protobuf message."""
        self.codings: set[str] = set()
        """Content encodings of the requests: `identity`, `gzip`, `deflate`."""
        receiver = self

        class Handler(_Handler):
            owner = receiver

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def everything(self) -> bytes:
        """Return all bodies of all signals."""
        return b"".join(body for bodies in self.bodies.values() for body in bodies)

    def redactions(self) -> dict[str, int]:
        """Return how many values were redacted by kind, from the program's own metric."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
            ExportMetricsServiceRequest,
        )

        from otel_distro.base.attributes import KIND, REDACTIONS

        latest: dict[tuple[str, str], int] = {}
        for body in self.bodies["metrics"]:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name != REDACTIONS:
                            continue
                        for point in metric.sum.data_points:
                            words = {pair.key: pair.value.string_value for pair in point.attributes}
                            # Counters are cumulative, so the last point of a series counts.
                            latest[words.get(KIND, ""), str(sorted(words.items()))] = point.as_int
        totals: dict[str, int] = {}
        for (kind, _), value in latest.items():
            totals[kind] = totals.get(kind, 0) + value
        return totals


class _Handler(BaseHTTPRequestHandler):
    owner: Receiver
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        coding = self.headers.get("content-encoding")
        if coding == "gzip":
            body = gzip.decompress(body)
        elif coding == "deflate":
            body = zlib.decompress(body)
        self.owner.codings.add(coding or "identity")
        signal = self.path.rstrip("/").rpartition("/")[2]
        if signal in self.owner.bodies:
            self.owner.bodies[signal].append(body)
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()
