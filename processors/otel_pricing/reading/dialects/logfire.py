"""Logfire's OpenAI and Anthropic instrumentations: a streamed call is a span and then a log.

The span ends when the stream begins, so it has no data of the response. The log is a span without
duration, written when the stream ends or is abandoned, with all facts of the call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing.model.instrumentations import scopes_of
from otel_pricing.model.values import nanoseconds, text
from otel_pricing.reading.dialects import otel_genai, raw_usage
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.call import ModelCall
    from otel_pricing.model.record import SpanRecord

SCOPES = scopes_of("logfire")
SPAN_TYPE = "logfire.span_type"
LOG = "log"
DURATION = "duration"
_ANSWERED = ("gen_ai.response.id", "gen_ai.output.messages", "response_data", "gen_ai.usage.raw")


def matches(record: SpanRecord) -> bool:
    """Return whether the span is from one of Logfire's own instrumentations."""
    return record.scope_name.startswith(SCOPES) and SPAN_TYPE in record.attributes


def operation(record: SpanRecord) -> str | None:
    """Return the model-call operation; None if the log at the end of the stream has it."""
    attributes = record.attributes
    answered = any(name in attributes for name in _ANSWERED)
    if text(attributes.get(SPAN_TYPE)) != LOG and not answered and not record.status_is_error:
        return None
    return otel_genai.operation(record)


def refine(record: SpanRecord, call: ModelCall) -> ModelCall:
    """Set the duration of a log's call to that of the stream."""
    call = raw_usage.refine(record, call)
    if text(record.attributes.get(SPAN_TYPE)) != LOG:
        return call
    lasted = nanoseconds(record.attributes.get(DURATION)) or 0
    return replace(call, start_ns=max(0, call.end_ns - lasted), streamed=True)


LOGFIRE = Dialect("logfire", matches=matches, operation=operation, refine=refine)
