"""Latency budgets alone, for people who build their own SDK pipeline.

provider.add_span_processor(BudgetSpanProcessor([LatencyBudget("search_*", 2000)]))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor

from otel_budget.latency import DEFAULT_LATENCY_BUDGETS, LatencyBudget, LatencyBudgets
from otel_budget.records import LatencyRecord
from otel_budget.telling import LatencyTeller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.trace import ReadableSpan


class BudgetSpanProcessor(SpanProcessor):
    """Judges every span that ends against the latency budgets and tells of the outcome.

    A counter and log records are emitted through the global providers. A finished span cannot be
    changed, so the span itself is not marked; under the distribution it is.
    """

    def __init__(self, budgets: Iterable[LatencyBudget] = DEFAULT_LATENCY_BUDGETS) -> None:
        self._budgets = LatencyBudgets(budgets)
        self._teller: LatencyTeller | None = None

    def on_end(self, span: ReadableSpan) -> None:
        """Judge *span*."""
        record = LatencyRecord.of(span, self._budgets)
        if record is None:
            return
        # Made late, so that providers set up after this processor are the ones used.
        if self._teller is None:
            self._teller = LatencyTeller()
        self._teller.judged((record,))
