"""Alert rules over the ledger, budget accounts and the state of running processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from otel_distro.base.error_categories import Category, categorise
from otel_distro.base.formatting import counted
from otel_distro.reports.alerts.anomaly import DAYS, HOUR_NS, Hour, anomalies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from otel_budget.cost_budget import CostBudget
    from otel_cost_ledger.query.calls import StoredCall
    from otel_cost_ledger.query.ledger import Ledger
    from otel_distro.reports.budgets.report import BudgetLine
    from otel_distro.reports.health.checks import HealthCheck

ERRORS_IN_5_MINUTES = {
    Category.TRANSIENT: 10,
    Category.CONFIGURATION: 3,
    Category.DATA: 5,
    Category.RESOURCE: 1,
    Category.UNKNOWN: 999,
}
"""Number of errors of one category and operation in five minutes that is an incident."""
ERROR_RATE = 0.10
LATENCY_MS = 5000.0
FEWEST_CALLS = 5
"""Minimum calls for judging a share or an average."""
NEARLY_SPENT_PERCENT = 95
BURN_RATES = ((14.4, 60, 5), (6.0, 360, 30))
"""(times the rate that would just spend the budget, over minutes, and over the last minutes)."""
_NS_PER_MINUTE = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Incident:
    """An active problem."""

    key: str
    """Constant while it lasts."""
    severity: str
    """`warning` or `critical`."""
    summary: str
    trace_ids: tuple[str, ...] = ()
    """Traces that show it, the worst first."""


def check(
    ledger: Ledger | None,
    budgets: Sequence[BudgetLine],
    now: datetime,
    live: Iterable[HealthCheck] = (),
) -> list[Incident]:
    """Return the incidents at *now*; none without data.

    *live* has the checks of running processes and of export counters.
    """
    incidents = [incident for line in budgets for incident in _budget(line)]
    incidents += _live(live)
    if ledger is None:
        return incidents
    from otel_cost_ledger.query.calls import each_call

    recent = list(each_call(ledger, now - timedelta(hours=6), now))
    in_hour = _since(recent, now - timedelta(hours=1))
    incidents += _error_frequency(_since(in_hour, now - timedelta(minutes=5)))
    incidents += _health_of_calls(in_hour)
    incidents += _unpriced(in_hour)
    incidents += _anomalies(ledger, now)
    for budget in {line.budget.name: line.budget for line in budgets}.values():
        incidents += _burn_rate(budget, recent, now)
    return incidents


def _live(live: Iterable[HealthCheck]) -> Iterator[Incident]:
    from otel_distro.export.delivery_reports import SIGNALS

    lossy = frozenset(SIGNALS.values())
    for one in live:
        # Telemetry lost once deserves a warning, not a page.
        severity = one.severity or ("warning" if one.name in lossy and one.value else "")
        if severity:
            yield Incident(f"health:{one.name}", severity, f"{one.name}: {one.found}")


def _since(calls: Iterable[StoredCall], since: datetime) -> list[StoredCall]:
    start_ns = int(since.timestamp() * 1e9)
    return [call for call in calls if call.priced.call.start_ns >= start_ns]


def _error_frequency(calls: Iterable[StoredCall]) -> Iterator[Incident]:
    failed = [stored.priced.call for stored in calls if stored.priced.call.failed]
    kinds = [(categorise(c.error_type, c.http_status_code), c.operation) for c in failed]
    for (category, operation), count in sorted(Counter(kinds).items()):
        if count >= ERRORS_IN_5_MINUTES[category]:
            traces = [c.trace_id for c, k in zip(failed, kinds, strict=True) if k[1] == operation]
            yield Incident(
                f"error_frequency:{category}:{operation}",
                "critical" if category is Category.RESOURCE else "warning",
                f"{count} {category} errors of {operation} in 5 minutes",
                _shown(traces),
            )


def _health_of_calls(calls: Sequence[StoredCall]) -> Iterator[Incident]:
    if len(calls) < FEWEST_CALLS:
        return
    failed = [stored for stored in calls if stored.priced.call.failed]
    rate = len(failed) / len(calls)
    if rate > ERROR_RATE:
        yield Incident(
            "error_rate",
            "critical",
            f"{rate:.0%} of {len(calls)} calls failed in the last hour",
            _shown(stored.priced.call.trace_id for stored in failed),
        )
    average = sum(stored.latency_ms for stored in calls) / len(calls)
    if average > LATENCY_MS:
        slowest = sorted(calls, key=lambda stored: -stored.latency_ms)
        yield Incident(
            "latency",
            "warning",
            f"calls took {average:,.0f} ms on average in the last hour",
            _shown(stored.priced.call.trace_id for stored in slowest),
        )


def _anomalies(ledger: Ledger, now: datetime) -> Iterator[Incident]:
    hours = hours_of(ledger, now - timedelta(days=DAYS, hours=2), now)
    for anomaly in anomalies(hours, int(now.timestamp() * 1e9)):
        figure = _SHOWN[anomaly.figure]
        yield Incident(
            f"anomaly:{anomaly.figure}",
            "warning",
            f"{anomaly.figure.replace('_', ' ')} was {figure(anomaly.value)} in the last whole "
            f"hour; {figure(anomaly.usual.mean)} is usual",
        )


_SHOWN: dict[str, Callable[[float], str]] = {
    "cost": lambda usd: f"${usd:,.2f}",
    "latency": lambda ms: f"{ms:,.0f} ms",
    "error_rate": lambda share: f"{share:.0%}",
}


def hours_of(ledger: Ledger, since: datetime, until: datetime) -> dict[int, Hour]:
    """Return the hours with calls between *since* and *until*, by their start."""
    from otel_cost_ledger.model.filters import Filters, Window
    from otel_cost_ledger.query.timeline import timeline

    hours: dict[int, Hour] = {}
    window = Window.between(since, until)
    for sums in timeline(ledger, window, HOUR_NS, Filters(), by_name=False):
        so_far = hours.get(sums.at_ns, Hour())
        hours[sums.at_ns] = Hour(
            so_far.calls + sums.calls,
            so_far.failed_calls + (sums.calls if sums.failed else 0),
            so_far.cost_nano_usd + sums.cost_nano_usd,
            so_far.latency_us + sums.latency_us,
        )
    return hours


def _unpriced(calls: Sequence[StoredCall]) -> Iterator[Incident]:
    models = Counter(
        stored.priced.call.model
        for stored in calls
        if stored.priced.cost_nano_usd is None and not stored.priced.call.failed
    )
    for model, count in sorted(models.items()):
        calls_of = f"{counted(count, 'call')} of {model or 'no model'}"
        yield Incident(f"unpriced:{model}", "warning", f"{calls_of} without a price")


def _budget(line: BudgetLine) -> Iterator[Incident]:
    limit = line.budget.limit
    percent = 100 * line.spent // limit if limit else 100
    if percent < NEARLY_SPENT_PERCENT:
        return
    spent = "is spent" if percent >= 100 else f"is {percent} % spent"
    yield Incident(
        f"budget:{line.budget.name}:{line.scope}:{line.since_ns}",
        "critical" if percent >= 100 else "warning",
        f"budget {line.budget.name!r} {spent}",
    )


def _burn_rate(
    budget: CostBudget, calls: Sequence[StoredCall], now: datetime
) -> Iterator[Incident]:
    """Find budgets whose burn rate is many times the one that would exactly exhaust them.

    Both windows must exceed the rate: the long one shows relevance, the short one continuation.
    """
    if budget.unit != "usd" or budget.scope != "total" or not budget.limit:
        return
    window = budget.calendar.window(int(now.timestamp() * 1e9))
    per_minute = budget.limit * _NS_PER_MINUTE / (window.until_ns - window.since_ns)
    for factor, long, short in BURN_RATES:
        rates = [
            sum(c.priced.cost_nano_usd or 0 for c in _since(calls, now - timedelta(minutes=m)))
            / (m * per_minute)
            for m in (long, short)
        ]
        if min(rates) >= factor:
            costliest = sorted(
                _since(calls, now - timedelta(minutes=short)),
                key=lambda stored: -(stored.priced.cost_nano_usd or 0),
            )
            yield Incident(
                f"burn_rate:{budget.name}:{long}",
                "critical",
                f"money is spent {rates[0]:.1f} times as fast as budget {budget.name!r} allows, "
                f"over {long} minutes",
                _shown(stored.priced.call.trace_id for stored in costliest),
            )
            return


def _shown(trace_ids: Iterable[int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{trace_id:032x}" for trace_id in trace_ids))[:5]


def now_utc() -> datetime:
    """Return the current time, timezone-aware."""
    return datetime.now(UTC)
