"""Costs of the ledger compared with those reported by providers and instrumentations."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from otel_cost_ledger.model.filters import BILLED, Window
from otel_cost_ledger.query.calls import read_calls
from otel_pricing.costing.bill import ZERO, nano
from otel_pricing.model.call import NANO_PER_USD, CostStatus

if TYPE_CHECKING:
    from otel_cost_ledger.query.ledger import Ledger


@dataclass(frozen=True, slots=True)
class ReportedCosts:
    """Calls of one model on one day that have both a computed and a reported cost."""

    day: str
    provider: str
    model: str
    calls: int
    differing_calls: int
    """Calls whose two costs differ by more than a thousandth."""
    computed_nano_usd: int
    reported_nano_usd: int
    reported_only_calls: int
    """Additional calls with only a reported cost, which the ledger uses."""
    reported_only_nano_usd: int

    @property
    def gap_nano_usd(self) -> int:
        """Reported minus computed cost."""
        return self.reported_nano_usd - self.computed_nano_usd


def compare(
    ledger: Ledger, since: datetime | None = None, until: datetime | None = None
) -> list[ReportedCosts]:
    """Return the models whose calls report a cost, by day.

    A reported 0 is ignored: many instrumentations write it for an unknown price.
    """
    window = Window.between(since, until)
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * 6)
    stored_calls = read_calls(
        ledger,
        ["start_ns >= ?", "start_ns < ?", BILLED, "extra LIKE ?"],
        [window.since_ns, window.until_ns, "%reported_nano_usd%"],
        order="start_ns, span_id",
    )
    for stored in stored_calls:
        priced, call = stored.priced, stored.priced.call
        reported = nano((call.reported_cost_usd or ZERO) * NANO_PER_USD)
        if not reported:
            continue
        day = datetime.fromtimestamp(call.start_ns // 10**9, UTC).date().isoformat()
        line = sums[day, call.provider, call.model]
        if priced.status is CostStatus.REPORTED or priced.cost_nano_usd is None:
            line[4] += 1
            line[5] += reported
            continue
        line[0] += 1
        line[1] += abs(reported - priced.cost_nano_usd) * 1000 > reported
        line[2] += priced.cost_nano_usd
        line[3] += reported
    return [ReportedCosts(*key, *line) for key, line in sorted(sums.items())]
