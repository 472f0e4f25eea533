"""Failed redaction: no content is exported; ids, timing and cost are, and it is counted."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.trace import use_span

from otel_redaction import Redactor

from .conftest import EMAIL, GuardedSdk


class BrokenRedactor(Redactor):
    """Raises in the chosen methods."""

    def __init__(self, *broken: str) -> None:
        super().__init__()
        self._broken = broken

    def text(
        self, text: str, tally: MutableMapping[str, int] | None = None, *, content: bool = True
    ) -> str:
        if "text" in self._broken:
            raise RuntimeError(f"cannot redact {text}")
        return super().text(text, tally, content=content)

    def value(self, key: str, value: Any, tally: MutableMapping[str, int] | None = None) -> Any:
        if "value" in self._broken:
            raise RecursionError(value)
        return super().value(key, value, tally)

    def attributes(
        self, attributes: Mapping[str, Any], tally: MutableMapping[str, int] | None = None
    ) -> dict[str, Any]:
        if "attributes" in self._broken:
            raise MemoryError
        return super().attributes(attributes, tally)


CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.input.messages": f"mail {EMAIL}",
}


@pytest.mark.parametrize("broken", ["text", "value", "attributes"])
def test_a_span_leaves_without_content_when_the_redactor_raises(broken: str) -> None:
    """At any point."""
    sdk = GuardedSdk(BrokenRedactor(broken, "text", "value"))
    span = sdk.tracer.start_span(f"chat for {EMAIL}", attributes=CALL)
    with pytest.raises(ValueError, match="app"):
        with use_span(span, end_on_exit=True):
            span.add_event(f"asked by {EMAIL}", {"who": EMAIL})
            raise ValueError(f"app error of {EMAIL}")

    (seen,) = sdk.spans()
    wire = encode_spans([seen]).SerializeToString() + seen.to_json().encode()
    assert EMAIL.encode() not in wire
    assert seen.context.span_id == span.get_span_context().span_id
    assert seen.end_time > seen.start_time
    assert seen.attributes["gen_ai.usage.input_tokens"] == 1200
    assert seen.attributes["gen_ai.usage.cost.amount"] == 0.006
    assert sdk.observer.errors


@pytest.mark.parametrize("broken", ["text", "value", "attributes"])
def test_a_log_record_leaves_without_content_when_the_redactor_raises(broken: str) -> None:
    """Time, severity and trace stay."""
    sdk = GuardedSdk(BrokenRedactor(broken, "text", "value", "attributes"))
    sdk.logger.emit(LogRecord(timestamp=7, body=EMAIL, attributes={"mail": EMAIL}))

    (entry,) = sdk.log_records()
    assert EMAIL.encode() not in encode_logs([entry]).SerializeToString()
    assert entry.log_record.timestamp == 7
    assert sdk.observer.errors


def test_a_measurement_is_recorded_without_attributes_when_the_redactor_raises() -> None:
    """The number counts; the user is not exported. A name is text, and is not exported either."""
    sdk = GuardedSdk(BrokenRedactor("value", "attributes"))
    sdk.meter.create_counter("orders").add(3, {"who": EMAIL})

    (point,) = sdk.points("orders")
    assert (point.value, dict(point.attributes)) == (3, {})


def test_withholding_lets_numbers_pass_and_no_text() -> None:
    """As in a distribution with unusable redaction settings."""
    sdk = GuardedSdk(withhold=True)
    sdk.tracer.start_span("plain name", attributes={**CALL, "note": "plain"}).end()

    (seen,) = sdk.spans()
    assert seen.name == "[WITHHELD]"
    assert seen.attributes["gen_ai.usage.output_tokens"] == 300
    assert seen.attributes["otel_distro.cost.nano_usd"] == 6_000_000
    assert "note" not in seen.attributes
    assert b"plain" not in encode_spans([seen]).SerializeToString()


def test_the_message_about_a_failure_does_not_repeat_the_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error during redaction may quote the text."""
    from otel_distro.base.internal_errors import InternalErrors

    InternalErrors().record("redaction", ValueError(f"cannot redact {EMAIL}"))

    assert EMAIL not in capsys.readouterr().err
