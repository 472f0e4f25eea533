"""Plain OTLP over HTTP works without `requests`; other settings still use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_distro.export.otlp.light_transport import exporter_arguments
from support.otlp_sink import OtlpSink
from support.process import clean_environment, instrumented

OTLP = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "console,otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}
SPAN = """
import sys
from opentelemetry import trace
trace.get_tracer("app").start_span("work").end()
trace.get_tracer_provider().force_flush()
print("requests" in sys.modules)
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)


def test_the_default_is_plain_for_all_three_signals() -> None:
    """A collector on this host, or one with an address."""
    for more in ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}):
        assert sorted(kind.__name__ for kind in exporter_arguments(OTLP | more)) == [
            "OTLPLogExporter",
            "OTLPMetricExporter",
            "OTLPSpanExporter",
        ]


@pytest.mark.parametrize(
    "more",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:password@collector:4318"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"HTTP_PROXY": "http://proxy:3128"},
        {"all_proxy": "http://proxy:3128"},
        {"NETRC": "passwords"},
        {"OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "gcp"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_unsupported_exporter_settings_are_left_to_upstream(more: dict[str, str]) -> None:
    """Certificates, proxies and passwords work as upstream."""
    assert exporter_arguments(OTLP | more) == {}


def test_passwords_in_a_file_need_more(tmp_path: Path) -> None:
    """`requests` reads ~/.netrc."""
    (tmp_path / ".netrc").touch()

    assert exporter_arguments(OTLP) == {}


def test_each_signal_has_its_own_endpoint() -> None:
    """The variable of a signal takes precedence."""
    more = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://collector/v1/metrics"}

    assert {kind.__name__ for kind in exporter_arguments(OTLP | more)} == {
        "OTLPLogExporter",
        "OTLPSpanExporter",
    }


@pytest.mark.process
def test_telemetry_arrives_without_requests(tmp_path: Path, sink: OtlpSink) -> None:
    """All three signals, from start to exit."""
    environ = clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)

    done = instrumented(SPAN, environ)

    assert (done.stdout, done.stderr) == ("False\n", "")
    assert sink.span("work")
    assert sink.metrics()
