"""Latency-budget violations summed up by operation."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_cost_ledger.model.entries import LatencyViolation


@dataclass(frozen=True, slots=True)
class ViolationLine:
    """Frequency and size of an operation's latency-budget violations."""

    operation: str
    count: int
    avg_overage_ms: float
    max_overage_ms: float
    avg_overage_percent: float
    """Average of the overages, each as a percentage of its own budget."""


def by_operation(violations: Iterable[LatencyViolation]) -> tuple[ViolationLine, ...]:
    """Return a line for each operation, the most frequent first."""
    groups: dict[str, list[LatencyViolation]] = defaultdict(list)
    for violation in violations:
        groups[violation.operation].append(violation)
    lines = [_line(operation, group) for operation, group in groups.items()]
    return tuple(sorted(lines, key=lambda line: (-line.count, line.operation)))


def _line(operation: str, group: list[LatencyViolation]) -> ViolationLine:
    return ViolationLine(
        operation=operation,
        count=len(group),
        avg_overage_ms=fmean(v.overage_ms for v in group),
        max_overage_ms=max(v.overage_ms for v in group),
        avg_overage_percent=fmean(100 * v.overage_ms / v.budget_ms for v in group),
    )
