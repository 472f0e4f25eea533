"""The guard inside real providers: exported records, their shape, and no exceptions."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import Link, SpanContext, StatusCode, TraceFlags, TraceState

from otel_distro.pipeline.fan_out import GuardSpanProcessor
from otel_redaction.span_view import RedactedSpan

from .conftest import EMAIL, GuardedSdk

CARD = "4111 1111 1111 1111"
KEY = "sk-proj-9QmZt7LkXw2VbN4rT8yUc3Ef6Gh1Jk5Lp0Aa"


def test_every_text_of_a_span_is_redacted(sdk: GuardedSdk) -> None:
    """Name, attributes, nested values, events, exception, status, links, scope, state."""
    state = TraceState([("vendor", EMAIL)])
    linked = SpanContext(5, 6, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    tracer = sdk.tracer_provider.get_tracer(
        f"scoped {EMAIL}",
        f"1.0+{KEY}",
        f"https://schemas.example/1?api_key={KEY}",
        attributes={"owner": EMAIL},
    )
    with (
        pytest.raises(ValueError, match="card"),
        tracer.start_as_current_span(f"look up {EMAIL}", links=[Link(linked, {"m": EMAIL})]) as s,
    ):
        s.set_attribute("text", f"card {CARD}")
        s.set_attribute("list", [EMAIL, "fine"])
        s.set_attribute("map", {"deep": {"mail": EMAIL}})
        s.set_attribute("json", f'{{"key": "{KEY}"}}')
        s.add_event(f"asked by {EMAIL}", {"who": EMAIL})
        raise ValueError(f"card {CARD} of {EMAIL}")

    (span,) = sdk.spans()
    wire = encode_spans([span]).SerializeToString() + span.to_json().encode()
    for secret in (EMAIL, CARD, KEY):
        assert secret.encode() not in wire
    assert span.name == "look up [EMAIL]"
    assert span.status.status_code is StatusCode.ERROR


def test_every_text_of_a_log_record_is_redacted(sdk: GuardedSdk) -> None:
    """Body, nested body, attributes, exception, event name."""
    sdk.logger.emit(
        LogRecord(
            body={"said": f"mail {EMAIL}", "parts": [CARD]},
            attributes={"key": KEY},
            event_name=f"event of {EMAIL}",
            severity_number=SeverityNumber.WARN,
            exception=RuntimeError(f"token {KEY} of {EMAIL}"),
        )
    )

    (entry,) = sdk.log_records()
    wire = encode_logs([entry]).SerializeToString() + entry.to_json().encode()
    for secret in (EMAIL, CARD, KEY):
        assert secret.encode() not in wire
    assert entry.log_record.body["said"] == "mail [EMAIL]"
    assert entry.log_record.exception is None
    assert entry.log_record.severity_number is SeverityNumber.WARN


def test_ids_times_and_measurements_are_never_touched(sdk: GuardedSdk) -> None:
    """They are exported unchanged."""
    kept: dict[str, Any] = {
        "gen_ai.usage.input_tokens": 4111111111111111,
        "ratio": 0.5,
        "cached": True,
        "service.version": "10.20.30.40",
        "gen_ai.request.model": "gpt-4o-2024-08-06",
    }
    span = sdk.tracer.start_span("work", start_time=1_700_000_000_000_000_001, attributes=kept)
    span.end(1_700_000_000_000_000_009)

    (seen,) = sdk.spans()
    assert {key: seen.attributes[key] for key in kept} == kept
    assert (seen.start_time, seen.end_time) == (
        1_700_000_000_000_000_001,
        1_700_000_000_000_000_009,
    )
    assert seen.context.span_id == span.get_span_context().span_id


def test_all_processors_get_the_same_view_and_pay_once(sdk: GuardedSdk) -> None:
    """Two exporters, one redaction."""
    seen: list[ReadableSpan] = []

    class Late(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            seen.append(span)

    sdk.tracer_provider.add_span_processor(Late())
    sdk.tracer.start_span("work", attributes={"mail": EMAIL}).end()

    (first,), (second,) = sdk.spans(), seen
    assert second is first
    assert second.attributes == {"mail": "[EMAIL]"}
    assert [tally for signal, tally in sdk.observer.tallies if signal == "traces"].count(
        {"email": 1}
    ) <= 2


def test_a_tracer_made_before_the_guard_is_guarded_as_well() -> None:
    """Tracers reference the provider's processor; the guard replaces the fan-out inside it."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from otel_distro.pipeline.install import guard_tracer_provider

    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("early")
    guard_tracer_provider(provider, GuardedSdk().pipeline)
    tracer.start_span(EMAIL).end()

    assert [span.name for span in exporter.get_finished_spans()] == ["[EMAIL]"]


def test_a_processor_that_raises_never_reaches_the_app(sdk: GuardedSdk) -> None:
    """Neither at the start of a span nor at its end; other processors are still called."""

    class Broken(SpanProcessor):
        def on_start(self, span: Span, parent_context: Any = None) -> None:
            raise RuntimeError("start")

        def on_end(self, span: ReadableSpan) -> None:
            raise RuntimeError("end")

    sdk.tracer_provider._active_span_processor._span_processors = (
        Broken(),
        *sdk.tracer_provider._active_span_processor._span_processors,
    )
    sdk.tracer.start_span("work").end()

    assert [span.name for span in sdk.spans()] == ["work"]
    assert sdk.internal_errors.counts() == {"on_start": 1, "on_end": 1}


def test_a_span_that_passes_two_guards_is_redacted_once(sdk: GuardedSdk) -> None:
    """A view of a view would redact markers and cost twice."""
    view = sdk.pipeline.guard_span(
        RedactedSpan(ReadableSpan("x", context=SpanContext(1, 2, is_remote=False)), sdk.shield)
    )

    assert view is not None
    assert sdk.pipeline.guard_span(view) is view


def test_making_a_view_reads_nothing(sdk: GuardedSdk) -> None:
    """The app's thread pays for one small object; redaction waits for the first reader."""
    sdk.tracer_provider._active_span_processor._span_processors = ()

    class Keep(SpanProcessor):
        spans: list[ReadableSpan] = []

        def on_end(self, span: ReadableSpan) -> None:
            self.spans.append(span)

    sdk.tracer_provider.add_span_processor(Keep())
    sdk.tracer.start_span("work", attributes={"mail": EMAIL}).end()

    assert sdk.observer.tallies == []
    assert Keep.spans[0].attributes == {"mail": "[EMAIL]"}
    assert sdk.observer.tallies == [("traces", {"email": 1})]


def test_a_model_call_carries_its_cost(sdk: GuardedSdk) -> None:
    """1200 x 2.50 + 300 x 10 = 6000 micro-dollars, on the span that is exported."""
    sdk.tracer.start_span(
        "chat gpt-4o",
        attributes={
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 300,
        },
    ).end()

    (span,) = sdk.spans()
    assert span.attributes["gen_ai.usage.cost.amount"] == 0.006
    assert span.attributes["gen_ai.usage.cost.currency"] == "USD"
    assert span.attributes["otel_distro.cost.status"] == "priced"


def test_a_slow_operation_is_marked(sdk: GuardedSdk) -> None:
    """10 ms are allowed for query_normalization by default; this one took 25."""
    sdk.tracer.start_span("query_normalization", start_time=0).end(25_000_000)

    (span,) = sdk.spans()
    assert span.attributes["otel_distro.budget.exceeded"] is True
    assert span.attributes["otel_distro.budget.overage_ms"] == 15.0


def test_with_failing_accounting_a_span_lacks_only_its_cost(
    sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounting fails open."""

    def broken(span: ReadableSpan) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(sdk.accounts, "take", broken)
    sdk.tracer.start_span("work", attributes={"mail": EMAIL}).end()

    assert [dict(span.attributes) for span in sdk.spans()] == [{"mail": "[EMAIL]"}]
    assert sdk.internal_errors.counts() == {"account": 1}


def test_log_records_can_still_be_changed_by_later_processors(sdk: GuardedSdk) -> None:
    """The SDK allows it; their value replaces ours."""
    from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord

    class Stamp(LogRecordProcessor):
        def on_emit(self, log_record: ReadWriteLogRecord) -> None:
            log_record.log_record.body = "stamped"

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    fan_out = sdk.logger_provider._multi_log_record_processor
    fan_out._log_record_processors = (Stamp(), *fan_out._log_record_processors)
    sdk.logger.emit(LogRecord(body=EMAIL))

    assert sdk.log_records()[0].log_record.body == "stamped"


def test_the_guard_is_the_fan_out(sdk: GuardedSdk) -> None:
    """First and only processor."""
    assert isinstance(sdk.tracer_provider._active_span_processor, GuardSpanProcessor)
