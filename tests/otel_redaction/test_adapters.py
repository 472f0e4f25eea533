"""The two processors in a plain SDK pipeline, without the distribution."""

from __future__ import annotations

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_redaction import Policy, RedactingLogRecordProcessor, RedactingSpanProcessor

EMAIL = "ada@lovelace.example"


def test_a_span_is_redacted_for_the_processor_behind() -> None:
    """Only the wrapped processor is protected."""
    behind, beside = InMemorySpanExporter(), InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(RedactingSpanProcessor(SimpleSpanProcessor(behind)))
    provider.add_span_processor(SimpleSpanProcessor(beside))
    provider.get_tracer("app").start_span(f"mail {EMAIL}").end()

    assert provider.force_flush()
    assert [span.name for span in behind.get_finished_spans()] == ["mail [EMAIL]"]
    assert [span.name for span in beside.get_finished_spans()] == [f"mail {EMAIL}"]
    provider.shutdown()


def test_a_policy_can_be_given() -> None:
    """The same as for text."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    policy = Policy.from_mapping({"kinds": {"email": "allow"}})
    provider.add_span_processor(RedactingSpanProcessor(SimpleSpanProcessor(exporter), policy))
    provider.get_tracer("app").start_span(f"mail {EMAIL}").end()

    assert [span.name for span in exporter.get_finished_spans()] == [f"mail {EMAIL}"]


def test_a_log_record_is_redacted_for_the_processor_behind() -> None:
    """Body and attributes."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(
        RedactingLogRecordProcessor(SimpleLogRecordProcessor(exporter))
    )
    provider.get_logger("app").emit(LogRecord(body=EMAIL, attributes={"mail": EMAIL}))

    assert provider.force_flush()
    (entry,) = exporter.get_finished_logs()
    assert entry.log_record.body == "[EMAIL]"
    assert entry.log_record.attributes == {"mail": "[EMAIL]"}
    provider.shutdown()
