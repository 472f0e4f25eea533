"""The most a call can have cost, for those whose cost is not known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_pricing.bill import NANO_PER_TOKEN, ZERO, nano
from otel_pricing.call import NANO_PER_USD, ModelCall, Usage
from otel_pricing.operations import Family, family

if TYPE_CHECKING:
    from decimal import Decimal

    from otel_pricing.prices.price import Price


# In names of models whose plain rates are those of text only.
AUDIO_MODEL = re.compile(r"(?:\A|[-_.])(?:audio|realtime|transcribe)(?:\Z|[-_.])")


def may_hide_audio(call: ModelCall, usage: Usage) -> bool:
    """Return whether some tokens may be audio without the span saying which.

    Not every instrumentation splits audio from text, and audio costs many times as much.
    """
    said = usage.input_audio_tokens is not None or usage.output_audio_tokens is not None
    return not said and AUDIO_MODEL.search(call.model) is not None


def at_most(call: ModelCall, usage: Usage, price: Price, dearest: Price | None) -> int | None:
    """Return the most the call can have cost; None when nothing bounds it.

    Tokens that were not reported are bounded by what the request allowed and the model takes.
    """
    context = price.context_tokens
    tokens_in = usage.input_tokens if usage.input_tokens is not None else context
    tokens_out = usage.output_tokens
    if tokens_out is None:
        tokens_out = call.max_output_tokens if call.max_output_tokens is not None else context
    if family(call.operation) is not Family.TEXT:
        tokens_out = usage.output_tokens or 0
    rate_in = _highest(price, dearest, ("input", "cache_write", "cache_write_1h"))
    rate_out = _highest(price, dearest, ("output", "reasoning"))
    hidden = may_hide_audio(call, usage)
    if usage.input_audio_tokens or hidden:
        rate_in = max(rate_in, _highest(price, dearest, ("input_audio",)))
    if usage.output_audio_tokens or hidden:
        rate_out = max(rate_out, _highest(price, dearest, ("output_audio",)))
    if tokens_in is None or tokens_out is None or (tokens_in and not rate_in):
        return None
    searches = (usage.web_search_requests or 0) * _per_search(price, dearest)
    return nano((tokens_in * rate_in + tokens_out * rate_out) * NANO_PER_TOKEN + searches)


def _highest(price: Price, dearest: Price | None, units: tuple[str, ...]) -> Decimal:
    """Return the model's highest own rate for *units*, or else the dearest known."""
    for source in (price, dearest):
        rates = [rate.dearest for unit in units if source and (rate := source.rate(unit))]
        if rates:
            return max(rates)
    return ZERO


def _per_search(price: Price, dearest: Price | None) -> Decimal:
    each = price.usd_per_web_search or (dearest.usd_per_web_search if dearest else None) or ZERO
    return each * NANO_PER_USD
