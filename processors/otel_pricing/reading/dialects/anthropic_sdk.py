"""The Anthropic SDK's own spans: the conventions, and the split of cache writes by lifetime."""

from __future__ import annotations

from otel_pricing.model.instrumentations import scopes_of
from otel_pricing.reading.dialects import otel_genai
from otel_pricing.reading.dialects.reading import Dialect

SCOPES = scopes_of("anthropic-sdk")

ANTHROPIC_SDK = Dialect(
    "anthropic-sdk",
    matches=lambda record: record.scope_name.startswith(SCOPES),
    operation=otel_genai.operation,
)
