"""Custom prices: negotiated rates, self-hosted and free models, units without a list price.

A file in TOML or JSON, one `[[price]]` table per model:

```toml
[[price]]
model = "gpt-4o"                # a trailing * matches any ending
provider = "openai"             # optional
from = 2026-01-01               # optional: first valid day
source = "contract of 2026-01"  # origin, shown with every cost
input = "2.00"                  # US dollars per million tokens
cache_read = "0.50"
output = "8.00"
```
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from otel_pricing.prices.aliases import model_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_pricing.prices.model_aliases import ModelAlias
    from otel_pricing.prices.price import Price


class PriceBookError(ValueError):
    """An invalid price file; the message lists all of its problems."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One declared price and the calls that it applies to."""

    model: str
    provider: str | None = None
    """The price list's id of the provider; None for any."""
    tier: str = ""
    from_day: date = date.min
    price: Price

    def matches(self, provider: str | None, names: Sequence[str], tier: str, day: date) -> bool:
        """Return whether this price applies to such a call."""
        if self.provider is not None and self.provider != provider:
            return False
        if self.tier != tier or day < self.from_day:
            return False
        if self.model.endswith("*"):
            return any(name.lower().startswith(self.model[:-1]) for name in names)
        return any(name.lower() == self.model for name in names)


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Declared prices in file order; a later one replaces an earlier one."""

    overrides: tuple[Override, ...] = ()
    aliases: tuple[ModelAlias, ...] = ()

    def find(
        self, provider: str | None, models: Sequence[str], at_ns: int, tier: str
    ) -> Price | None:
        """Return the declared price of the first of *models* with one on that day, or None."""
        if not self.overrides:
            return None
        day = datetime.fromtimestamp(at_ns / 1e9, UTC).date()
        for model in models:
            names = model_names(model)
            matches = [o for o in self.overrides if o.matches(provider, names, tier, day)]
            if matches:
                # The most recent price applies; of two of one day, the later in the file.
                return max(reversed(matches), key=lambda override: override.from_day).price
        return None

    def alias_of(self, model: str, at_ns: int) -> ModelAlias | None:
        """Return the last alias in the file that matches *model* on that day, or None."""
        if not self.aliases or not model:
            return None
        day = datetime.fromtimestamp(at_ns / 1e9, UTC).date()
        return next((a for a in reversed(self.aliases) if a.matches(model, day)), None)
