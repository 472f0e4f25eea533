"""Latency budgets for spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_budget.latency import (
    DEFAULT_LATENCY_BUDGETS,
    LatencyBudget,
    LatencyBudgets,
    LatencyRecord,
    LatencyVerdict,
)

if TYPE_CHECKING:
    from otel_budget.processor import BudgetSpanProcessor

__all__ = [
    "DEFAULT_LATENCY_BUDGETS",
    "BudgetSpanProcessor",
    "LatencyBudget",
    "LatencyBudgets",
    "LatencyRecord",
    "LatencyVerdict",
]


def __getattr__(name: str) -> object:
    # The adapter imports the SDK, a quarter of a second that settings and commands do not need.
    if name == "BudgetSpanProcessor":
        from otel_budget.processor import BudgetSpanProcessor

        return BudgetSpanProcessor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
