"""AWS Bedrock through botocore: the service counts cached tokens separately from the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_pricing.model.instrumentations import words_of
from otel_pricing.reading.dialects import otel_genai
from otel_pricing.reading.dialects.reading import Dialect

if TYPE_CHECKING:
    from otel_pricing.model.record import SpanRecord

SCOPE_MARKS = words_of("bedrock")


def matches(record: SpanRecord) -> bool:
    """Return whether the span comes from an instrumentation of the AWS client itself."""
    return any(mark in record.scope_name.lower() for mark in SCOPE_MARKS)


BEDROCK = Dialect(
    "bedrock", matches=matches, operation=otel_genai.operation, input_excludes_cache=True
)
