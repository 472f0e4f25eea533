"""Throughput of `otel-distro serve` on one core: spans received, redacted, priced and stored.

    python benchmarks/serve.py [--spans 200000] [--keep FOLDER] [--collector OTELCOL]

Prints spans a second, bytes a span, memory, and the duration of the page's queries. The server is
bound to one core, the sender to another; requests are made before the clock starts. `--collector`
sends the same requests to an OpenTelemetry Collector with the file exporter, on the same core, in
turns with the server; it neither redacts nor prices.
"""

# ruff: noqa: E501, PLW1509
from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BATCH = 512
COLLECTOR_PORT = 24399
SHAPES: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("shop-js", "POST /checkout", 2, {"http.request.method": "POST", "http.route": "/checkout", "http.response.status_code": 200, "server.address": "shop.local", "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140"}),
    ("shop-js", "SELECT orders", 3, {"db.system.name": "postgresql", "db.query.text": "select * from orders where id = 17", "db.namespace": "shop"}),
    ("agent", "invoke_agent planner", 1, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}),
    ("agent", "chat gpt-4o", 3, {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}),
    ("agent", "execute_tool search_web", 1, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search_web"}),
    ("cart", "GET /cart/{id}", 2, {"http.request.method": "GET", "http.route": "/cart/{id}", "http.response.status_code": 200}),
]  # fmt: skip
WORDS = [f"{a}{b}" for a in ("north", "blue", "fast", "late", "deep") for b in range(200)]


def requests(count: int, seed: int = 7, ends_ns: int | None = None) -> list[bytes]:
    """Return encoded requests of BATCH spans each; one span in twelve is a model call."""
    rng = random.Random(seed)
    made = []
    at = (ends_ns or time.time_ns()) - count * 2_000_000
    trace, parent = rng.randbytes(16), b""
    weights = [3, 4, 1, 1, 1, 2]
    for _ in range(count // BATCH):
        request = ExportTraceServiceRequest()
        groups = {}
        for _ in range(BATCH):
            if rng.random() < 0.12:
                trace, parent = rng.randbytes(16), b""
            service, name, kind, attributes = rng.choices(SHAPES, weights)[0]
            if service not in groups:
                group = request.resource_spans.add()
                pair = group.resource.attributes.add(key="service.name")
                pair.value.string_value = service
                groups[service] = group.scope_spans.add()
                groups[service].scope.name = f"@opentelemetry/{service}"
            span = groups[service].spans.add(name=name, kind=kind, trace_id=trace)
            span.span_id, span.parent_span_id = rng.randbytes(8), parent
            parent = parent or span.span_id
            at += rng.randrange(4_000_000)
            span.start_time_unix_nano = at
            span.end_time_unix_nano = at + int(rng.lognormvariate(17, 1.5))
            if rng.random() < 0.01:
                span.status.message = "timed out after 30 s"
                span.status.code = 2  # type: ignore[assignment]
            for key, value in attributes.items():
                add(span, key, value)
            add(span, "app.note", " ".join(rng.choices(WORDS, k=3)))
            add(span, "thread.id", rng.randrange(40))
            if name.startswith("chat"):
                add(span, "gen_ai.response.id", rng.randbytes(8).hex())
                add(span, "gen_ai.usage.input_tokens", rng.randrange(9000))
                add(span, "gen_ai.usage.output_tokens", rng.randrange(900))
        made.append(request.SerializeToString())
    return made


def add(span: Any, key: str, value: Any) -> None:
    pair = span.attributes.add(key=key)
    if isinstance(value, int):
        pair.value.int_value = value
    else:
        pair.value.string_value = value


def send_all(port: int, bodies: list[bytes], senders: int = 4) -> float:
    """Send *bodies* from several connections; return the seconds until all are acknowledged."""
    import http.client

    todo = iter(bodies)
    lock = threading.Lock()

    def run() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            with lock:
                body = next(todo, None)
            if body is None:
                return
            while True:
                headers = {"content-type": "application/x-protobuf"}
                connection.request("POST", "/v1/traces", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    break
                time.sleep(0.05)

    began = time.perf_counter()
    threads = [threading.Thread(target=run) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--collector", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(args.spans, args.keep or Path(folder), args.collector)


def start_collector(binary: Path, home: Path, core: int) -> subprocess.Popen[bytes]:
    """Start a Collector with the file exporter, bound to *core*."""
    config = home / "collector.yaml"
    config.write_text(
        f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{COLLECTOR_PORT}"}}}}}}}}
exporters: {{file: {{path: "{home / "collector.json"}"}}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: error}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}
"""
    )
    server = subprocess.Popen(
        [str(binary), "--config", str(config)],
        env={**os.environ, "GOMAXPROCS": "1"},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", COLLECTOR_PORT), timeout=1).close()
        except OSError:
            time.sleep(0.1)
            continue
        send_all(COLLECTOR_PORT, requests(BATCH, seed=2))
        return server
    raise SystemExit("the Collector does not answer")


def run(spans: int, home: Path, collector: Path | None) -> None:
    ports = {"http": 24318, "grpc": 24317, "ui": 24320}
    env = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
    command = [sys.executable, "-m", "otel_distro", "serve", "--no-browser"]
    for name, port in ports.items():
        command += [f"--{'otlp-' if name != 'ui' else ''}{name}-port", str(port)]
    cores = sorted(os.sched_getaffinity(0))
    server = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores[0]}),
    )
    os.sched_setaffinity(0, {cores[-1]})
    page = f"http://127.0.0.1:{ports['ui']}"
    try:
        while True:
            try:
                urllib.request.urlopen(page + "/traces", timeout=5).read()
                break
            except OSError:
                time.sleep(0.1)
        send_all(ports["http"], requests(BATCH, seed=1))  # the first price loads the price data
        total = took = beside_took = 0.0
        beside = start_collector(collector, home, cores[0]) if collector else None
        beside_before = cpu_seconds(beside.pid) if beside else 0.0
        cpu_before = cpu_seconds(server.pid)
        ends = time.time_ns()
        for part in range(0, spans, 50_000):
            left = spans - part
            ends_ns = ends - left * 2_000_000
            bodies = requests(min(50_000, left), seed=100 + part, ends_ns=ends_ns)
            took += send_all(ports["http"], bodies)
            if beside:
                beside_took += send_all(COLLECTOR_PORT, bodies)
            total += len(bodies) * BATCH
        cpu = cpu_seconds(server.pid) - cpu_before
        print(f"{total / took:,.0f} spans/s by the clock, {total / cpu:,.0f} a CPU second")
        if beside:
            beside_cpu = cpu_seconds(beside.pid) - beside_before
            beside.send_signal(signal.SIGTERM)
            beside.wait(30)
            written = (home / "collector.json").stat().st_size
            print(
                f"Collector, file exporter: {total / beside_took:,.0f} spans/s by the clock, "
                f"{total / beside_cpu:,.0f} a CPU second, {written / total:.0f} bytes a span; "
                f"ours is {beside_cpu / cpu:.2f} of its rate"
            )
        for path in (
            "/traces",
            "/traces?q=north17",
            "/traces?q=north17+blue5",
            "/traces?service=cart&failed=1",
            "/services",
            "/sessions",
        ):
            began = time.perf_counter()
            urllib.request.urlopen(page + path, timeout=60).read()
            print(f"{1000 * (time.perf_counter() - began):7.0f} ms  {path}")
        rss = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096
        print(f"memory {rss / 2**20:.0f} MiB")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    size = sum(f.stat().st_size for f in (home / "state/otel-distro/traces").iterdir())
    print(f"{size / total:.0f} bytes a span ({size / 2**20:.0f} MiB)")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
