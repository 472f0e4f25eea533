"""genai-prices as a source of prices.

Its data is loaded at the first look-up, on the calling thread (`price_data`): loading 2,300 prices
must not delay the application's start. Nothing is downloaded: the prices are those in the installed
wheel, unless the application itself starts the library's updater.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from otel_pricing.prices.price import COUNTED_UNITS, CountRate, Price, Rate, price_of
from otel_pricing.prices.price_data import PRICE_DATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from genai_prices.types import ModelInfo, ModelPrice, Provider

RATE_KEYS: dict[str, str] = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
    "cached_audio": "cache_audio_read_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
    "cached_image": "cache_image_read_mtok",
    "input_video": "input_video_mtok",
    "output_video": "output_video_mtok",
    "citation": "output_citation_mtok",
}
"""Unit -> name of its rate per million tokens in the price data."""
UNITS_WITHOUT_COUNT = frozenset(
    {
        "code_executions_kcount",
        "input_gpixels",
        "input_text_messages_kcount",
        "output_audio_hours",
        "social_searches_kcount",
        "storage_searches_kcount",
    }
)
"""Units of the price data that no span or response counts."""
TOKEN_UNITS_WITHOUT_RATE = re.compile(
    r"(?:(?:in|out)put_text|cache_text_read|input(?:_\w+)?_tool|cache(?:_\w+)?_write(?:_5m|_1h)?"
    r"|cache_video_read|output_\w+_(?:reasoning|citation))_mtok"
)
"""Rates for finer splits of tokens, which no model has yet: a price with one is incomplete."""
_PER_REQUEST = "requests_kcount"
_PER_SEARCH = "web_searches_kcount"
_THOUSAND = 1000

MAKERS = ("openai", "anthropic", "google", "mistral", "cohere", "deepseek", "x-ai", "voyageai")
"""Makers who sell their own models, tried in turn when a span names a model and no provider."""

# Only charged together with unsupported units, so their presence is irrelevant.
_HARMLESS = frozenset(
    {"code_executions_kcount", "social_searches_kcount", "storage_searches_kcount"}
)

STANDARD_TIERS = frozenset({"", "default", "auto", "standard", "standard_only", "on_demand"})
_CONTEXTS: dict[str, tuple[Mapping[str, str], ...]] = {
    "batch": ({"processing": "batch"},),
    # OpenAI charges flex at the rates of its batch API.
    "flex": ({"service_tier": "flex"}, {"processing": "batch"}),
    "priority": ({"service_tier": "priority"},),
    "fast": ({"service_tier": "fast"}, {"speed": "fast"}),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A model in the list."""

    provider: Provider
    model: ModelInfo

    @property
    def is_resold(self) -> bool:
        """Whether the price is the maker's, because the seller's list lacks the model."""
        return all(self.model is not own for own in self.provider.models)

    @property
    def changes_within_a_day(self) -> bool:
        """Whether the price depends on the time of day, as off-peak discounts do."""
        prices = self.model.prices
        return isinstance(prices, list) and any(
            hasattr(conditional.constraint, "start_time") for conditional in prices
        )


class Catalogue:
    """The list prices of genai-prices by the day of the call."""

    def find(self, provider: str | None, names: Iterable[str]) -> Listed | None:
        """Return the first of *names* that *provider* lists; any provider's when it is None."""
        snapshot = PRICE_DATA.snapshot()
        # Without a provider the library uses the name alone, and has the makers of some.
        sellers = (provider,) if provider else (None, *MAKERS)
        for seller in sellers:
            for name in names:
                try:
                    return Listed(*snapshot.find_provider_model(name, None, seller, None))
                except LookupError:
                    continue
        return None

    def price(self, listed: Listed, at_ns: int, tier: str) -> Price:
        """Return the price of *listed* at *at_ns* in a service tier."""
        when = datetime.fromtimestamp(at_ns / 1e9, UTC)
        standard = listed.model.get_prices(when)
        price = list_price(standard, self._source(listed), listed.model.context_window)
        if tier in STANDARD_TIERS or not price.has_token_rates:
            return price
        # A maker's prices for its tiers do not apply to a reseller's.
        contexts = () if listed.is_resold else _CONTEXTS.get(tier, ())
        for context in contexts:
            own = list_price(
                listed.model.get_prices(when, context),
                f"{price.source} ({tier})",
                listed.model.context_window,
            )
            if _rates(own) != _rates(price):
                return own
        return replace(price, tier_is_priced=False)

    def models(self) -> frozenset[str]:
        """Return the ids of all models on the list, of any provider."""
        providers = PRICE_DATA.snapshot().providers
        return frozenset(model.id for seller in providers for model in seller.models)

    def highest_price(self, provider: str | None, at_ns: int) -> Price | None:
        """Return a price list with the highest rate of *provider* for each unit.

        Without a provider it is the highest rate of the makers that sell directly.
        """
        ids = (provider,) if provider else MAKERS[:3]
        when = datetime.fromtimestamp(at_ns / 1e9, UTC)
        prices = [
            list_price(model.get_prices(when), "", model.context_window)
            for seller in PRICE_DATA.snapshot().providers
            if seller.id in ids
            for model in seller.models
        ]
        if not any(price.has_token_rates for price in prices):
            return None
        return replace(
            price_of(lambda unit: _most_expensive(price.rate(unit) for price in prices)),
            usd_per_web_search=max(
                (p.usd_per_web_search for p in prices if p.usd_per_web_search), default=None
            ),
            source=f"dearest price of {provider or ', '.join(MAKERS[:3])}",
        )

    def _source(self, listed: Listed) -> str:
        return f"genai-prices {PRICE_DATA.version()} {listed.provider.id}/{listed.model.id}"


def list_price(prices: ModelPrice, source: str, context_tokens: int | None) -> Price:
    """Return the rates of a list as a price from *source*."""
    values = {key: value for key, value in vars(prices).items() if value is not None}
    counted = _counted(values)
    return replace(
        price_of(lambda unit: _rate(values.pop(RATE_KEYS[unit], None))),
        counted=counted,
        usd_per_request=_per_one(values.pop(_PER_REQUEST, None)),
        usd_per_web_search=_per_one(values.pop(_PER_SEARCH, None)),
        other_units=tuple(sorted(values.keys() - _HARMLESS)),
        context_tokens=context_tokens,
        source=source,
    )


def _counted(values: dict[str, object]) -> tuple[CountRate, ...]:
    """Take the rates of counted units out of *values*."""
    count_rates: list[CountRate] = []
    for name, unit in COUNTED_UNITS.items():
        rates = [value for key in unit.listed if isinstance(value := values.get(key), Decimal)]
        if rates:
            count_rates.append(CountRate(name, max(rates), unit.listed_per))
            for key in unit.listed:
                values.pop(key, None)
    return tuple(count_rates)


def _rate(value: object) -> Rate | None:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return Rate(value)
    tiered = cast("_Tiered", value)
    return Rate(tiered.base, tuple((tier.start, tier.price) for tier in tiered.tiers))


def _per_one(value: object) -> Decimal | None:
    return value / _THOUSAND if isinstance(value, Decimal) else None


def _rates(price: Price) -> tuple[object, ...]:
    return tuple(getattr(price, f.name) for f in fields(price) if f.name != "source")


def _most_expensive(rates: Iterable[Rate | None]) -> Rate | None:
    found = [rate.highest for rate in rates if rate]
    return Rate(max(found)) if found else None


if TYPE_CHECKING:
    from typing import Protocol

    class _Tier(Protocol):
        start: int
        price: Decimal

    class _Tiered(Protocol):
        base: Decimal
        tiers: list[_Tier]
