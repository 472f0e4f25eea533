"""Model aliases in a price file: profiles, deployments and gateway aliases.

```toml
[[alias]]
pattern = "arn:aws:bedrock:*:application-inference-profile/ab12*"   # * matches anything
provider = "aws.bedrock"        # optional: who sells the model
model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
multiplier = "1.05"             # optional: surcharge on the list price
from = 2026-01-01               # optional: first and last valid day
until = 2026-06-30
```
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from otel_pricing.prices.price import CountRate, Price, Rate, price_of

ONE = Decimal(1)
KEYS = frozenset({"pattern", "provider", "model", "multiplier", "from", "until"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAlias:
    """A name that calls use instead of a model's."""

    pattern: str
    """Name of the alias, in lower case; `*` matches any characters, also none."""
    model: str
    """The aliased model, as its provider spells it."""
    provider: str = ""
    """Seller of the model, as spelled in spans; empty for the provider of the call."""
    multiplier: Decimal = ONE
    """Factor on every rate of the model."""
    from_day: date = date.min
    until_day: date = date.max
    """First and last valid day."""

    def matches(self, name: str, day: date) -> bool:
        """Return whether *name* is this alias on *day*."""
        if not self.from_day <= day <= self.until_day:
            return False
        return _matches(self.pattern.split("*"), name.lower())

    def applied_to(self, price: Price) -> Price:
        """Return *price* of the model as the price of a call by this name."""
        source = f"{price.source}, as {self.pattern}"
        if self.multiplier == ONE:
            return replace(price, source=source)
        source += f" × {self.multiplier}"
        return replace(scaled(price, self.multiplier), source=source)


def _matches(parts: list[str], name: str) -> bool:
    """Return whether *name* is *parts* with any characters between them, in one pass."""
    first, *rest = parts
    if not rest:
        return name == first
    last = rest.pop()
    if not name.startswith(first) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in rest:
        position = name.find(part, at, end)
        if position < 0:
            return False
        at = position + len(part)
    return name.endswith(last)


def scaled(price: Price, factor: Decimal) -> Price:
    """Return *price* with every amount multiplied by *factor*."""

    def times(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else amount * factor

    def rate_of(unit: str) -> Rate | None:
        rate = price.rate(unit)
        if rate is None:
            return None
        steps = tuple((start, usd * factor) for start, usd in rate.steps)
        return Rate(rate.usd_per_million * factor, steps)

    return replace(
        price_of(rate_of),
        usd_per_request=times(price.usd_per_request),
        usd_per_web_search=times(price.usd_per_web_search),
        counted=tuple(CountRate(r.unit, r.usd * factor, r.per) for r in price.counted),
        is_free=price.is_free,
        tier_is_priced=price.tier_is_priced,
        seller_is_assumed=price.seller_is_assumed,
        other_units=price.other_units,
        context_tokens=price.context_tokens,
        source=price.source,
    )
