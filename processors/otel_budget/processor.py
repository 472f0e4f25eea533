"""Span processor for latency budgets in an SDK pipeline without the distribution.

provider.add_span_processor(BudgetSpanProcessor([LatencyBudget("search_*", 2000)]))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.context import Context
from opentelemetry.metrics import get_meter
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from otel_budget import attributes as names
from otel_budget.latency import (
    DEFAULT_LATENCY_BUDGETS,
    LatencyBudget,
    LatencyBudgets,
    LatencyRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.trace import ReadableSpan


class BudgetSpanProcessor(SpanProcessor):
    """Checks every ended span against the latency budgets and reports violations.

    A counter and log records are emitted through the global providers. A finished span cannot be
    changed, so the span itself is not marked; under the distribution it is.
    """

    def __init__(self, budgets: Iterable[LatencyBudget] = DEFAULT_LATENCY_BUDGETS) -> None:
        self._budgets = LatencyBudgets(budgets)
        self._reporter: LatencyReporter | None = None

    def on_end(self, span: ReadableSpan) -> None:
        """Check *span* against its budget."""
        record = LatencyRecord.of(span, self._budgets)
        if record is None:
            return
        # Created late, to use providers that are set up after this processor.
        if self._reporter is None:
            self._reporter = LatencyReporter()
        self._reporter.judged((record,))


class LatencyReporter:
    """Emits through the given meter and logger providers, by default the global ones."""

    def __init__(self) -> None:
        self._logger = get_logger(names.SCOPE)
        self._violations = get_meter(names.SCOPE).create_counter(
            names.VIOLATIONS,
            unit="{violation}",
            description="Spans that exceeded their latency budget",
        )

    def judged(self, records: Iterable[LatencyRecord]) -> None:
        """Report each verdict."""
        for record in records:
            if record.verdict.exceeded:
                self._exceeded(record)
            else:
                self._met(record)

    def _exceeded(self, record: LatencyRecord) -> None:
        verdict = record.verdict
        operation = verdict.budget.operation
        self._violations.add(1, {names.OPERATION: operation})
        body = (
            f"latency budget exceeded: {operation} took {verdict.actual_ms:.2f} ms "
            f"of {verdict.budget.ms:g} ms"
        )
        attributes = {
            names.LIMIT_MS: verdict.budget.ms,
            names.ACTUAL_MS: round(verdict.actual_ms, 2),
            names.OVERAGE_MS: round(verdict.overage_ms, 2),
            names.OVERAGE_PERCENT: verdict.overage_percent,
        }
        self._emit(record, SeverityNumber.WARN, names.EXCEEDED_EVENT, body, attributes)

    def _met(self, record: LatencyRecord) -> None:
        verdict = record.verdict
        attributes = {
            names.LIMIT_MS: verdict.budget.ms,
            names.ACTUAL_MS: round(verdict.actual_ms, 2),
            names.MARGIN_MS: round(-verdict.overage_ms, 2),
        }
        body = f"latency budget met: {verdict.budget.operation}"
        self._emit(record, SeverityNumber.DEBUG, names.MET_EVENT, body, attributes)

    def _emit(
        self,
        record: LatencyRecord,
        severity: SeverityNumber,
        event_name: str,
        body: str,
        numbers: dict[str, float],
    ) -> None:
        budget = record.verdict.budget
        self._logger.emit(
            LogRecord(
                timestamp=record.end_ns,
                context=set_span_in_context(NonRecordingSpan(record.context), Context()),
                severity_number=severity,
                severity_text=severity.name,
                event_name=event_name,
                body=body,
                attributes={
                    names.OPERATION: budget.operation,
                    names.PRIORITY: budget.priority,
                    **numbers,
                },
            )
        )
