"""Price of a model: a rate for each unit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per million tokens, with optional tiers by input length."""

    usd_per_million: Decimal
    steps: tuple[tuple[int, Decimal], ...] = ()
    """(n, rate): with more than n input tokens, every token of the call costs that rate."""

    def at(self, input_tokens: int) -> Decimal:
        """Return the rate for a call with that many input tokens in total."""
        rate = self.usd_per_million
        for start, dearer in self.steps:
            if input_tokens > start:
                rate = dearer
        return rate

    @property
    def highest(self) -> Decimal:
        """The highest rate for any call."""
        return max(self.usd_per_million, *(rate for _, rate in self.steps), Decimal(0))


@dataclass(frozen=True, slots=True)
class CountRate:
    """US dollars for a number of units other than tokens."""

    unit: str
    """Field of `Usage`, one of `COUNTED_UNITS`."""
    usd: Decimal
    per: int
    """Number of units priced at `usd`."""


@dataclass(frozen=True, slots=True)
class CountedUnit:
    """Pricing of a unit other than tokens."""

    noun: str
    key: str
    """Key of its rate in a price file."""
    per: int
    """Number of units per rate in a price file."""
    listed: tuple[str, ...] = ()
    """Synonymous names of its rate in the price data."""
    listed_per: int = 1
    """Number of units per rate in the price data."""


COUNTED_UNITS: dict[str, CountedUnit] = {
    "audio_milliseconds": CountedUnit(
        "audio duration", "audio_hour", 3_600_000, ("input_audio_hours", "audio_hours"), 3_600_000
    ),
    "video_milliseconds": CountedUnit("video duration", "video_second", 1000),
    "input_characters": CountedUnit(
        "characters", "million_characters", 1_000_000, ("input_mchars",), 1_000_000
    ),
    "document_pages": CountedUnit("pages", "page", 1, ("input_document_kpages",), 1000),
    "annotated_pages": CountedUnit(
        "annotated pages", "annotated_page", 1, ("input_annotated_document_kpages",), 1000
    ),
    "rerank_searches": CountedUnit(
        "rerank searches", "rerank_search", 1, ("rerank_searches_kcount",), 1000
    ),
    "output_images": CountedUnit("images", "image", 1),
}
"""Field of `Usage` -> its pricing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price list of one model on one day; None for a unit without a price."""

    input: Rate | None = None
    output: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    reasoning: Rate | None = None
    input_audio: Rate | None = None
    output_audio: Rate | None = None
    cached_audio: Rate | None = None
    input_image: Rate | None = None
    output_image: Rate | None = None
    cached_image: Rate | None = None
    input_video: Rate | None = None
    output_video: Rate | None = None
    citation: Rate | None = None
    usd_per_request: Decimal | None = None
    usd_per_web_search: Decimal | None = None
    counted: tuple[CountRate, ...] = ()
    """Rates of `COUNTED_UNITS`."""

    is_free: bool = False
    """Declared as free, which differs from having no price."""
    tier_is_priced: bool = True
    """False if the service tier has no rates, so that these are the standard ones."""
    seller_is_assumed: bool = False
    """True if the provider does not list the model, so that these are its maker's rates."""
    other_units: tuple[str, ...] = ()
    """Rates of the list for unsupported units."""
    context_tokens: int | None = None
    """Maximum tokens of one call."""
    source: str = ""
    """Human-readable source of the price."""

    @property
    def has_token_rates(self) -> bool:
        """Whether tokens can be priced at all."""
        return self.input is not None or self.output is not None

    def rate(self, unit: str) -> Rate | None:
        """Return the rate for *unit*, one of `UNITS`; None where the list has none."""
        rate: Rate | None = getattr(self, unit)
        return rate


UNITS = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "input_audio",
    "output_audio",
    "cached_audio",
    "input_image",
    "output_image",
    "cached_image",
    "input_video",
    "output_video",
    "citation",
)
"""Units priced per million tokens; each is a field of `Price`."""


def price_of(rate_of: Callable[[str], Rate | None]) -> Price:
    """Return a price with the rate of *rate_of* for each of `UNITS`."""
    rates: dict[str, Any] = {unit: rate_of(unit) for unit in UNITS}
    return Price(**rates)
