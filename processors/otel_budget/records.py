"""A latency verdict with the span it is about, ready to be told, counted and stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_budget import attributes as names

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

    from otel_budget.latency import LatencyBudgets, LatencyVerdict


@dataclass(frozen=True, slots=True)
class LatencyRecord:
    """How one ended span stands against its latency budget."""

    verdict: LatencyVerdict
    context: SpanContext
    start_ns: int
    end_ns: int
    """Nanoseconds since the Unix epoch."""

    @classmethod
    def of(cls, span: ReadableSpan, budgets: LatencyBudgets) -> LatencyRecord | None:
        """Judge *span*; None where its name has no budget or it has no times."""
        context, start, end = span.get_span_context(), span.start_time, span.end_time
        if context is None or start is None or end is None:
            return None
        verdict = budgets.judge(span.name, start, end)
        return None if verdict is None else cls(verdict, context, start, end)

    def attributes(self) -> dict[str, str | bool | float]:
        """Return the attributes that mark the span, if it exceeded its budget; else none."""
        if not self.verdict.exceeded:
            return {}
        return {
            names.EXCEEDED: True,
            names.LIMIT_MS: self.verdict.budget.ms,
            names.OVERAGE_MS: round(self.verdict.overage_ms, 2),
            names.OVERAGE_PERCENT: self.verdict.overage_percent,
        }
