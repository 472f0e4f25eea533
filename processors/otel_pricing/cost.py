"""What a model call cost: arithmetic on counts and rates, and an honest word on what is unknown.

Money is exact: rates are decimal, a sum is rounded once, half to even, to whole nano-US-dollars.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from otel_pricing.call import NANO_PER_USD, CostStatus, ModelCall, PricedCall, Usage
from otel_pricing.operations import Family, family
from otel_pricing.outcome import was_rejected
from otel_pricing.prices.price import MILLION, Price, Rate

if TYPE_CHECKING:
    from otel_pricing.prices.book import PriceBook

# One million tokens at 1 USD are 10^9 nano-USD, so one token at a rate of 1 is a thousand of them.
NANO_PER_TOKEN = Decimal(NANO_PER_USD // MILLION)
# In names of models whose plain rates are those of text only.
AUDIO_MODEL = re.compile(r"(?:\A|[-_.])(?:audio|realtime|transcribe)(?:\Z|[-_.])")
ZERO = Decimal(0)
ONE = Decimal(1)


@dataclass(slots=True)
class Bill:
    """The sum of one call while it is being added up."""

    nano_usd: Decimal = ZERO
    unpriced: tuple[str, ...] = ()
    """Units that were reported and have no rate."""
    assumptions: tuple[str, ...] = ()
    """Rates that stand in for one that the list does not have."""

    def add(self, tokens: int, rate: Rate | None, unit: str, input_tokens: int) -> None:
        """Charge *tokens* at *rate*, or note that *unit* has none."""
        if tokens <= 0:
            return
        if rate is None:
            self.unpriced += (unit,)
        else:
            usd = rate.at(input_tokens) if rate.steps else rate.usd_per_million
            self.nano_usd += tokens * usd * NANO_PER_TOKEN


def price_call(call: ModelCall, book: PriceBook) -> PricedCall:
    """Return *call* with its cost by the prices of *book*.

    A call that was turned away is free; one whose usage or price nobody knows is unpriced, with a
    bound on what it may have cost. Unknown is never zero.
    """
    usage = call.usage
    if not _says_tokens(usage) and (
        call.request_never_sent or was_rejected(call.error_type, call.http_status_code)
    ):
        return _free(call, _rejection(call))
    price = book.quote(call)
    if price is None:
        return _unpriced(call, _no_price(call), book.dearest(call.provider, call.start_ns), None)
    if price.is_free:
        return _free(call, "declared free", price.source)
    if usage is None:
        return _without_usage(call, price)
    if not price.has_token_rates:
        reason = _no_token_rates(price)
        dearest = book.dearest(call.provider, call.start_ns)
        return _unpriced(call, reason, dearest, price)
    return _with_usage(call, usage, price, book)


def bill(usage: Usage, price: Price) -> Bill:
    """Return the sum of *usage* at the rates of *price*.

    Every token is charged once: cached, audio and reasoning tokens at their own rate, the rest of
    the input and output at the plain one.
    """
    total = Bill()
    all_input = usage.input_tokens or 0
    fresh = all_input - _add_input_parts(total, usage, price, all_input)
    total.add(fresh, price.input, "input tokens", all_input)
    all_output = usage.output_tokens or 0
    plain = all_output - _add_output_parts(total, usage, price, all_input)
    total.add(plain, price.output, "output tokens", all_input)
    if usage.web_search_requests:
        if price.usd_per_web_search is None:
            total.unpriced += ("web searches",)
        else:
            searches = usage.web_search_requests * price.usd_per_web_search
            total.nano_usd += searches * NANO_PER_USD
    if price.usd_per_request is not None:
        total.nano_usd += price.usd_per_request * NANO_PER_USD
    return total


def _add_input_parts(total: Bill, usage: Usage, price: Price, all_input: int) -> int:
    """Charge the subsets of the input that have a rate of their own; return their tokens."""
    charged = 0
    read = usage.cache_read_tokens
    if read:
        if price.cache_read is not None:
            total.add(read, price.cache_read, "cache reads", all_input)
            charged += read
        else:
            total.assumptions += ("cache reads at the input rate",)
    write = usage.cache_write_tokens
    if write:
        hour = min(usage.cache_write_1h_tokens or 0, write)
        if price.cache_write is not None:
            total.add(write - hour, price.cache_write, "cache writes", all_input)
            total.add(hour, price.cache_write_1h, "one-hour cache writes", all_input)
            charged += write
        else:
            total.assumptions += ("cache writes at the input rate",)
    audio = usage.input_audio_tokens
    if audio:
        if usage.input_tokens is not None:
            # Audio read from the cache is counted in both; it may not be charged twice.
            audio = min(audio, max(0, all_input - charged))
        total.add(audio, price.input_audio, "audio input", all_input)
        charged += audio
    return charged


def _add_output_parts(total: Bill, usage: Usage, price: Price, all_input: int) -> int:
    charged = 0
    if usage.output_audio_tokens:
        total.add(usage.output_audio_tokens, price.output_audio, "audio output", all_input)
        charged += usage.output_audio_tokens
    if usage.reasoning_tokens and price.reasoning is not None:
        reasoning = min(usage.reasoning_tokens, max(0, (usage.output_tokens or 0) - charged))
        total.add(reasoning, price.reasoning, "reasoning", all_input)
        charged += reasoning
    return charged


def nano(amount: Decimal) -> int:
    """Return an amount in nano-USD as a whole number, half to even."""
    return int(amount.quantize(ONE, ROUND_HALF_EVEN))


def _with_usage(call: ModelCall, usage: Usage, price: Price, book: PriceBook) -> PricedCall:
    total = bill(usage, price)
    unsaid = _unsaid(call, usage)
    amount = nano(total.nano_usd)
    missing = total.unpriced or unsaid
    if not missing and price.tier_is_priced:
        return PricedCall(
            call=call,
            status=CostStatus.PRICED,
            cost_nano_usd=amount,
            reason=", ".join(total.assumptions),
            price_source=price.source,
        )
    dearest = book.dearest(call.provider, call.start_ns)
    bound = _at_most(call, usage, price, dearest)
    if missing:
        return PricedCall(
            call=call,
            status=CostStatus.PARTIAL,
            cost_nano_usd=amount,
            reason=_what_is_missing(total.unpriced, unsaid),
            price_source=price.source,
            exposure_nano_usd=None if bound is None else max(bound, amount),
        )
    return PricedCall(
        call=call,
        status=CostStatus.ESTIMATED,
        cost_nano_usd=amount,
        reason=f"no price for the tier {call.service_tier}; charged at the standard rates",
        price_source=price.source,
    )


def _what_is_missing(unpriced: tuple[str, ...], unsaid: tuple[str, ...]) -> str:
    clauses = [f"no price for {', '.join(unpriced)}"] if unpriced else []
    if unsaid:
        clauses.append(f"{', '.join(unsaid)} not reported")
    return "; ".join(clauses)


def _unsaid(call: ModelCall, usage: Usage) -> tuple[str, ...]:
    """Return which tokens a call of its kind must have used and its span leaves out."""
    unsaid: tuple[str, ...] = ()
    if usage.input_tokens is None:
        unsaid += ("input tokens",)
    if usage.output_tokens is None and family(call.operation) is Family.TEXT:
        unsaid += ("output tokens",)
    said_audio = usage.input_audio_tokens is not None or usage.output_audio_tokens is not None
    if not said_audio and AUDIO_MODEL.search(call.model):
        # Not every instrumentation splits audio from text, and audio costs many times as much.
        unsaid += ("audio tokens",)
    return unsaid


def _without_usage(call: ModelCall, price: Price) -> PricedCall:
    if price.usd_per_request is not None and not price.has_token_rates and not call.failed:
        return PricedCall(
            call=call,
            status=CostStatus.PRICED,
            cost_nano_usd=nano(price.usd_per_request * NANO_PER_USD),
            reason="priced by the request",
            price_source=price.source,
        )
    reason = "no usage reported"
    if call.failed:
        reason = f"failed ({call.error_type}) without saying what it used"
    return _unpriced(call, reason, None, price)


def _unpriced(
    call: ModelCall, reason: str, dearest: Price | None, price: Price | None
) -> PricedCall:
    usage = call.usage or Usage()
    return PricedCall(
        call=call,
        status=CostStatus.UNPRICED,
        cost_nano_usd=None,
        reason=reason,
        price_source=price.source if price else "",
        exposure_nano_usd=_at_most(call, usage, price or Price(), dearest),
    )


def _free(call: ModelCall, reason: str, source: str = "") -> PricedCall:
    return PricedCall(
        call=call, status=CostStatus.FREE, cost_nano_usd=0, reason=reason, price_source=source
    )


def _at_most(call: ModelCall, usage: Usage, price: Price, dearest: Price | None) -> int | None:
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
    if usage.input_audio_tokens:
        rate_in = max(rate_in, _highest(price, dearest, ("input_audio",)))
    if usage.output_audio_tokens:
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


def _says_tokens(usage: Usage | None) -> bool:
    # Some instrumentations write zeros for a call that never had an answer.
    return usage is not None and bool(usage.input_tokens or usage.output_tokens)


def _rejection(call: ModelCall) -> str:
    if call.request_never_sent:
        return f"never reached the provider ({call.error_type})"
    status = f" with HTTP {call.http_status_code}" if call.http_status_code else ""
    return f"rejected{status} before any work ({call.error_type})"


def _no_price(call: ModelCall) -> str:
    if not call.model:
        return "the span names no model"
    provider = f" of {call.provider}" if call.provider else ""
    return f"no price known for {call.model}{provider}"


def _no_token_rates(price: Price) -> str:
    if price.other_units:
        units = ", ".join(unit.rpartition("_")[0].replace("_", " ") for unit in price.other_units)
        return f"priced by {units}, which the span does not report"
    return "in the price list without a price"
