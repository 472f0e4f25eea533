"""An OTLP/HTTP receiver that can be down, silent, slow or refusing, and counts each span."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.process import free_port


class FaultySink:
    """Listens on one port, except while it is `away()`."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.status = 200
        self.seconds = 0.0
        """Delay of every response, in seconds."""
        self.refused: Counter[int] = Counter()
        """Requests answered with something else than 200, by status."""
        self.spans: Counter[str] = Counter()
        """Number of deliveries by span id."""
        self.names: Counter[str] = Counter()
        """Number of spans by name, each span id once."""
        self.log_bodies: list[str] = []
        self.metric_exports = 0
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._silent: socket.socket | None = None

    def __enter__(self) -> Self:
        self.back()
        return self

    def __exit__(self, *_: object) -> None:
        self.away()

    @property
    def duplicates(self) -> int:
        """Number of spans received more than once."""
        return sum(times > 1 for times in self.spans.values())

    def back(self) -> None:
        """Listen and answer."""
        self.away()
        sink = self

        class Handler(_Handler):
            owner = sink

        self._server = _Server(("127.0.0.1", self.port), Handler)
        serve = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        serve.start()

    def away(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._silent is not None:
            self._silent.close()
            self._silent = None

    def silent(self) -> None:
        """Accept connections and never answer."""
        self.away()
        self._silent = socket.create_server(("127.0.0.1", self.port))

    def wait_for_spans(self, count: int, seconds: float = 20) -> int:
        """Wait until *count* different spans have arrived, and return their number."""
        deadline = time.monotonic() + seconds
        while len(self.spans) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(self.spans)

    def take(self, path: str, body: bytes) -> None:
        """Count the records of *body*."""
        with self._lock:
            if path.endswith("traces"):
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        for span in scope.spans:
                            if not self.spans[span.span_id.hex()]:
                                self.names[span.name] += 1
                            self.spans[span.span_id.hex()] += 1
            elif path.endswith("logs"):
                for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
                    for scope_logs in logs.scope_logs:
                        self.log_bodies += [r.body.string_value for r in scope_logs.log_records]
            else:
                self.metric_exports += 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Report nothing: clients here are killed."""


class _Handler(BaseHTTPRequestHandler):
    owner: FaultySink
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        status = self.owner.status
        if status == 200:
            self.owner.take(self.path, body)
        else:
            self.owner.refused[status] += 1
        time.sleep(self.owner.seconds)
        try:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()
        except OSError:
            pass  # the other side has left
