"""Cost of one call: its units at the rates of a price.

Money is exact: rates are decimal, and a sum is rounded once, half to even, to whole nano-USD.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from otel_pricing.model.call import NANO_PER_USD, Usage
from otel_pricing.model.usage import MEDIA
from otel_pricing.prices.price import MILLION, Price, Rate

# One million tokens at 1 USD are 10^9 nano-USD, so one token at a rate of 1 is a thousand of them.
NANO_PER_TOKEN = Decimal(NANO_PER_USD // MILLION)
ZERO = Decimal(0)
ONE = Decimal(1)


@dataclass(slots=True)
class Bill:
    """Running sum of one call."""

    nano_usd: Decimal = ZERO
    unpriced: tuple[str, ...] = ()
    """Reported units without a rate."""
    assumptions: tuple[str, ...] = ()
    """Substitutes for rates missing from the list."""

    def add(self, tokens: int, rate: Rate | None, unit: str, input_tokens: int) -> None:
        """Charge *tokens* at *rate*, or record that *unit* has none."""
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
    the input and output at the standard one.
    """
    total = Bill()
    if price.has_token_rates:
        _add_tokens(total, usage, price)
    for rate in price.counted:
        units: int | None = getattr(usage, rate.unit)
        if rate.unit == "document_pages":  # annotated ones have a separate rate
            units = _plain_pages(usage, price)
        total.nano_usd += (units or 0) * rate.usd * NANO_PER_USD / rate.per
    if usage.web_search_requests:
        if price.usd_per_web_search is None:
            total.unpriced += ("web searches",)
        else:
            searches = usage.web_search_requests * price.usd_per_web_search
            total.nano_usd += searches * NANO_PER_USD
    if price.usd_per_request is not None:
        total.nano_usd += price.usd_per_request * NANO_PER_USD
    return total


def _plain_pages(usage: Usage, price: Price) -> int:
    annotated = any(rate.unit == "annotated_pages" for rate in price.counted)
    return max(0, (usage.document_pages or 0) - (usage.annotated_pages or 0) * annotated)


def _add_tokens(total: Bill, usage: Usage, price: Price) -> None:
    all_input = usage.input_tokens or 0
    fresh = all_input - _add_input_parts(total, usage, price, all_input)
    total.add(fresh, price.input, "input tokens", all_input)
    all_output = usage.output_tokens or 0
    plain = all_output - _add_output_parts(total, usage, price, all_input)
    total.add(plain, price.output, "output tokens", all_input)
    if usage.citation_tokens:
        total.add(usage.citation_tokens, price.citation, "citation tokens", all_input)


def _add_input_parts(total: Bill, usage: Usage, price: Price, all_input: int) -> int:
    """Charge the subsets of the input with a separate rate; return their tokens."""
    charged = _add_cache_reads(total, usage, price, all_input)
    write = usage.cache_write_tokens
    if write:
        hour = min(usage.cache_write_1h_tokens or 0, write)
        if price.cache_write is not None:
            total.add(write - hour, price.cache_write, "cache writes", all_input)
            total.add(hour, price.cache_write_1h, "one-hour cache writes", all_input)
            charged += write
        else:
            total.assumptions += ("cache writes at the input rate",)
    for medium in MEDIA:
        tokens: int | None = getattr(usage, f"input_{medium}_tokens")
        if not tokens:
            continue
        cached: int | None = getattr(usage, f"cached_{medium}_tokens", None)
        if cached is not None and usage.cache_read_tokens:
            tokens -= min(cached, tokens, usage.cache_read_tokens)
        if usage.input_tokens is not None:
            # Cached tokens are counted in both; they must not be charged twice.
            tokens = min(tokens, max(0, all_input - charged))
        rate: Rate | None = getattr(price, f"input_{medium}")
        if rate is None and medium != "audio":
            # Lists without a rate for images charge them as text.
            continue
        total.add(tokens, rate, f"{medium} input", all_input)
        charged += tokens
    return charged


def _add_cache_reads(total: Bill, usage: Usage, price: Price, all_input: int) -> int:
    read = usage.cache_read_tokens
    if not read:
        return 0
    if price.cache_read is None:
        total.assumptions += ("cache reads at the input rate",)
        return 0
    rest = read
    for medium in ("audio", "image"):
        cached: int = getattr(usage, f"cached_{medium}_tokens") or 0
        rate: Rate | None = getattr(price, f"cached_{medium}")
        if cached and rate is not None:
            cached = min(cached, rest)
            total.add(cached, rate, f"cached {medium}", all_input)
            rest -= cached
    total.add(rest, price.cache_read, "cache reads", all_input)
    return read


def _add_output_parts(total: Bill, usage: Usage, price: Price, all_input: int) -> int:
    charged = 0
    for medium in MEDIA:
        tokens: int | None = getattr(usage, f"output_{medium}_tokens")
        rate: Rate | None = getattr(price, f"output_{medium}")
        if not tokens or (rate is None and medium != "audio"):
            continue
        total.add(tokens, rate, f"{medium} output", all_input)
        charged += tokens
    if usage.reasoning_tokens and price.reasoning is not None:
        reasoning = min(usage.reasoning_tokens, max(0, (usage.output_tokens or 0) - charged))
        total.add(reasoning, price.reasoning, "reasoning", all_input)
        charged += reasoning
    return charged


def nano(amount: Decimal) -> int:
    """Return an amount in nano-USD as a whole number, half to even."""
    return int(amount.quantize(ONE, ROUND_HALF_EVEN))
