"""Operations slower than their latency budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_cost_ledger.model.entries import LatencyViolation
from otel_cost_ledger.model.filters import Window
from otel_cost_ledger.model.rows import unsigned_64
from otel_cost_ledger.query.sources import count_up_to

if TYPE_CHECKING:
    from datetime import datetime

    from otel_cost_ledger.query.ledger import Ledger


def violations(
    ledger: Ledger,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    operation: str | None = None,
    limit: int | None = None,
) -> tuple[LatencyViolation, ...]:
    """Return latency-budget violations of the window, newest first, at most *limit* rows."""
    window = Window.between(since, until)
    rows = ledger.rows(
        "SELECT operation, budget_us, actual_us, at_ns, trace_id, span_id"
        " FROM latency_violations"
        " WHERE at_ns >= ? AND at_ns < ? AND (? OR operation = ?)"
        " ORDER BY at_ns DESC, span_id DESC LIMIT ?",
        [
            window.since_ns,
            window.until_ns,
            operation is None,
            operation or "",
            2**62 if limit is None else limit,
        ],
    )
    return tuple(
        LatencyViolation(
            operation=name,
            budget_ms=budget_us / 1000,
            actual_ms=actual_us / 1000,
            at_ns=at_ns,
            trace_id=int.from_bytes(trace_id, "big"),
            span_id=unsigned_64(span_id),
        )
        for name, budget_us, actual_us, at_ns, trace_id, span_id in rows
    )


@dataclass(frozen=True, slots=True)
class ViolationSums:
    """Number and size of one operation's latency violations."""

    operation: str
    count: int
    avg_overage_ms: float
    max_overage_ms: float


def violations_up_to(ledger: Ledger, window: Window, most: int) -> int:
    """Return the number of latency violations in *window*, counting up to *most*."""
    return count_up_to(ledger, "latency_violations", "at_ns", window, most)


def violation_sums(ledger: Ledger, window: Window) -> tuple[ViolationSums, ...]:
    """Return the latency violations of *window* by operation, the most frequent first."""
    over = "actual_us - budget_us"
    rows = ledger.rows(
        f"SELECT operation, count(*), sum({over}), max({over}) FROM latency_violations"
        " WHERE at_ns >= ? AND at_ns < ? GROUP BY operation ORDER BY 2 DESC, 1",
        (window.since_ns, window.until_ns),
    )
    return tuple(
        ViolationSums(str(name), int(count), int(total) / int(count) / 1000, int(most) / 1000)
        for name, count, total, most in rows
    )
