"""The sum of one call: its units at the rates of a price.

Money is exact: rates are decimal, a sum is rounded once, half to even, to whole nano-US-dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from otel_pricing.call import NANO_PER_USD, Usage
from otel_pricing.prices.price import MILLION, Price, Rate

# One million tokens at 1 USD are 10^9 nano-USD, so one token at a rate of 1 is a thousand of them.
NANO_PER_TOKEN = Decimal(NANO_PER_USD // MILLION)
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
