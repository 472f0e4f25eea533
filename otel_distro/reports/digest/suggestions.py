"""Suggested thresholds, from the data of the last month."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

from otel_budget.cost_budget import NANO_PER_USD, Unit
from otel_budget.windows import WindowKind
from otel_cost_ledger.model.schema import NS_PER_DAY
from otel_distro.reports.alerts.rules import ERROR_RATE, FEWEST_CALLS, LATENCY_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_budget.cost_budget import CostBudget
    from otel_cost_ledger.model.entries import LatencyViolation
    from otel_distro.reports.alerts.anomaly import Hour

FEWEST_DAYS: Final = 7
"""Minimum days with calls for suggestions."""
ROOM: Final = Decimal("1.5")
"""Suggested budget as a multiple of the most expensive day."""
TOO_OFTEN: Final = 0.05
"""An alert active in more than this share of the hours is ignored by its readers."""
FEWEST_VIOLATIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggested change."""

    subject: str
    reason: str
    proposal: str


def suggestions(
    hours: Mapping[int, Hour],
    budgets: Sequence[CostBudget],
    violations: Sequence[LatencyViolation],
) -> list[Suggestion]:
    """Return suggestions from the *hours* with calls of the last month."""
    days = {ns // NS_PER_DAY for ns in hours}
    if len(days) < FEWEST_DAYS:
        return []
    return [
        *_budgets(hours, budgets),
        *_alerts(hours),
        *_latency_budgets(violations),
    ]


def _budgets(hours: Mapping[int, Hour], budgets: Sequence[CostBudget]) -> list[Suggestion]:
    by_day: dict[int, int] = {}
    for ns, hour in hours.items():
        by_day[ns // NS_PER_DAY] = by_day.get(ns // NS_PER_DAY, 0) + hour.cost_nano_usd
    highest = max(by_day.values())
    if not highest:
        return []
    needed = (Decimal(highest) * ROOM / NANO_PER_USD).quantize(Decimal("0.01"), ROUND_CEILING)
    usd = f"${Decimal(highest) / NANO_PER_USD:,.2f}"
    daily = [
        budget
        for budget in budgets
        if budget.scope == "total"
        and budget.unit is Unit.USD
        and budget.calendar.kind is WindowKind.DAY
    ]
    if not daily:
        return [
            Suggestion(
                "no daily budget",
                f"the most expensive day cost {usd}",
                f"OTEL_DISTRO_BUDGET_USD_PER_DAY={needed}",
            )
        ]
    suggestions_found = []
    for budget in daily:
        limit = Decimal(budget.limit) / NANO_PER_USD
        if limit > 5 * needed:
            reason = f"${limit:,.2f} is far above the daily maximum, {usd}: it would warn too late"
        elif budget.limit < highest:
            reason = f"the most expensive day cost {usd}, more than ${limit:,.2f}"
        else:
            continue
        suggestions_found.append(
            Suggestion(f"budget {budget.name!r}", reason, f"limit_usd = {needed}")
        )
    return suggestions_found


def _alerts(hours: Mapping[int, Hour]) -> list[Suggestion]:
    measured = [hour for hour in hours.values() if hour.calls >= FEWEST_CALLS]
    if not measured:
        return []
    suggestions_found = []
    for subject, values, threshold, shown in (
        ("latency alert", [h.latency_ms for h in measured], LATENCY_MS, "{:,.0f} ms"),
        ("error rate alert", [h.error_rate for h in measured], ERROR_RATE, "{:.0%}"),
    ):
        share = sum(value > threshold for value in values) / len(values)
        if share > TOO_OFTEN:
            usual = sorted(values)[int(0.95 * (len(values) - 1))]
            suggestions_found.append(
                Suggestion(
                    subject,
                    f"{share:.0%} of the hours were above {shown.format(threshold)}",
                    f"fix slow or failing calls, or expect {shown.format(usual)} (95th "
                    "percentile of the hours)",
                )
            )
    return suggestions_found


def _latency_budgets(violations: Sequence[LatencyViolation]) -> list[Suggestion]:
    by_operation: dict[str, list[LatencyViolation]] = {}
    for violation in violations:
        by_operation.setdefault(violation.operation, []).append(violation)
    suggestions_found = []
    for operation, of_it in sorted(by_operation.items()):
        if len(of_it) < FEWEST_VIOLATIONS:
            continue
        middle = sorted(v.actual_ms for v in of_it)[len(of_it) // 2]
        suggestions_found.append(
            Suggestion(
                f"latency budget {operation!r}",
                f"exceeded {len(of_it):,} times, by half of them with {middle:,.0f} ms or more",
                f"fix it, or allow {operation}={middle * 1.2:.0f}",
            )
        )
    return suggestions_found
