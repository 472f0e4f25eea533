"""Installation of the guard in providers, and the private names of the SDK that it uses."""

from __future__ import annotations

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs._internal import (
    ConcurrentMultiLogRecordProcessor,
    SynchronousMultiLogRecordProcessor,
)
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import (
    ConcurrentMultiSpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline import canary
from otel_distro.pipeline.install import (
    GuardError,
    disarm,
    guard_logger_provider,
    guard_providers,
    guard_tracer_provider,
    is_guarded,
)
from otel_distro.pipeline.pipeline import NO_ACCOUNTS, Pipeline
from otel_redaction import Policy, Redactor
from otel_redaction.people import vocabulary
from otel_redaction.shield import OpenShield, Shield

from .conftest import EMAIL, GuardedSdk


@pytest.fixture
def pipeline(sdk: GuardedSdk) -> Pipeline:
    return sdk.pipeline


def test_the_private_names_of_the_sdk_exist() -> None:
    """One assertion for each name the guard relies on; a new SDK that lacks one fails here."""
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.get_tracer("app")
    logger_provider = LoggerProvider(shutdown_on_exit=False)
    reader = InMemoryMetricReader()
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)

    assert type(tracer_provider._active_span_processor) is SynchronousMultiSpanProcessor
    assert tracer_provider._active_span_processor._span_processors == ()
    (tracer,) = tracer_provider._tracers.values()
    assert tracer.span_processor is tracer_provider._active_span_processor
    assert tracer.sampler is tracer_provider.sampler
    assert type(logger_provider._multi_log_record_processor) is SynchronousMultiLogRecordProcessor
    assert logger_provider._multi_log_record_processor._log_record_processors == ()
    logger = logger_provider.get_logger("app")
    assert list(logger_provider._active_loggers) == [logger]
    consumer = meter_provider._measurement_consumer
    assert list(consumer._reader_storages) == [reader]
    assert isinstance(consumer._async_instruments, list)
    assert callable(reader._set_collect_callback)
    assert callable(_OTelSDKConfigurator._configure)
    assert hasattr(TracerProvider(), "_atexit_handler")
    assert hasattr(LoggerProvider(), "_at_exit_handler")


def test_a_concurrent_fan_out_is_put_behind_the_guard(pipeline: Pipeline) -> None:
    """Existing tracers are pointed to the guard."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(
        active_span_processor=ConcurrentMultiSpanProcessor(), shutdown_on_exit=False
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("early")
    guard_tracer_provider(provider, pipeline)
    tracer.start_span(EMAIL).end()

    assert [span.name for span in exporter.get_finished_spans()] == ["[EMAIL]"]
    assert is_guarded(provider)


def test_a_concurrent_fan_out_of_log_records_is_put_behind_the_guard(pipeline: Pipeline) -> None:
    """Existing loggers are pointed to the guard."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(
        multi_log_record_processor=ConcurrentMultiLogRecordProcessor(), shutdown_on_exit=False
    )
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = provider.get_logger("early")
    guard_logger_provider(provider, pipeline)
    logger.emit(LogRecord(body=EMAIL))

    assert [e.log_record.body for e in exporter.get_finished_logs()] == ["[EMAIL]"]


def test_guarding_twice_changes_nothing(pipeline: Pipeline) -> None:
    """The second time only replaces the pipeline."""
    provider = TracerProvider(shutdown_on_exit=False)
    guard_tracer_provider(provider, pipeline)
    active = provider._active_span_processor
    guard_tracer_provider(provider, pipeline)

    assert provider._active_span_processor is active


def test_a_provider_of_another_kind_is_left_alone(pipeline: Pipeline, sdk: GuardedSdk) -> None:
    """An API-only provider exports nothing, so there is nothing to guard."""
    guard_providers(object(), object(), object(), pipeline, sdk.shield)


def test_a_provider_that_cannot_be_guarded_exports_nothing(
    pipeline: Pipeline, sdk: GuardedSdk
) -> None:
    """Better no telemetry than unguarded telemetry."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("early")
    del provider._tracers  # as in an SDK with other internals

    with pytest.raises(GuardError, match="nothing is exported from it"):
        guard_providers(provider, None, None, pipeline, sdk.shield)

    tracer.start_span(EMAIL).end()
    assert exporter.get_finished_spans() == ()


def test_a_disarmed_meter_provider_exports_nothing() -> None:
    """Its readers are never called back."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("app").create_counter("orders").add(1)
    disarm(provider)

    assert reader.get_metrics_data() is None


def test_a_logger_made_before_the_guard_is_guarded(pipeline: Pipeline) -> None:
    """The fan-out keeps its identity."""
    provider = LoggerProvider(shutdown_on_exit=False)
    before = provider._multi_log_record_processor
    guard_logger_provider(provider, pipeline)

    assert provider._multi_log_record_processor is before
    assert is_guarded(provider)


def test_the_canary_comes_out_masked(pipeline: Pipeline) -> None:
    """And does not change the counters."""
    assert canary.leaks(pipeline) == ()


@pytest.mark.parametrize(
    "policy",
    [
        Policy(kinds={"email": "allow", "credit_card": "allow"}),
        Policy(allow_keys=frozenset({"owner", "note", "nested", "exception.message"})),
        Policy(allow_values=frozenset(canary.SECRETS)),
    ],
    ids=["kinds", "keys", "values"],
)
def test_values_allowed_by_a_policy_are_not_leaks(policy: Policy) -> None:
    """Otherwise one allowed kind would stop all telemetry."""
    shield = Shield(Redactor(policy))

    assert canary.leaks(Pipeline(shield, NO_ACCOUNTS, InternalErrors())) == ()


def test_the_canary_reads_no_vocabulary_of_names(pipeline: Pipeline) -> None:
    """It would be the largest part of a short program's memory."""
    vocabulary._table.cache_clear()
    canary.leaks(pipeline)

    assert vocabulary._table.cache_info().currsize == 0


def test_the_canary_notices_a_guard_that_lets_things_through(pipeline: Pipeline) -> None:
    """A shield that does nothing is detected."""
    assert canary.leaks(Pipeline(OpenShield(), NO_ACCOUNTS, InternalErrors())) == canary.SECRETS
