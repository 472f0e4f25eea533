"""Current figures of the ledger: volume, rate, cost, latest errors."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from otel_cost_ledger.model.filters import Filters, Window
from otel_cost_ledger.model.histogram import percentile
from otel_cost_ledger.query.calls import StoredCall, calls
from otel_cost_ledger.query.costs import CostLine, CostReport, costs
from otel_cost_ledger.query.durations import durations
from otel_cost_ledger.query.timeline import timeline
from otel_distro.base.formatting import cost_is_unknown

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger

_MINUTE_NS: Final = 60_000_000_000
_ERRORS: Final = 5
_RATE: Final = timedelta(minutes=1)
_SPEND: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Figures of the ledger for a window that ends now."""

    now: datetime
    since: datetime | None
    report: CostReport
    """Sums by model."""
    first_token_p95_ms: float | None
    errors: tuple[StoredCall, ...]
    """The latest failed calls, most recent first."""
    calls_per_second: float
    """Over the last minute."""
    spend_per_hour_nano_usd: int | None
    """At the rate of the last five minutes; None while no call in them has a price."""
    per_minute: tuple[int, ...]
    """Calls of each of the last 60 minutes, the oldest first."""

    @property
    def total(self) -> CostLine:
        """The sums of everything."""
        return self.report.total


def take(
    ledger: Ledger,
    now: datetime,
    since: datetime | None,
    filters: Filters | None = None,
    by: str = "model",
) -> Snapshot:
    """Return the figures of the calls that began after *since*, or of all."""
    filters = filters or Filters()
    report = costs(ledger, since, by=(by,), filters=filters)
    hour = Window.between(now - timedelta(minutes=60), None)
    lines = timeline(ledger, hour, _MINUTE_NS, filters)
    minutes = Counter[int]()
    for line in lines:
        minutes[line.at_ns // _MINUTE_NS] += line.calls
    last = int(now.timestamp()) // 60
    recent = costs(ledger, now - _SPEND, by=(), filters=filters, percentiles=False).total
    just_now = costs(ledger, now - _RATE, by=(), filters=filters, percentiles=False).total
    unknown = cost_is_unknown(
        recent.cost_nano_usd, calls=recent.calls, unpriced=recent.unpriced_calls
    )
    failed = replace(filters, failed=True)
    first = durations(ledger, Window.between(since, None), 24 * 60 * _MINUTE_NS, "ttft_us", filters)
    together = Counter[int]()
    for counted in first.values():
        together.update(counted)
    p95_us = percentile(together, 95)
    return Snapshot(
        now=now,
        since=since,
        report=report,
        first_token_p95_ms=None if p95_us is None else p95_us / 1000,
        errors=calls(ledger, since, filters=failed, limit=_ERRORS, billed_only=True),
        calls_per_second=just_now.calls / _RATE.total_seconds(),
        spend_per_hour_nano_usd=None
        if unknown
        else recent.cost_nano_usd * (timedelta(hours=1) // _SPEND),
        per_minute=tuple(minutes[minute] for minute in range(last - 59, last + 1)),
    )
