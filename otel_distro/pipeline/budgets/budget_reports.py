"""Reports passed thresholds and refused calls as metrics, log records and attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber, get_logger
from opentelemetry.metrics import get_meter

from otel_budget import attributes as names
from otel_budget.refusal import amount, share
from otel_distro.base import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_budget.accounts.account import Crossing
    from otel_budget.cost_budget import CostBudget
    from otel_budget.refusal import Refusal


class BudgetReporter:
    """Emits through the global providers."""

    def __init__(self, budgets: Mapping[str, CostBudget]) -> None:
        self._budgets = budgets
        self._logger = get_logger(names.SCOPE)
        meter = get_meter(names.SCOPE)
        self._refusals = meter.create_counter(
            names.REFUSALS, unit="{call}", description="Model calls refused by a cost budget"
        )
        self._thresholds = meter.create_counter(
            names.THRESHOLDS, unit="{threshold}", description="Thresholds of cost budgets passed"
        )

    def crossed(self, crossing: Crossing, *, on_stderr: bool = True) -> None:
        """Report that spending has passed a threshold; *on_stderr* also prints it."""
        budget = self._budgets[crossing.account.budget]
        spent, limit = amount(budget.unit, crossing.spent), amount(budget.unit, budget.limit)
        body = (
            f"budget {budget.name!r} is {crossing.percent} % spent: "
            f"{share(budget.unit, crossing.spent, budget.limit)}"
        )
        attributes = {
            names.BUDGET: budget.name,
            names.BUDGET_SCOPE: budget.scope,
            names.UNIT: budget.unit.value,
            names.THRESHOLD_PERCENT: crossing.percent,
            names.SPENT: spent,
            names.LIMIT: limit,
        }
        self._thresholds.add(
            1, {names.BUDGET: budget.name, names.THRESHOLD_PERCENT: crossing.percent}
        )
        reached = crossing.percent >= 100
        self._emit(
            SeverityNumber.ERROR if reached else SeverityNumber.WARN,
            names.THRESHOLD_EVENT,
            body,
            attributes,
        )
        if on_stderr:
            messages.warn(body)

    def refused(self, refusal: Refusal) -> None:
        """Mark the current span as refused, and count it."""
        attributes = {names.BUDGET: refusal.budget, names.REQUEST_MODEL: refusal.model}
        self._refusals.add(1, attributes)
        trace.get_current_span().set_attributes(
            {
                names.REFUSED: True,
                names.BUDGET: refusal.budget,
                names.LIMIT: refusal.limit,
                names.SPENT: refusal.spent,
                names.RESETS_AT: refusal.resets_at,
            }
        )
        messages.warn_once(f"a model call was refused: {refusal.reason}")

    def _emit(
        self, severity: SeverityNumber, event: str, body: str, attributes: dict[str, str | int]
    ) -> None:
        self._logger.emit(
            LogRecord(
                severity_number=severity,
                severity_text=severity.name,
                event_name=event,
                body=body,
                attributes=attributes,
            )
        )
