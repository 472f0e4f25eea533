"""Defaults of OpenTelemetry's variables, where the user has set none."""

from __future__ import annotations

import pytest

from otel_distro.bootstrap.defaults import set_defaults


def after(**environ: str) -> dict[str, str]:
    set_defaults(environ)
    return environ


def test_all_three_signals_go_out_by_http() -> None:
    """And the SDK's metrics about itself with them."""
    environ = after()

    assert {environ[f"OTEL_{signal}_EXPORTER"] for signal in ("TRACES", "METRICS", "LOGS")} == {
        "otlp"
    }
    assert environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
    assert environ["OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"] == "true"


def test_variables_that_are_set_stay() -> None:
    """Also if our default enables more."""
    chosen = {
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_METRICS_EXEMPLAR_FILTER": "always_on",
        "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "false",
    }

    assert chosen.items() <= after(**chosen).items()


@pytest.mark.parametrize(("redaction", "samples"), [("", "trace_based"), ("false", "always_off")])
def test_exemplars_are_kept_while_they_are_redacted(redaction: str, samples: str) -> None:
    """They carry the attributes of single measurements."""
    assert after(OTEL_DISTRO_REDACTION=redaction)["OTEL_METRICS_EXEMPLAR_FILTER"] == samples


def test_a_declarative_file_decides_alone() -> None:
    """Only the configurator is set."""
    assert set(after(OTEL_CONFIG_FILE="otel.yaml")) == {
        "OTEL_CONFIG_FILE",
        "OTEL_PYTHON_CONFIGURATOR",
    }


def test_switched_off_nothing_is_instrumented() -> None:
    """Upstream would load every instrumentor and the SDK with them."""
    environ = after(OTEL_SDK_DISABLED="true")

    assert environ["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] == "*"
    assert "OTEL_TRACES_EXPORTER" not in environ
