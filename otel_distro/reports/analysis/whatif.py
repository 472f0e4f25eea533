"""Costs of stored calls with another model or a better cache."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from otel_pricing import price_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_cost_ledger.query.calls import StoredCall
    from otel_pricing import ModelCall, PriceBook, Usage


@dataclass(frozen=True, slots=True)
class Change:
    """The assumed differences."""

    models: Mapping[str, str]
    """Model as the ledger names it -> the model used instead."""
    cache_hit: float | None = None
    """Share of the input tokens read from the cache, 0 to 1; None leaves it unchanged."""

    def applied(self, call: ModelCall, book: PriceBook) -> ModelCall:
        """Return *call* under the assumptions."""
        if self.cache_hit is not None and call.usage is not None:
            call = replace(call, usage=_cached(call.usage, self.cache_hit))
        model = self.models.get(call.model) or self.models.get(call.request_model)
        if model is None:
            return call
        # If the same provider does not offer it, the model's name determines the provider.
        sold = book.find(call.provider, model, at_ns=call.start_ns) is not None
        provider = call.provider if sold else ""
        return replace(call, provider=provider, request_model=model, response_model=model)


def _cached(usage: Usage, share: float) -> Usage:
    if usage.input_tokens is None:
        return usage
    text = usage.input_tokens - (usage.input_audio_tokens or 0)
    read = round(max(0, text) * share)
    written = min(usage.cache_write_tokens or 0, max(0, text - read))
    return replace(
        usage,
        cache_read_tokens=read,
        cache_write_tokens=written or None,
        cache_write_1h_tokens=None,
    )


@dataclass(slots=True)
class Comparison:
    """Calls of one model: actual and assumed cost."""

    model: str
    instead: str
    calls: int = 0
    before_nano_usd: int = 0
    after_nano_usd: int = 0
    not_comparable: int = 0
    """Calls excluded from both sums: no price is known for one of the two."""


def compare(
    calls: Iterable[StoredCall],
    change: Change,
    book: PriceBook,
    shown: Callable[[str, str], str] = lambda _provider, model: model,
) -> list[Comparison]:
    """Return a comparison for each model, the most expensive first; both sides priced by *book*.

    *shown* returns the display name of a provider's model. Failed calls without usage are
    unchanged: they would have failed as well.
    """
    comparisons: dict[str, Comparison] = {}
    for stored in calls:
        call = stored.priced.call
        changed = change.applied(call, book)
        name = shown(call.provider, call.model)
        instead = name if changed.model == call.model else changed.model
        line = comparisons.setdefault(name, Comparison(name, instead))
        before = price_call(call, book).cost_nano_usd
        after = price_call(changed, book).cost_nano_usd
        if before is None or after is None:
            line.not_comparable += 1
            continue
        line.calls += 1
        line.before_nano_usd += before
        line.after_nano_usd += after
    return sorted(comparisons.values(), key=lambda line: (-line.before_nano_usd, line.model))
