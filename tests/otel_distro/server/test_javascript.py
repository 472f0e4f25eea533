"""The JavaScript SDK from npm as a sender: all signals, JSON, protobuf and gRPC, gzip."""

# ruff: noqa: E501 - the program is JavaScript
from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.otlp_messages import Server

pytestmark = [pytest.mark.javascript, pytest.mark.process]
_PACKAGES = (
    "api",
    "api-logs",
    "sdk-node",
    "exporter-trace-otlp-http",
    "exporter-trace-otlp-proto",
    "exporter-trace-otlp-grpc",
    "exporter-logs-otlp-http",
    "exporter-metrics-otlp-http",
)
_APP = """
import { trace, metrics, context, SpanStatusCode } from "@opentelemetry/api";
import { logs, SeverityNumber } from "@opentelemetry/api-logs";
import { NodeSDK, tracing, metrics as sdkMetrics, logs as sdkLogs } from "@opentelemetry/sdk-node";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
const [kind, secret] = process.argv.slice(2);
const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-" + kind);
const sdk = new NodeSDK({
  serviceName: "node-" + kind,
  traceExporter: new OTLPTraceExporter(kind === "http" ? { compression: "gzip" } : {}),
  metricReaders: [new sdkMetrics.PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })],
  logRecordProcessors: [new sdkLogs.SimpleLogRecordProcessor({ exporter: new OTLPLogExporter() })],
});
sdk.start();
metrics.getMeter("app").createCounter("node.orders").add(3, { customer: secret });
trace.getTracer("app").startActiveSpan("GET /plan", (root) => {
  trace.getTracer("openai").startActiveSpan("chat gpt-4o", { attributes: {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o", "gen_ai.response.id": "r-" + kind,
    "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 300,
    "app.ratio": 0.5, "app.list": ["a", secret],
  } }, (call) => {
    call.recordException(new Error("mail " + secret));
    call.setStatus({ code: SpanStatusCode.ERROR, message: "for " + secret });
    logs.getLogger("app").emit({ severityNumber: SeverityNumber.ERROR, body: { text: "log of " + secret }, context: context.active() });
    console.log(call.spanContext().traceId);
    call.end();
  });
  root.end();
});
await sdk.shutdown();
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDK installed, or the one that OTEL_JS_FOLDER names."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node or npm here")
    given = os.environ.get("OTEL_JS_FOLDER")
    folder = Path(given) if given else tmp_path_factory.mktemp("node")
    if not given:
        names = [f"@opentelemetry/{name}" for name in _PACKAGES]
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *names],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode:
            pytest.skip(f"npm cannot install the SDK here: {done.stderr[-200:]}")
    (folder / "app.mjs").write_text(_APP)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["http", "proto", "grpc"])
def test_node_programs_are_received(node: Path, server: Server, kind: str) -> None:
    """Redacted, priced, with their logs and metrics, in each protocol."""
    secret = "mira.holt@corp-mail.example"
    endpoint = f"http://{server.grpc}" if kind == "grpc" else f"{server.http}"
    environ = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint + ("/v1/traces" if kind != "grpc" else ""),
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{server.http}/v1/logs",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{server.http}/v1/metrics",
    }

    done = subprocess.run(
        ["node", "app.mjs", kind, secret],
        cwd=node,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    trace = done.stdout.strip()
    spans = json.loads(server.run("traces", trace, "--json"))
    (record,) = json.loads(server.run("logs", "--trace", trace, "--json"))
    (metric,) = json.loads(server.run("metrics", "node.orders", "--json"))
    costs = json.loads(server.run("costs", "--since", "24h", "--json"))["total"]

    everything = json.dumps([spans, record, metric])
    assert secret not in everything
    assert everything.count("[EMAIL]") >= 4
    assert [span["name"] for span in spans] == ["GET /plan", "chat gpt-4o"]
    assert spans[1]["attributes"]["app.ratio"] == 0.5
    assert record["span_id"] == spans[1]["span_id"]
    assert metric["points"][0]["value"] == 3
    assert (costs["calls"], costs["cost_nano_usd"]) == (1, 6_000_000)
