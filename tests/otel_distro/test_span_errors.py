"""Every errored span has an error category beside `error.type`; and all are counted."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import Status, StatusCode

from otel_distro.pipeline import span_errors

from .conftest import GuardedSdk


def category(sdk: GuardedSdk, name: str = "work") -> Any:
    span = next(span for span in sdk.spans() if span.name == name)
    return (span.attributes or {}).get("otel_distro.error.category")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyError("config"), "data"),
        (ConnectionResetError("peer"), "transient"),
        (TimeoutError("no answer"), "transient"),
        (PermissionError("denied"), "configuration"),
        (MemoryError(), "resource"),
        (ZeroDivisionError("division by zero"), "unknown"),
        (RuntimeError("rate limit reached, try again"), "transient"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_exception_has_a_category(sdk: GuardedSdk, error: Exception, expected: str) -> None:
    """By its class; by words of its message if the class is unknown."""
    with pytest.raises(type(error)), sdk.tracer.start_as_current_span("work"):
        raise error

    assert category(sdk) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, "configuration"),
        (402, "resource"),
        (422, "data"),
        (429, "transient"),
        (503, "transient"),
    ],
)
def test_a_status_code_decides_first(sdk: GuardedSdk, status: int, expected: str) -> None:
    """With any name of the class."""
    span = sdk.tracer.start_span("work")
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("error.type", "openai.APIConnectionError")
    span.set_status(Status(StatusCode.ERROR))
    span.end()

    assert category(sdk) == expected
    (ended,) = sdk.spans()
    assert (ended.attributes or {})["error.type"] == "openai.APIConnectionError"


def test_an_error_type_alone_is_an_error(sdk: GuardedSdk) -> None:
    """Some instrumentations set no status."""
    sdk.tracer.start_span("work", attributes={"error.type": "ValidationError"}).end()

    assert category(sdk) == "data"


def test_a_span_that_went_well_has_no_category(sdk: GuardedSdk) -> None:
    """Even with a handled exception inside."""
    with sdk.tracer.start_as_current_span("work") as span:
        span.record_exception(ValueError("caught"))

    assert category(sdk) is None


def test_a_failed_model_call_keeps_its_cost(sdk: GuardedSdk) -> None:
    """The span has both."""
    sdk.tracer.start_span(
        "chat gpt-4o",
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "error.type": "RateLimitError",
        },
    ).end()

    (span,) = sdk.spans()
    assert (span.attributes or {})["otel_distro.error.category"] == "transient"
    assert (span.attributes or {})["otel_distro.cost.status"]


def test_errors_are_counted_by_category(sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the error type, and without span names, whose number is unbounded."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(span_errors, "get_meter", provider.get_meter)
    for _ in range(2):
        with pytest.raises(KeyError), sdk.tracer.start_as_current_span("work"):
            raise KeyError("x")

    data: Any = reader.get_metrics_data()
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    (point,) = metric.data.data_points
    assert metric.name == "otel_distro.errors"
    assert point.value == 2
    assert dict(point.attributes) == {
        "otel_distro.error.category": "data",
        "error.type": "KeyError",
    }
    provider.shutdown()
