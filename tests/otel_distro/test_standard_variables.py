"""OpenTelemetry's variables: an unusable value is named, and replaced if that is safe."""

from __future__ import annotations

import pytest

from otel_distro.bootstrap.standard_variables import repair
from otel_distro.export.otlp.credentials import malformed_headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "nice"),
        ("OTEL_SDK_DISABLED", "perhaps"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "perhaps"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "nonesuch"),
        ("OTEL_PYTHON_CONTEXT", "nonesuch"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "-5"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "0"),
    ],
)
def test_an_unusable_value_is_named_and_removed(name: str, value: str) -> None:
    """Without the value, which may be a secret."""
    environ = {name: value}
    (message,) = repair(environ)

    assert name in message
    assert value not in message or len(value) < 3
    assert name not in environ


@pytest.mark.parametrize("share", ["half", "7", "-1", "nan"])
def test_a_share_of_samples_is_a_number_from_0_to_1(share: str) -> None:
    """Only for a sampler with a ratio; others have different arguments."""
    environ = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": share}

    assert len(repair(environ)) == 1
    assert not repair({"OTEL_TRACES_SAMPLER_ARG": share})


@pytest.mark.parametrize("place", ["not a url", "http://", "://collector", "https:// x"])
def test_an_endpoint_that_is_none_is_named_and_stays(place: str) -> None:
    """Telemetry is not sent to another endpoint instead."""
    environ = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": place}
    (message,) = repair(environ)

    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" in message
    assert environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == place


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example:4318/v1/traces"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", __file__),
        ("OTEL_TRACES_SAMPLER", "ParentBased_Always_On"),
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "*, otel"),
        ("OTEL_SDK_DISABLED", "TRUE"),
        ("OTEL_PYTHON_CONTEXT", "contextvars_context"),
    ],
)
def test_a_usable_value_is_not_reported(name: str, value: str) -> None:
    """In every form that the SDK reads."""
    assert not repair({name: value})


def test_a_file_that_does_not_exist_is_named() -> None:
    """It stays, because another certificate would change trust."""
    environ = {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nonesuch/ca.pem"}

    assert len(repair(environ)) == 1
    assert environ


def test_headers_that_cannot_be_read_are_reported_without_them() -> None:
    """They are credentials."""
    message = malformed_headers({"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=b,sk-secret"})

    assert message is not None
    assert "secret" not in message
    assert malformed_headers({"OTEL_EXPORTER_OTLP_HEADERS": "a=b, c=d="}) is None
