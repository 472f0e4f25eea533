"""A guarded SDK inside the test process: real providers, in-memory exporters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_budget import LatencyBudgets
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.install import guard_providers
from otel_distro.pipeline.pipeline import Pipeline
from otel_pricing import PriceBook
from otel_redaction import Redactor
from otel_redaction.shield import Shield
from support.otlp_sink import OtlpSink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EMAIL = "ada@lovelace.example"


@dataclass
class RecordingObserver:
    """An observer of the shield that records its calls."""

    tallies: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    errors: list[tuple[str, BaseException]] = field(default_factory=list)

    def redacted(self, signal: str, tally: Mapping[str, int]) -> None:
        self.tallies.append((signal, dict(tally)))

    def failed(self, signal: str, error: BaseException) -> None:
        self.errors.append((signal, error))


class GuardedSdk:
    """Three providers with in-memory exporters behind the guard."""

    def __init__(self, redactor: Redactor | None = None, *, withhold: bool = False) -> None:
        resource = Resource({"service.name": "shop", "owner": EMAIL})
        self.observer = RecordingObserver()
        self.internal_errors = InternalErrors()
        self.shield = Shield(redactor, observer=self.observer, withhold=withhold)
        self.accounts = Accounts(
            load_prices=PriceBook, latency=LatencyBudgets(), internal_errors=self.internal_errors
        )
        self.pipeline = Pipeline(self.shield, self.accounts, self.internal_errors)

        self.span_exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.span_exporter))

        self.log_exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.logger_provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.log_exporter))

        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider(
            [self.reader], resource=resource, shutdown_on_exit=False
        )
        guard_providers(
            self.tracer_provider,
            self.logger_provider,
            self.meter_provider,
            self.pipeline,
            self.shield,
        )
        self.tracer = self.tracer_provider.get_tracer("app")
        self.logger = self.logger_provider.get_logger("app")
        self.meter = self.meter_provider.get_meter("app")

    def spans(self) -> list[Any]:
        return list(self.span_exporter.get_finished_spans())

    def log_records(self) -> list[Any]:
        return list(self.log_exporter.get_finished_logs())

    def points(self, metric_name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == metric_name
            for point in metric.data.data_points
        ]


@pytest.fixture
def sdk() -> GuardedSdk:
    return GuardedSdk()


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    """A real OTLP receiver on loopback."""
    with OtlpSink() as receiver:
        yield receiver
