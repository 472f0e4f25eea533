"""Price look-up for calls: custom prices first, then the list prices of the day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from otel_pricing.prices.aliases import list_provider, names_price_class, resolve
from otel_pricing.prices.catalogue import STANDARD_TIERS, Catalogue
from otel_pricing.prices.overrides import PriceTable
from otel_pricing.prices.price import COUNTED_UNITS

if TYPE_CHECKING:
    from otel_pricing.model.call import ModelCall
    from otel_pricing.prices.model_aliases import ModelAlias
    from otel_pricing.prices.price import Price

DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000
CLIENTS_OF_MANY = frozenset({"openai", "anthropic"})
"""Providers whose clients are used for many sellers; spans then name the provider."""
LONGEST_CACHE = 4096
"""Maximum cached prices; a program with more models needs occasional look-ups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Source of a price, or the reason without one: data of `otel-distro ledger prices`."""

    provider: str
    """The requested provider; empty without one."""
    list_provider: str | None
    """The seller looked up in the price lists; None if the model's name decides."""
    model: str
    names_tried: tuple[str, ...]
    tier: str
    price: Price | None
    reason: str
    """Reason without a price, or a note about it; else empty."""


class PriceBook:
    """Finds the price of a model on a day in local data; it never uses the network.

    Thread-safe without a lock: at worst two threads look up the same price twice.
    """

    def __init__(
        self, overrides: PriceTable | None = None, *, catalogue: Catalogue | None = None
    ) -> None:
        self._overrides = overrides or PriceTable()
        self._catalogue = catalogue or Catalogue()
        self._quotes: dict[tuple[str, str, str, str, int], Price | None] = {}
        self._varying: set[tuple[str, str, str]] = set()
        self._highest_prices: dict[tuple[str | None, int], Price | None] = {}
        self._responding: dict[tuple[str, str], str] = {}
        """(provider, requested model) -> responding model, if only that one has a price."""

    def quote(self, call: ModelCall) -> Price | None:
        """Return the price of *call* on its day and service tier; None if unknown."""
        price = self._cached(
            call.provider,
            call.response_model,
            call.request_model,
            (call.service_tier or "").lower(),
            call.start_ns,
        )
        if price is not None and call.request_model and call.response_model:
            self._learn(call.provider, call.request_model, call.response_model)
        return price

    def price_of_names(
        self, provider: str, *, answered: str, asked: str, tier: str, at_ns: int
    ) -> Price | None:
        """Return what `quote` returns for a call with these names that started at *at_ns*.

        *answered* and *asked* are the models of the response and of the request, empty when not
        known, and *tier* the service tier in any case of letters.
        """
        return self._cached(provider, answered, asked, tier.lower(), at_ns)

    def _learn(self, provider: str, asked: str, answered: str) -> None:
        if len(self._responding) >= LONGEST_CACHE:
            self._responding.clear()
        self._responding[provider, asked] = answered

    def find(
        self, provider: str | None, model: str, *, at_ns: int, tier: str | None = None
    ) -> Price | None:
        """Return the price of *model* at *at_ns* (nanoseconds since 1970), or None.

        Dated names have the price of their family: `gpt-4o-2024-08-06` has that of `gpt-4o`. An
        unlisted name has the price of the model that last responded to it.
        """
        seller, tier = provider or "", (tier or "").lower()
        price = self._cached(seller, model, "", tier, at_ns)
        if price is None and (responding := self._responding.get((seller, model))):
            price = self._cached(seller, responding, "", tier, at_ns)
        return price

    def listed_models(self) -> frozenset[str]:
        """Return the ids of all models on the price list, without those of a custom price file."""
        return self._catalogue.models()

    def dearest(self, provider: str, at_ns: int) -> Price | None:
        """Return the highest rates of *provider*'s list, to bound the cost of an unknown model."""
        seller = list_provider(provider)
        key = (seller, at_ns // DAY_NS)
        if key not in self._highest_prices:
            if len(self._highest_prices) >= LONGEST_CACHE:
                self._highest_prices.clear()
            # An unlisted provider is bounded by the most expensive listed one.
            self._highest_prices[key] = self._catalogue.highest_price(
                seller, at_ns
            ) or self._catalogue.highest_price(None, at_ns)
        return self._highest_prices[key]

    def explain(
        self, model: str, provider: str | None = None, *, at_ns: int, tier: str | None = None
    ) -> Explanation:
        """Return the source of the price of *model*, with all attempted look-ups."""
        price = self.find(provider, model, at_ns=at_ns, tier=tier)
        seller, names = resolve(provider or "", model)
        return Explanation(
            provider=provider or "",
            list_provider=seller,
            model=model,
            names_tried=names,
            tier=tier or "",
            price=price,
            reason=_why(price, tier or ""),
        )

    def _cached(
        self, provider: str, answered: str, asked: str, tier: str, at_ns: int
    ) -> Price | None:
        # Off-peak prices depend on the minute; all others on the day.
        varies = (provider, answered, asked) in self._varying
        bucket = at_ns // MINUTE_NS if varies else -(at_ns // DAY_NS)
        key = (provider, answered, asked, tier, bucket)
        try:
            return self._quotes[key]
        except KeyError:
            pass
        if len(self._quotes) >= LONGEST_CACHE:
            self._quotes.clear()
        price = self._look_up(provider, answered, asked, tier, at_ns)
        if varies == ((provider, answered, asked) in self._varying):
            self._quotes[key] = price
        return price

    def _look_up(
        self, provider: str, answered: str, asked: str, tier: str, at_ns: int
    ) -> Price | None:
        alias = self._overrides.alias_of(answered, at_ns)
        if alias is not None:
            return self._behind(alias, provider, "", tier, at_ns)
        alias = self._overrides.alias_of(asked, at_ns)
        if alias is not None:
            return self._behind(alias, provider, answered, tier, at_ns)
        return self._by_name(provider, answered, asked, tier, at_ns)

    def _behind(
        self, alias: ModelAlias, provider: str, answered: str, tier: str, at_ns: int
    ) -> Price | None:
        """Return the price of the model behind *alias*: the responding one, if known."""
        seller = alias.provider or provider
        price = self._by_name(seller, answered, "", tier, at_ns) if answered else None
        if price is None:
            price = self._by_name(seller, alias.model, "", tier, at_ns)
        return None if price is None else alias.applied_to(price)

    def _by_name(
        self, provider: str, answered: str, asked: str, tier: str, at_ns: int
    ) -> Price | None:
        # The responding model is billed; a deployment's name may hide it.
        models = [model for model in (answered, asked) if model]
        if answered and asked and names_price_class(asked, answered):
            models.reverse()
        tier = "" if tier in STANDARD_TIERS else tier
        seller = resolve(provider, models[0])[0] if models else None
        declared = self._overrides.find(seller, models, at_ns, tier)
        if declared is not None:
            return declared
        if tier:
            # A custom price of the standard tier takes precedence over a list price of this one.
            standard = self._overrides.find(seller, models, at_ns, "")
            if standard is not None:
                return _without_tier(standard)
        for model in models:
            seller, names = resolve(provider, model)
            listed = self._catalogue.find(seller, names)
            if listed is not None:
                if listed.changes_within_a_day:
                    self._varying.add((provider, answered, asked))
                return self._catalogue.price(listed, at_ns, tier)
        if list_provider(provider) in CLIENTS_OF_MANY:
            return self._of_another_maker(models, at_ns, tier)
        return None

    def _of_another_maker(self, models: list[str], at_ns: int, tier: str) -> Price | None:
        """Return the maker's price of a model used with another maker's client."""
        for model in models:
            seller, names = resolve("", model)
            listed = self._catalogue.find(seller, names)
            if listed is not None:
                price = self._catalogue.price(listed, at_ns, tier)
                return replace(price, seller_is_assumed=not price.is_free)
        return None


def _without_tier(price: Price) -> Price:
    return price if price.is_free else replace(price, tier_is_priced=False)


def _why(price: Price | None, tier: str) -> str:
    if price is None:
        return "not in the price list; declare it in your price file"
    if price.is_free:
        return "declared free"
    if not price.has_token_rates and price.usd_per_request is None:
        if price.counted:
            return f"priced by {', '.join(COUNTED_UNITS[r.unit].noun for r in price.counted)}"
        units = ", ".join(price.other_units)
        return (
            f"priced by {units}, which spans do not report" if units else "listed without a price"
        )
    if price.seller_is_assumed:
        return "not in the list of the provider; these are the rates of the model's maker"
    if not price.tier_is_priced:
        return f"no price of its own for the tier {tier}; these are the standard rates"
    return ""
