"""Cost of a model call, with its status if it is not exact."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing.costing.bill import bill, nano
from otel_pricing.costing.exposure import at_most, hidden_units, other_nouns
from otel_pricing.model.call import NANO_PER_USD, CostStatus, ModelCall, PricedCall, Usage
from otel_pricing.model.operations import Family, family
from otel_pricing.model.outcome import was_rejected
from otel_pricing.prices.price import COUNTED_UNITS, Price

if TYPE_CHECKING:
    from decimal import Decimal

    from otel_pricing.prices.price_book import PriceBook


FREE_MODERATION = frozenset({"openai", "azure.ai.openai"})
"""Providers with free moderation."""
REPORTED_BY = "reported by "
"""Prefix of the price source of a call with a reported cost."""


def price_call(call: ModelCall, book: PriceBook) -> PricedCall:
    """Return *call* with its cost by the prices of *book*.

    A rejected call is free. A call with unknown usage or price has the cost that its span reports,
    if that is more than 0; otherwise it is unpriced, with a bound on its cost. Unknown is never
    zero.
    """
    priced = _computed(call, book)
    if call.reported_cost_usd and (
        priced.status is CostStatus.UNPRICED or _is_of_another_seller(priced, book)
    ):
        return _reported(call, call.reported_cost_usd, priced.reason)
    return priced


def _is_of_another_seller(priced: PricedCall, book: PriceBook) -> bool:
    if priced.status is not CostStatus.ESTIMATED:
        return False
    price = book.quote(priced.call)
    return price is not None and price.seller_is_assumed


def _reported(call: ModelCall, usd: Decimal, why: str) -> PricedCall:
    source = call.reported_cost_source
    return PricedCall(
        call=call,
        status=CostStatus.REPORTED,
        cost_nano_usd=nano(usd * NANO_PER_USD),
        reason=why,
        price_source=f"{REPORTED_BY}{source or 'the span'}",
    )


def _computed(call: ModelCall, book: PriceBook) -> PricedCall:
    usage = call.usage
    if not _has_tokens(usage) and (
        call.request_never_sent or was_rejected(call.error_type, call.http_status_code)
    ):
        return _free(call, _rejection(call))
    if family(call.operation) is Family.MODERATION and call.provider in FREE_MODERATION:
        return _free(call, "the provider does not charge for moderation")
    price = book.quote(call)
    if price is None:
        return _unpriced(call, _no_price(call), book.dearest(call.provider, call.start_ns), None)
    if price.is_free:
        return _free(call, "declared free", price.source)
    if usage is None:
        return _without_usage(call, price)
    if not price.has_token_rates and not _reports_count(usage, price):
        if price.usd_per_request is not None:
            return _without_usage(call, price)
        reason = _no_token_rates(price)
        highest = book.dearest(call.provider, call.start_ns)
        return _unpriced(call, reason, highest, price)
    return _with_usage(call, usage, price, book)


def unpriced(call: ModelCall, reason: str) -> PricedCall:
    """Return *call* with an unknown cost, because of *reason*; needs no price data."""
    return _unpriced(call, reason, None, None)


def _with_usage(call: ModelCall, usage: Usage, price: Price, book: PriceBook) -> PricedCall:
    total = bill(usage, price)
    unreported = _unreported(call, usage, price)
    amount = nano(total.nano_usd)
    missing = total.unpriced or unreported
    assumed = _assumed(call, price, total.assumptions)
    if call.failed and not price.has_token_rates:
        # Counts of the request alone do not prove that a failed call was charged.
        return _unpriced(call, _failure(call), None, price)
    if not missing:
        return PricedCall(
            call=call,
            status=CostStatus.ESTIMATED if assumed else CostStatus.PRICED,
            cost_nano_usd=amount,
            reason="; ".join(assumed),
            price_source=price.source,
            exposure_nano_usd=_more_at_most(call, usage, price, amount),
        )
    highest = book.dearest(call.provider, call.start_ns)
    bound = at_most(call, usage, price, highest)
    return PricedCall(
        call=call,
        status=CostStatus.PARTIAL,
        cost_nano_usd=amount,
        reason=_missing(total.unpriced, unreported),
        price_source=price.source,
        exposure_nano_usd=None if bound is None else max(bound, amount),
    )


def _more_at_most(call: ModelCall, usage: Usage, price: Price, amount: int) -> int | None:
    """Return the maximum cost of a call with an estimated usage; None for any other."""
    if not call.usage_estimate or not price.has_token_rates:
        return None
    most_input = call.most_input_tokens or usage.input_tokens
    at_its_limits = replace(usage, input_tokens=most_input, output_tokens=None)
    bound = at_most(call, at_its_limits, price, None)
    return None if bound is None else max(bound, amount)


def _assumed(call: ModelCall, price: Price, rates: tuple[str, ...]) -> tuple[str, ...]:
    """Return the substitutes for rates missing from the list."""
    assumed: tuple[str, ...] = (", ".join(rates),) if rates else ()
    if call.usage_estimate and price.has_token_rates:
        assumed += (call.usage_estimate,)
    if not price.tier_is_priced:
        assumed += (f"no price for the tier {call.service_tier}; charged at the standard rates",)
    if price.seller_is_assumed:
        assumed += (f"{call.provider} does not list the model; charged at its maker's rates",)
    return assumed


def _missing(unpriced: tuple[str, ...], unreported: tuple[str, ...]) -> str:
    clauses = [f"no price for {', '.join(unpriced)}"] if unpriced else []
    if unreported:
        clauses.append(f"{', '.join(unreported)} not reported")
    return "; ".join(clauses)


def _unreported(call: ModelCall, usage: Usage, price: Price) -> tuple[str, ...]:
    """Return the tokens that a call of this kind must have used but its span omits."""
    unreported: tuple[str, ...] = ()
    if not price.has_token_rates:
        return hidden_units(call, usage, price)
    if usage.input_tokens is None:
        unreported += ("input tokens",)
    if usage.output_tokens is None and family(call.operation) is Family.TEXT:
        unreported += ("output tokens",)
    return unreported + hidden_units(call, usage, price)


def _without_usage(call: ModelCall, price: Price) -> PricedCall:
    if price.usd_per_request is not None and not price.has_token_rates and not call.failed:
        return PricedCall(
            call=call,
            status=CostStatus.PRICED,
            cost_nano_usd=nano(price.usd_per_request * NANO_PER_USD),
            reason="priced by the request",
            price_source=price.source,
        )
    reason = _failure(call) if call.failed else "no usage reported"
    return _unpriced(call, reason, None, price)


def _failure(call: ModelCall) -> str:
    return f"failed ({call.error_type}) without reporting its usage"


def _reports_count(usage: Usage, price: Price) -> bool:
    return any(getattr(usage, rate.unit) is not None for rate in price.counted)


def _unpriced(
    call: ModelCall, reason: str, highest: Price | None, price: Price | None
) -> PricedCall:
    usage = call.usage or Usage()
    return PricedCall(
        call=call,
        status=CostStatus.UNPRICED,
        cost_nano_usd=None,
        reason=reason,
        price_source=price.source if price else "",
        exposure_nano_usd=at_most(call, usage, price or Price(), highest),
    )


def _free(call: ModelCall, reason: str, source: str = "") -> PricedCall:
    return PricedCall(
        call=call, status=CostStatus.FREE, cost_nano_usd=0, reason=reason, price_source=source
    )


def _has_tokens(usage: Usage | None) -> bool:
    # Some instrumentations write zeros for a call without a response.
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
    nouns = [COUNTED_UNITS[rate.unit].noun for rate in price.counted]
    nouns += other_nouns(price)
    if nouns:
        units = ", ".join(nouns)
        return f"priced by {units}, which the span does not report"
    return "in the price list without a price"
