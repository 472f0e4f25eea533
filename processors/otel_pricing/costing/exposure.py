"""Upper bounds on unknown costs of calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_pricing.costing.bill import NANO_PER_TOKEN, ZERO, nano
from otel_pricing.model.call import NANO_PER_USD, ModelCall, Usage
from otel_pricing.model.operations import Family, family
from otel_pricing.prices.price import COUNTED_UNITS

if TYPE_CHECKING:
    from decimal import Decimal

    from otel_pricing.prices.price import Price, Rate


# Parts of model names with plain rates for text only.
AUDIO_MODEL = re.compile(r"(?:\A|[-_.])(?:audio|realtime|transcribe)(?:\Z|[-_.])")
_AUDIO_INPUT = frozenset({"audio tokens", "audio input tokens"})
# Models that search the web for every response.
SEARCH_MODEL = re.compile(r"deep-research|(?:\A|[-_.])search(?:\Z|[-_.])")


# The span has no bound on the model's searches, reasoning or speech.
UNBOUNDED = frozenset(
    {"reasoning tokens", "web searches", *(unit.noun for unit in COUNTED_UNITS.values())}
)


def may_hide_audio(call: ModelCall, usage: Usage) -> bool:
    """Return whether some tokens may be audio that the span does not count separately.

    Not every instrumentation separates audio from text, and audio costs many times as much.
    """
    has_audio_count = usage.input_audio_tokens is not None or usage.output_audio_tokens is not None
    return not has_audio_count and AUDIO_MODEL.search(call.model) is not None


def hidden_units(call: ModelCall, usage: Usage, price: Price) -> tuple[str, ...]:
    """Return units that *price* charges separately, the model uses, and the span does not report.

    Text, images, video and audio are all tokens; a total without their split cannot be priced if
    their rates differ. A model with a rate for reasoning always reasons.
    """
    hidden = list[str]()
    by_name = price.has_token_rates and may_hide_audio(call, usage)
    if by_name or _hides_speech(usage, price):
        hidden.append("audio tokens")
    elif _hides_sound(call, usage, price):
        hidden.append("audio input tokens")
    if _differs(price.output_image, price.output) and usage.output_tokens:
        hidden += ["image output tokens"] if usage.output_image_tokens is None else []
    # A span that splits one side omits the zero parts of the other.
    unsplit = usage.input_image_tokens is None and usage.output_image_tokens is None
    if _differs(price.input_image, price.input) and usage.input_tokens and unsplit:
        hidden.append("image input tokens")
    if _differs(price.output_video, price.output) and usage.output_tokens:
        hidden += ["video output tokens"] if usage.output_video_tokens is None else []
    hidden += _hidden_cache_parts(usage, price)
    if price.reasoning is not None and usage.reasoning_tokens is None:
        hidden.append("reasoning tokens")
    searches = price.usd_per_web_search is not None and SEARCH_MODEL.search(call.model)
    if searches and usage.web_search_requests is None:
        hidden.append("web searches")
    return (*hidden, *_hidden_counts(usage, price))


def _hides_sound(call: ModelCall, usage: Usage, price: Price) -> bool:
    """Return whether a prompt with audio or video is counted as if it were text.

    Without a captured prompt the input is assumed to be text: most prompts to models with a rate
    for audio input are text, and otherwise all of their calls would be partial.
    """
    has_audio_count = usage.input_audio_tokens is not None or usage.input_video_tokens is not None
    differs = _differs(price.input_audio, price.input) or _differs(price.input_video, price.input)
    return call.prompt_has_sound and differs and bool(usage.input_tokens) and not has_audio_count


def _hides_speech(usage: Usage, price: Price) -> bool:
    has_audio_count = usage.input_audio_tokens is not None or usage.output_audio_tokens is not None
    return price.output_audio is not None and bool(usage.output_tokens) and not has_audio_count


def _hidden_cache_parts(usage: Usage, price: Price) -> list[str]:
    """Return the media with an unknown cached part, which has a separate rate."""
    if not usage.cache_read_tokens:
        return []
    return [
        f"cached {medium} tokens"
        for medium in ("audio", "image")
        if getattr(usage, f"input_{medium}_tokens")
        and getattr(usage, f"cached_{medium}_tokens") is None
        and _differs(getattr(price, f"cached_{medium}"), price.cache_read)
    ]


def _hidden_counts(usage: Usage, price: Price) -> list[str]:
    """Return units that are not tokens, have a rate, and were not reported."""
    reported = [rate for rate in price.counted if getattr(usage, rate.unit) is not None]
    nouns = [] if reported else [COUNTED_UNITS[rate.unit].noun for rate in price.counted]
    return nouns + other_nouns(price)


def other_nouns(price: Price) -> list[str]:
    """Return names of the list's units that are not supported here."""
    return [unit.rpartition("_")[0].replace("_", " ") for unit in price.other_units]


def _differs(rate: Rate | None, text: Rate | None) -> bool:
    return rate is not None and text is not None and rate != text


def at_most(call: ModelCall, usage: Usage, price: Price, highest: Price | None) -> int | None:
    """Return the maximum cost of the call; None if it is unbounded.

    Unreported tokens are bounded by the request's size, its limit, and the model's.
    """
    context = price.context_tokens
    tokens_in = usage.input_tokens
    if tokens_in is None:
        bounds = [most for most in (call.most_input_tokens, context) if most is not None]
        tokens_in = min(bounds, default=None)
    tokens_out = usage.output_tokens
    if tokens_out is None:
        tokens_out = call.max_output_tokens if call.max_output_tokens is not None else context
    if family(call.operation) is not Family.TEXT:
        tokens_out = usage.output_tokens or 0
    hidden = hidden_units(call, usage, price)
    if not UNBOUNDED.isdisjoint(hidden) or other_nouns(price):
        return None
    rate_in = _highest(price, highest, ("input", "cache_write", "cache_write_1h"))
    rate_out = _highest(price, highest, ("output", "reasoning"))
    if usage.input_audio_tokens or not _AUDIO_INPUT.isdisjoint(hidden):
        rate_in = max(rate_in, _highest(price, highest, ("input_audio",)))
    if usage.output_audio_tokens or "audio tokens" in hidden:
        rate_out = max(rate_out, _highest(price, highest, ("output_audio",)))
    for unit in ("input_image", "input_video"):
        if getattr(usage, f"{unit}_tokens") or f"{unit[6:]} input tokens" in hidden:
            rate_in = max(rate_in, _highest(price, highest, (unit,)))
    for unit in ("output_image", "output_video"):
        if getattr(usage, f"{unit}_tokens") or f"{unit[7:]} output tokens" in hidden:
            rate_out = max(rate_out, _highest(price, highest, (unit,)))
    if tokens_in is None or tokens_out is None or (tokens_in and not rate_in):
        return None
    searches = (usage.web_search_requests or 0) * _per_search(price, highest)
    counted = sum(
        (getattr(usage, r.unit) or 0) * r.usd * NANO_PER_USD / r.per for r in price.counted
    )
    return nano((tokens_in * rate_in + tokens_out * rate_out) * NANO_PER_TOKEN + searches + counted)


def _highest(price: Price, highest: Price | None, units: tuple[str, ...]) -> Decimal:
    """Return the model's highest own rate for *units*, or else the highest known."""
    for source in (price, highest):
        rates = [rate.highest for unit in units if source and (rate := source.rate(unit))]
        if rates:
            return max(rates)
    return ZERO


def _per_search(price: Price, highest: Price | None) -> Decimal:
    each = price.usd_per_web_search or (highest.usd_per_web_search if highest else None) or ZERO
    return each * NANO_PER_USD
