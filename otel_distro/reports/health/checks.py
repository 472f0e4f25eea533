"""The checks of `otel-distro reports health`, over the ledger, budgets and the machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.reports.budgets.report import BudgetLine

MEMORY_CRITICAL, MEMORY_WARNING = 90.0, 80.0
ERRORS_CRITICAL, ERRORS_WARNING = 50, 20
_ORDER = ("healthy", "warning", "degraded", "critical")


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The result of one check."""

    name: str
    status: str
    """healthy, warning, degraded or critical."""
    found: str
    value: float

    @property
    def severity(self) -> str:
        """Severity of its alert; empty if it raises none."""
        return {"critical": "critical", "degraded": "warning"}.get(self.status, "")


def overall(checks: Sequence[HealthCheck]) -> str:
    """Return the worst status; `healthy` and `warning` need no action now."""
    return max((check.status for check in checks), key=_ORDER.index, default="healthy")


def check_memory(percent: float) -> HealthCheck:
    """Check the share of the machine's memory in use."""
    status = _graded(percent, MEMORY_CRITICAL, MEMORY_WARNING)
    return HealthCheck("memory", status, f"{percent:.0f} % in use", percent)


def check_ledger(ledger: Ledger, now: datetime) -> Iterator[HealthCheck]:
    """Check errors and exceeded latency budgets of the last hour."""
    from otel_cost_ledger.query.costs import costs
    from otel_cost_ledger.query.violations import violations

    since = now - timedelta(hours=1)
    total = costs(ledger, since, by=()).total
    status = _graded(total.failed_calls, ERRORS_CRITICAL, ERRORS_WARNING)
    detail = f"{total.failed_calls} of {total.calls} calls failed in the last hour"
    yield HealthCheck("errors", status, detail, total.failed_calls)
    count = len(violations(ledger, since))
    detail = f"{count} latency budgets exceeded in the last hour"
    yield HealthCheck("latency", "degraded" if count else "healthy", detail, count)


def check_budgets(lines: Sequence[BudgetLine]) -> Iterator[HealthCheck]:
    """Check each cost budget by its remaining amount."""
    for line in lines:
        limit = line.budget.limit
        percent = 100 * line.spent / limit if limit else 100.0
        status = "degraded" if line.left == 0 else "warning" if percent >= 80 else "healthy"
        yield HealthCheck(
            f"budget {line.budget.name}", status, f"{percent:.0f} % spent", round(percent, 1)
        )


def _graded(value: float, critical: float, warning: float) -> str:
    if value > critical:
        return "critical"
    return "warning" if value > warning else "healthy"
