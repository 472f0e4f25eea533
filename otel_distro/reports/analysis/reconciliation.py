"""Differences between the ledger and a provider's figures, by day, model and cause.

The gap of a day and model is the provider's figure minus the ledger's. It is attributed to causes
from the most to the least certain, each limited to its evidence; the remainder is "not explained".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from otel_distro.reports.analysis.usage_exports import Charge, Export, family
from otel_pricing import ModelCall, Usage, price_call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_cost_ledger.query.costs import CostLine
    from otel_cost_ledger.query.ledger import Ledger
    from otel_pricing import PriceBook

CAUSES: Final = {
    "uninstrumented": "requests that the ledger has not seen",
    "failed": "failed calls that may have been charged",
    "unpriced": "calls without a known price or usage",
    "cache": "input that one side counts as cached and the other does not",
    "not explained": "rounding, discounts, prices, or calls of other hosts and keys",
}

_SAMPLE: Final = 100_000
"""Number of tokens from which a rate is derived: exact, and below price tiers by size."""


@dataclass(slots=True)
class LedgerCost:
    """The ledger's figures for one day and model."""

    calls: int = 0
    cost_nano_usd: int = 0
    failed_exposure: int = 0
    unpriced_exposure: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0

    def add(self, line: CostLine, *, failed: bool) -> None:
        """Count the calls of *line*."""
        self.calls += line.calls
        self.cost_nano_usd += line.cost_nano_usd
        self.input_tokens += line.input_tokens
        self.cache_read_tokens += line.cache_read_tokens
        self.output_tokens += line.output_tokens
        if failed:
            self.failed_exposure += line.exposure_nano_usd
        else:
            self.unpriced_exposure += line.exposure_nano_usd


@dataclass(frozen=True, slots=True)
class Gap:
    """One day and model: both sides, and the causes of their difference."""

    day: str
    model: str
    calls: int
    requests: int | None
    """The provider's count; None if its file has none."""
    ledger_nano_usd: int
    provider_nano_usd: int | None
    """As charged, or the provider's tokens at list price; None if neither is known."""
    causes: dict[str, int] = field(default_factory=dict)
    """Nano-USD by cause, which add up to the gap; negative if the ledger has more."""

    @property
    def gap_nano_usd(self) -> int | None:
        """The provider's figure minus the ledger's; None if one of them is unknown."""
        if self.provider_nano_usd is None:
            return None
        return self.provider_nano_usd - self.ledger_nano_usd


def reconcile(ledger: Ledger, export: Export, book: PriceBook) -> list[Gap]:
    """Return the days and models of *export* and of the ledger in its days, by day."""
    if not export.charges:
        return []
    days = sorted(day for day, _ in export.charges)
    recorded = _from_ledger(ledger, export.provider, days[0], days[-1])
    keys = sorted(export.charges.keys() | recorded.keys())
    return [
        _gap(key, export, export.charges.get(key, Charge()), recorded.get(key, LedgerCost()), book)
        for key in keys
    ]


def totals(gaps: Iterable[Gap]) -> dict[str, int]:
    """Return the sum of each cause that occurs, in order of attribution."""
    sums = dict.fromkeys(CAUSES, 0)
    for gap in gaps:
        for cause, amount in gap.causes.items():
            sums[cause] += amount
    return {cause: amount for cause, amount in sums.items() if amount}


def _from_ledger(
    ledger: Ledger, provider: str, first: str, last: str
) -> dict[tuple[str, str], LedgerCost]:
    from otel_cost_ledger.model.filters import Filters
    from otel_cost_ledger.query.costs import costs

    since = datetime.fromisoformat(first).replace(tzinfo=UTC)
    until = datetime.fromisoformat(last).replace(tzinfo=UTC) + timedelta(days=1)
    # The daily sums, which outlive single calls, have all of these by whole days.
    found: dict[tuple[str, str], LedgerCost] = {}
    for failed in (False, True):
        filters = Filters(provider=provider, failed=failed)
        for line in costs(
            ledger, since, until, by=("day", "model"), filters=filters, percentiles=False
        ).groups:
            day, model = line.key
            found.setdefault((day, family(model)), LedgerCost()).add(line, failed=failed)
    return found


def _gap(
    key: tuple[str, str], export: Export, invoiced: Charge, recorded: LedgerCost, book: PriceBook
) -> Gap:
    day, model = key
    rates = _Rates(export.provider, model, day, book)
    charged = invoiced.cost_nano_usd
    if charged is None and key in export.charges:
        charged = rates.cost(invoiced)
    if key not in export.charges:
        charged = 0
    causes: dict[str, int] = {}
    if charged is not None:
        causes = _causes(charged - recorded.cost_nano_usd, charged, invoiced, recorded, rates)
    return Gap(
        day, model, recorded.calls, invoiced.requests, recorded.cost_nano_usd, charged, causes
    )


def _causes(
    gap: int, charged: int, invoiced: Charge, recorded: LedgerCost, rates: _Rates
) -> dict[str, int]:
    causes: dict[str, int] = {}
    left = gap
    bounds = (
        ("uninstrumented", _uninstrumented(charged, invoiced, recorded)),
        ("failed", recorded.failed_exposure),
        ("unpriced", recorded.unpriced_exposure),
    )
    for cause, bound in bounds:
        part = min(max(left, 0), bound)
        if part:
            causes[cause] = part
            left -= part
    if "uninstrumented" not in causes and invoiced.cache_read_tokens is not None:
        # Fewer cached tokens at the provider cost more.
        cache = round(
            (recorded.cache_read_tokens - invoiced.cache_read_tokens) * rates.cache_saving
        )
        part = min(left, cache) if left > 0 else max(left, cache)
        if part and (part > 0) == (left > 0):
            causes["cache"] = part
            left -= part
    if left:
        causes["not explained"] = left
    return causes


def _uninstrumented(charged: int, invoiced: Charge, recorded: LedgerCost) -> int:
    """Return the cost of requests missing from the ledger, at the provider's average."""
    if recorded.calls == 0:
        return charged
    if invoiced.requests:
        return charged * max(0, invoiced.requests - recorded.calls) // invoiced.requests
    tokens = (invoiced.input_tokens or 0) + (invoiced.output_tokens or 0)
    missing = tokens - recorded.input_tokens - recorded.output_tokens
    return charged * max(0, missing) // tokens if tokens else 0


class _Rates:
    """Cost of a token of each kind on a day, in nano-USD."""

    def __init__(self, provider: str, model: str, day: str, book: PriceBook) -> None:
        self._provider, self._model, self._book = provider, model, book
        self._at_ns = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9

    def cost(self, charge: Charge) -> int | None:
        """Return the list price of the tokens of *charge*; None if unknown."""
        if charge.input_tokens is None or charge.output_tokens is None:
            return None
        read, written = charge.cache_read_tokens or 0, charge.cache_write_tokens or 0
        parts = (
            (charge.input_tokens - read - written, self._rate(_input())),
            (read, self._cached()),
            (written, self._rate(_input(cache_write_tokens=_SAMPLE))),
            (charge.output_tokens, self._rate(Usage(input_tokens=0, output_tokens=_SAMPLE))),
        )
        total = Fraction(0)
        for tokens, rate in parts:
            if tokens and rate is None:
                return None
            total += tokens * (rate or 0)
        return round(total)

    @property
    def cache_saving(self) -> Fraction:
        """Saving per input token read from the cache, in nano-USD; 0 when unknown."""
        fresh, cached = self._rate(_input()), self._cached()
        return Fraction(0) if fresh is None or cached is None else fresh - cached

    def _cached(self) -> Fraction | None:
        return self._rate(_input(cache_read_tokens=_SAMPLE))

    def _rate(self, usage: Usage) -> Fraction | None:
        call = ModelCall(
            trace_id=1,
            span_id=1,
            start_ns=self._at_ns,
            end_ns=self._at_ns,
            scope="",
            operation="chat",
            provider=self._provider,
            request_model=self._model,
            usage=usage,
        )
        cost = price_call(call, self._book).cost_nano_usd
        return None if cost is None else Fraction(cost, _SAMPLE)


def _input(**subsets: int) -> Usage:
    return Usage(input_tokens=_SAMPLE, output_tokens=0, **subsets)
