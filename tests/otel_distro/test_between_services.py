"""From one process to another: the trace continues, and callers without tracing are recognised."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support.otlp_sink import OtlpSink, attributes_of
from support.process import clean_environment, instrumented

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

CALLER = """
import json
import otel_distro
from opentelemetry import propagate
headers = {"X-Request-ID": "r-17", "X-Correlation-ID": "ada@lovelace.example"}
with otel_distro.session("s-1"), otel_distro.tenant("acme"), otel_distro.measure("ask"):
    propagate.inject(headers)
print(json.dumps(headers))
"""
CALLED = """
import json, sys
import flask
app = flask.Flask("called")
@app.get("/answer")
def answer():
    return "Hello"
app.test_client().get("/answer", headers=json.loads(sys.argv[1]))
"""


@pytest.fixture
def environ(tmp_path: Path, sink: OtlpSink) -> dict[str, str]:
    return clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_METRICS_EXPORTER="none",
        OTEL_DISTRO_BAGGAGE="session.id",
    )


def test_a_trace_and_its_session_continue_in_the_called_service(
    sink: OtlpSink, environ: dict[str, str]
) -> None:
    """And the request has the caller's id, redacted."""
    caller = instrumented(CALLER, environ)
    called = instrumented(CALLED, environ, caller.stdout)

    assert called.returncode == 0, called.stderr
    ask, answer = sink.span("ask"), sink.span("GET /answer")
    assert (answer.trace_id, answer.parent_span_id) == (ask.trace_id, ask.span_id)
    found = attributes_of(answer)
    assert found["session.id"] == "s-1"
    assert "tenant.id" not in found
    assert found["http.request.header.x_request_id"] == ["r-17"]
    assert found["http.request.header.x_correlation_id"] == ["[EMAIL]"]


def test_another_list_of_headers_takes_the_place_of_ours(
    sink: OtlpSink, environ: dict[str, str]
) -> None:
    """By OpenTelemetry's variable."""
    environ["OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST"] = "x-tier"
    headers = json.dumps({"X-Request-ID": "r-17", "X-Tier": "gold"})
    instrumented(CALLED, environ, headers)

    found = attributes_of(sink.span("GET /answer"))
    assert found["http.request.header.x_tier"] == ["gold"]
    assert "http.request.header.x_request_id" not in found
