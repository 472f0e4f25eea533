"""Likely cost of calls without a certain price.

Their exposure is a bound at the highest plausible price, often many times the actual cost. The
estimate uses the average of calls with a price: of the same model, or, for a model without any, the
average price of a token over all models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_cost_ledger.query.costs import costs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.query.ledger import Ledger
    from otel_cost_ledger.query.timeline import Sums


@dataclass(slots=True)
class _Part:
    calls: int = 0
    cost_nano_usd: int = 0
    exposure_nano_usd: int = 0
    tokens: int = 0

    def add(self, calls: int, cost: int, exposure: int, tokens: int) -> None:
        self.calls += calls
        self.cost_nano_usd += cost
        self.exposure_nano_usd += exposure
        self.tokens += tokens


class _Estimate:
    """Sums of calls with and without a certain price, by provider and model."""

    def __init__(self) -> None:
        self._certain: dict[tuple[str, str], _Part] = {}
        self._uncertain: dict[tuple[str, str], _Part] = {}

    def add(
        self, model: tuple[str, str], *, calls: int, cost: int, exposure: int, tokens: int
    ) -> None:
        parts = self._uncertain if exposure else self._certain
        # A call that failed before its response has neither tokens nor a cost, so it is excluded.
        if exposure or cost or tokens:
            parts.setdefault(model, _Part()).add(calls, cost, exposure, tokens)

    def nano_usd(self) -> int | None:
        if not self._uncertain:
            return None
        cost = sum(part.cost_nano_usd for part in self._certain.values())
        tokens = sum(part.tokens for part in self._certain.values())
        likely = 0
        for model, part in self._uncertain.items():
            alike = self._certain.get(model)
            if alike is not None:
                whole = alike.cost_nano_usd * part.calls // alike.calls
            elif tokens and part.tokens:
                whole = cost * part.tokens // tokens
            else:
                return None
            likely += min(max(0, whole - part.cost_nano_usd), part.exposure_nano_usd)
        return likely


def likely_cost(sums: Iterable[Sums]) -> int | None:
    """Return the probable additional cost of calls without a certain price, in nano-USD.

    It never exceeds their exposure. None without such calls, or without calls to compare with.
    """
    estimate = _Estimate()
    for one in sums:
        estimate.add(
            (one.provider, one.model),
            calls=one.calls,
            cost=one.cost_nano_usd,
            exposure=one.exposure_nano_usd,
            tokens=one.input_tokens + one.output_tokens,
        )
    return estimate.nano_usd()


def likely_more(
    ledger: Ledger, since: datetime | None, until: datetime | None, filters: Filters
) -> int | None:
    """Return `likely_cost` of the calls that started between *since* and *until*."""
    estimate = _Estimate()
    by = ("provider", "model", "status", "error_type")
    for line in costs(ledger, since, until, by=by, filters=filters, percentiles=False).groups:
        provider, model, _, _ = line.key
        estimate.add(
            (provider, model),
            calls=line.calls,
            cost=line.cost_nano_usd,
            exposure=line.exposure_nano_usd,
            tokens=line.input_tokens + line.output_tokens,
        )
    return estimate.nano_usd()
