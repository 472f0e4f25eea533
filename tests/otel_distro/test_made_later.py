"""Providers that libraries create after the start."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink
from support.process import Finished, clean_environment, instrumented, run

pytestmark = pytest.mark.process

OWN_PROVIDERS = textwrap.dedent("""
    import logging
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    EMAIL = "ada@lovelace.example"

    class LibraryProvider(TracerProvider):
        # As libraries do: exporters of its own, added where it is made.
        def __init__(self, **named):
            super().__init__(**named)
            self.kept = InMemorySpanExporter()
            self.add_span_processor(SimpleSpanProcessor(self.kept))

    for provider in (
        LibraryProvider(),
        LibraryProvider(active_span_processor=ConcurrentMultiSpanProcessor(1)),
    ):
        provider.get_tracer("library").start_span(EMAIL).end()
        print([span.name for span in provider.kept.get_finished_spans()])

    logs = InMemoryLogRecordExporter()
    logger_provider = LoggerProvider()
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
    logger_provider.get_logger("library").emit(LogRecord(body=EMAIL))
    print([entry.log_record.body for entry in logs.get_finished_logs()])

    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("library")
    meter.create_counter("sent").add(1, {"to": EMAIL})
    data = reader.get_metrics_data()
    print([
        dict(point.attributes)
        for resource in data.resource_metrics for scope in resource.scope_metrics
        for metric in scope.metrics for point in metric.data.data_points
    ])
""")
MASKED = ["['[EMAIL]']", "['[EMAIL]']", "['[EMAIL]']", "[{'to': '[EMAIL]'}]"]


def python(script: str, home: Path, **more: str) -> Finished:
    return run([sys.executable, "-c", script], clean_environment(home, **more))


def test_they_are_guarded_under_the_agent(tmp_path: Path, sink: OtlpSink) -> None:
    """For any subclass or fan-out of a library."""
    environ = clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    done = instrumented(OWN_PROVIDERS, environ)

    assert done.stdout.splitlines() == MASKED, done.stderr


def test_they_are_guarded_after_configure(tmp_path: Path, sink: OtlpSink) -> None:
    """The same for programs that set telemetry up in code."""
    done = python(
        "import otel_distro; otel_distro.configure()\n" + OWN_PROVIDERS,
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )

    assert done.stdout.splitlines() == MASKED, done.stderr


def test_one_that_cannot_be_guarded_exports_nothing(tmp_path: Path, sink: OtlpSink) -> None:
    """Neither by its processors, nor by later ones; and a warning is printed."""
    script = """
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    import otel_distro.pipeline.install as install

    def fails(provider, pipeline):
        raise RuntimeError("another shape")

    install.guard_tracer_provider = fails
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.get_tracer("library").start_span("ada@lovelace.example").end()
    print(len(kept.get_finished_spans()))
    """
    environ = clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    done = instrumented(script, environ)

    assert done.stdout == "0\n"
    assert "nothing is exported from it" in done.stderr


WRAPPED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

class Wrapper(trace.TracerProvider):
    def __init__(self, provider):
        self.provider = provider
    def get_tracer(self, *arguments, **named):
        return self.provider.get_tracer(*arguments, **named)

kept = InMemorySpanExporter()
inner = TracerProvider()
inner.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(Wrapper(inner))
import otel_distro
otel_distro.configure()
trace.get_tracer("app").start_span("ada@lovelace.example").end()
print([span.name for span in kept.get_finished_spans()])
"""


def test_configure_guards_a_provider_behind_a_wrapper(tmp_path: Path) -> None:
    """As some libraries wrap the SDK's."""
    done = python(WRAPPED, tmp_path)

    assert done.stdout == "['[EMAIL]']\n", done.stderr


FOREIGN = """
from opentelemetry import trace
class Foreign(trace.TracerProvider):
    def get_tracer(self, *arguments, **named):
        return trace.NoOpTracer()
trace.set_tracer_provider(Foreign())
import otel_distro
otel_distro.configure()
print("app ran")
"""


def test_a_foreign_global_provider_is_reported_and_does_not_end_the_app(tmp_path: Path) -> None:
    """It cannot be guarded."""
    done = python(FOREIGN, tmp_path)

    assert (done.returncode, done.stdout) == (0, "app ran\n"), done.stderr
    assert "NOT redacted" in done.stderr


def test_strict_does_not_run_beside_a_foreign_global_provider(tmp_path: Path) -> None:
    """Code 78."""
    done = python(FOREIGN, tmp_path, OTEL_DISTRO_STRICT="true")

    assert (done.returncode, done.stdout) == (78, ""), done.stderr
