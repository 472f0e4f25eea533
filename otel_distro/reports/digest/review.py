"""Review of a period, compared with the previous one."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from otel_distro.base.error_categories import categorise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.query.timeline import Sums

Period = Literal["daily", "weekly", "monthly"]
LENGTH: Final[Mapping[str, timedelta]] = {
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
}
MOST_FAILURES: Final = 10


@dataclass(frozen=True, slots=True)
class Figures:
    """The billed calls of a period."""

    calls: int
    failed_calls: int
    cost_nano_usd: int
    exposure_nano_usd: int
    """Upper bound of the additional cost of calls without a certain price."""
    average_ms: float | None
    p95_ms: float | None
    likely_nano_usd: int | None = None
    """Likely additional cost of calls without a certain price; None if unknown."""

    @property
    def error_rate(self) -> float | None:
        """Share of the calls that failed; None without calls."""
        return self.failed_calls / self.calls if self.calls else None


@dataclass(frozen=True, slots=True)
class ModelChange:
    """Cost of a model in this period and the previous one."""

    model: str
    cost_nano_usd: int
    before_nano_usd: int
    calls: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Failed calls with the same cause."""

    fingerprint: str
    """Equal for the same operation, model, error and status, on any host and in any period."""
    operation: str
    model: str
    error_type: str
    http_status_code: int
    category: str
    calls: int
    before: int
    """Such calls in the period before."""


@dataclass(frozen=True, slots=True)
class Review:
    """A period, the previous one, and notable differences."""

    period: Period
    since: datetime
    until: datetime
    now: Figures
    before: Figures
    models: tuple[ModelChange, ...]
    """The most expensive first."""
    failures: tuple[Failure, ...]
    """The most frequent first."""
    latency_violations: int
    complete: bool
    """False if retention has removed calls of the period, so that the figures are too low."""


def review(
    ledger: Ledger, period: Period, until: datetime, filters: Filters | None = None
) -> Review:
    """Return the review of the *period* that ends at *until*."""
    from otel_cost_ledger.model.filters import Filters, Window
    from otel_cost_ledger.model.schema import NS_PER_DAY
    from otel_cost_ledger.query.costs import costs
    from otel_cost_ledger.query.likely import likely_cost
    from otel_cost_ledger.query.timeline import timeline
    from otel_cost_ledger.query.violations import violations

    length = LENGTH[period]
    since = until - length
    filters = filters or Filters()
    totals = [
        costs(ledger, start, start + length, by=(), filters=filters)
        for start in (since, since - length)
    ]
    steps = [
        timeline(ledger, Window.between(start, start + length), NS_PER_DAY, filters)
        for start in (since, since - length)
    ]
    now, before = (
        Figures(
            report.total.calls,
            report.total.failed_calls,
            report.total.cost_nano_usd,
            report.total.exposure_nano_usd,
            report.total.latency_us / report.total.calls / 1000 if report.total.calls else None,
            report.total.p95_ms,
            likely_cost(sums),
        )
        for report, sums in zip(totals, steps, strict=True)
    )
    return Review(
        period,
        since,
        until,
        now,
        before,
        _models(*steps),
        _failures(*steps),
        len(violations(ledger, since, until)),
        totals[0].complete,
    )


def _models(now: Sequence[Sums], before: Sequence[Sums]) -> tuple[ModelChange, ...]:
    cost, earlier = Counter[str](), Counter[str]()
    calls = Counter[str]()
    for sums in now:
        cost[sums.model] += sums.cost_nano_usd
        calls[sums.model] += sums.calls
    for sums in before:
        earlier[sums.model] += sums.cost_nano_usd
    changes = [
        ModelChange(model, cost[model], earlier[model], calls[model]) for model in cost | earlier
    ]
    return tuple(sorted(changes, key=lambda change: (-change.cost_nano_usd, change.model)))


def _failures(now: Iterable[Sums], before: Iterable[Sums]) -> tuple[Failure, ...]:
    counts, earlier = _failed(now), _failed(before)
    failures = [
        Failure(
            _fingerprint(key),
            *key,
            categorise(key[2], key[3] or None).value,
            count,
            earlier[key],
        )
        for key, count in counts.most_common(MOST_FAILURES)
    ]
    return tuple(failures)


_Key = tuple[str, str, str, int]


def _failed(steps: Iterable[Sums]) -> Counter[_Key]:
    counts: Counter[_Key] = Counter()
    for sums in steps:
        if sums.failed:
            key = sums.operation, sums.model, sums.error_type or "", sums.http_status_code or 0
            counts[key] += sums.calls
    return counts


def _fingerprint(key: _Key) -> str:
    return hashlib.sha256("\0".join(map(str, key)).encode()).hexdigest()[:8]
