"""A client and its gateway on one host: a call is reserved once along its path."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otel_budget.reservations.open_calls import OpenCalls
from otel_wire.hosts import is_own_host
from support.process import BIN, clean_environment, instrumented, run

if TYPE_CHECKING:
    from pathlib import Path

    from support.budgets import SlowProvider

GATEWAY = """
import http.server, sys
import httpx2
from opentelemetry import propagate, trace
client = httpx2.Client()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with trace.get_tracer("gateway").start_as_current_span(
            "serve", context=propagate.extract(dict(self.headers))
        ), trace.get_tracer("gateway").start_as_current_span("call"):
            found = client.post(sys.argv[1] + self.path, content=body)
        self.send_response(found.status_code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(found.content)))
        self.end_headers()
        self.wfile.write(found.content)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""
CLIENT = """
import sys
import httpx2
from opentelemetry import propagate, trace
call = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 300}
statuses = []
for _ in range(6):
    with trace.get_tracer("client").start_as_current_span("ask"):
        headers = {}
        if sys.argv[2] == "traced":
            propagate.inject(headers)
        found = httpx2.post(sys.argv[1] + "/v1/chat/completions", json=call, headers=headers,
                            timeout=60)
    statuses.append(found.status_code)
print(statuses)
"""


@pytest.mark.slow
@pytest.mark.process
def test_a_client_and_its_gateway_spend_a_call_once(tmp_path: Path, provider: SlowProvider) -> None:
    """Five calls of $0.006 fit into $0.03, and the sixth is refused at once by the client."""
    environ = clean_environment(
        tmp_path,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="httpx2,httpx",
        OTEL_DISTRO_BUDGET_USD_PER_DAY="0.03",
        OTEL_DISTRO_BUDGET_ACTION="refuse",
    )
    gateway = subprocess.Popen(
        [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", GATEWAY, provider.url],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert gateway.stdout is not None
        port = gateway.stdout.readline().strip()
        done = instrumented(CLIENT, environ, f"http://127.0.0.1:{port}", "traced", timeout=120)
    finally:
        gateway.terminate()
        gateway.communicate(timeout=30)
    shown = run([str(BIN / "otel-distro"), "budgets", "--json"], environ)

    assert done.stdout.strip() == "[200, 200, 200, 200, 200, 402]", done.stderr
    assert len(provider.requests) == 5
    assert "30000000" in json.dumps(json.loads(shown.stdout)), shown.stdout


def test_a_call_is_covered_while_another_process_has_it_open(tmp_path: Path) -> None:
    """Not by the same process, not afterwards, and not by a dead process."""
    client, gateway = OpenCalls(tmp_path), OpenCalls(tmp_path)
    slot = client.begin(77)

    assert gateway.covers(77)
    assert not gateway.covers(78)
    assert not client.covers(77)

    client.end(slot)
    assert not gateway.covers(77)
    client.begin(79)
    client.close()
    assert not gateway.covers(79)
    gateway.close()


def test_gateways_are_local_hosts() -> None:
    """This machine, a private network, a name without a domain; no seller."""
    own = ["127.0.0.1", "::1", "[::1]", "localhost", "10.0.0.7", "litellm", "llm.internal"]
    assert all(map(is_own_host, own))
    assert not any(
        map(is_own_host, ["api.openai.com", "8.8.8.8", "bedrock.us-east-1.amazonaws.com"])
    )
