"""`BudgetSpanProcessor` in a plain SDK pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from otel_budget import BudgetSpanProcessor, LatencyBudget, processor

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_000_000


class Emitted:
    """Output of the processor through real providers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.reader = InMemoryMetricReader()
        logs = LoggerProvider(shutdown_on_exit=False)
        logs.add_log_record_processor(SimpleLogRecordProcessor(self.records))
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        monkeypatch.setattr(processor, "get_logger", logs.get_logger)
        monkeypatch.setattr(processor, "get_meter", meters.get_meter)

    def log_records(self) -> list[Any]:
        return [entry.log_record for entry in self.records.get_finished_logs()]

    def violations(self) -> int:
        data = self.reader.get_metrics_data()
        if data is None:
            return 0
        return sum(
            int(getattr(point, "value", 0))
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        )


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> Emitted:
    return Emitted(monkeypatch)


@pytest.fixture
def run_span() -> Callable[[str, int], int]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BudgetSpanProcessor([LatencyBudget("search_*", 100)]))

    def run(name: str, duration_ms: int) -> int:
        span = provider.get_tracer("app").start_span(name, start_time=1 * MS)
        span.end(end_time=(1 + duration_ms) * MS)
        return span.get_span_context().trace_id

    return run


def test_a_span_over_its_budget_is_counted_and_warned_of(
    emitted: Emitted, run_span: Callable[[str, int], int]
) -> None:
    """The warning carries the trace, so that one click leads to the slow request."""
    trace_id = run_span("search_docs", 150)

    (record,) = emitted.log_records()
    assert record.severity_number is SeverityNumber.WARN
    assert record.trace_id == trace_id
    assert record.attributes["otel_distro.budget.overage_ms"] == 50
    assert record.attributes["otel_distro.budget.overage_percent"] == 50.0
    assert emitted.violations() == 1


def test_a_span_within_its_budget_leaves_a_debug_record_with_the_margin(
    emitted: Emitted, run_span: Callable[[str, int], int]
) -> None:
    """Nothing is counted; debug records show the margin."""
    run_span("search_docs", 40)

    (record,) = emitted.log_records()
    assert record.severity_number is SeverityNumber.DEBUG
    assert record.attributes["otel_distro.budget.margin_ms"] == 60
    assert emitted.violations() == 0


def test_a_span_without_a_budget_is_not_reported(
    emitted: Emitted, run_span: Callable[[str, int], int]
) -> None:
    """Most spans have no budget."""
    run_span("other", 10_000)

    assert emitted.log_records() == []
