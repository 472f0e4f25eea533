"""The SDK's metrics of spans and log records are right, though counted differently."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.otlp_sink import OtlpSink, attributes_of
from support.process import clean_environment, instrumented, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

COUNTED = ("otel.sdk.span.started", "otel.sdk.span.live", "otel.sdk.log.created")
APP = """
import logging
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

tracer = trace.get_tracer("app")
for _ in range(3):
    with tracer.start_as_current_span("request"):
        tracer.start_span("call").end()
        logging.getLogger("app").warning("called")

def caller(flags):
    return set_span_in_context(
        NonRecordingSpan(SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(flags))))

tracer.start_span("from elsewhere", caller(1)).end()
tracer.start_span("from elsewhere, not sampled", caller(0)).end()
open_span = tracer.start_span("never ended")
"""


def counts(metric: Any) -> dict[tuple[Any, ...], int]:
    return {tuple(attributes_of(point).values()): point.as_int for point in metric.sum.data_points}


def test_spans_are_counted_by_origin_and_decision_and_log_records_too(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """By the names, units and kinds of the conventions, as the SDK reports them."""
    done = instrumented(APP, clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url))

    assert done.returncode == 0, done.stderr
    metrics = sink.metrics()
    started, live = metrics["otel.sdk.span.started"], metrics["otel.sdk.span.live"]
    assert counts(started) == {
        ("none", "RECORD_AND_SAMPLE"): 4,
        ("local", "RECORD_AND_SAMPLE"): 3,
        ("remote", "RECORD_AND_SAMPLE"): 1,
        ("remote", "DROP"): 1,
    }
    assert counts(live) == {("RECORD_AND_SAMPLE",): 1}
    assert (started.unit, started.sum.is_monotonic) == ("{span}", True)
    assert (live.unit, live.sum.is_monotonic) == ("{span}", False)
    assert counts(metrics["otel.sdk.log.created"]) == {(): 3}


def test_the_sdk_metrics_can_be_disabled(tmp_path: Path, sink: OtlpSink) -> None:
    """By OpenTelemetry's variable."""
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED="false",
    )

    assert instrumented(APP, environ).returncode == 0
    assert not [name for name in sink.metrics() if name.startswith("otel.sdk.")]


UPSTREAM = """
import otel_distro.pipeline.sdk_counters
otel_distro.pipeline.sdk_counters.install_sdk_counters = lambda: None
from opentelemetry.instrumentation.auto_instrumentation import initialize
initialize()
"""


def test_the_sdk_itself_reports_the_same(tmp_path: Path, sink: OtlpSink) -> None:
    """So that a change in the SDK is noticed."""
    environ = clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert instrumented(APP, environ).returncode == 0
    our_counts = {name: shape(sink.metrics()[name]) for name in COUNTED}

    whose = "print(type(trace.get_tracer('x')._tracer_metrics).__module__)"
    done = run([sys.executable, "-c", UPSTREAM + APP + whose], environ)

    sdk_counts = {name: shape(sink.metrics()[name]) for name in COUNTED}
    assert done.stdout.startswith("opentelemetry.sdk."), done.stderr
    assert our_counts == sdk_counts


def shape(metric: Any) -> tuple[Any, ...]:
    points = sorted((sorted(attributes_of(p).items()), p.as_int) for p in metric.sum.data_points)
    return metric.unit, metric.sum.is_monotonic, points
