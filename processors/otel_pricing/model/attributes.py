"""Attributes added to model-call spans, with names of the draft convention if defined.

`gen_ai.usage.cost.*` follows the proposal in open-telemetry/semantic-conventions-genai#443, which
is not merged; on inference spans only, so that sums over spans are correct. Unbilled spans have no
amount for the same reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_pricing.model.call import NANO_PER_USD, CostStatus

if TYPE_CHECKING:
    from otel_pricing.model.call import PricedCall

COST_AMOUNT = "gen_ai.usage.cost.amount"
"""US dollars, as a double for tools that sum doubles; `COST_NANO_USD` is exact."""
COST_CURRENCY = "gen_ai.usage.cost.currency"
COST_SOURCE = "gen_ai.usage.cost.source"
"""`local`: computed from a local price list; `provider`: reported with the call."""

COST_STATUS = "otel_distro.cost.status"
COST_NANO_USD = "otel_distro.cost.nano_usd"
COST_REASON = "otel_distro.cost.reason"
COST_EXPOSURE_NANO_USD = "otel_distro.cost.exposure_nano_usd"
"""Maximum cost of an unpriced or partial call."""
PRICE_SOURCE = "otel_distro.cost.price_source"
BILLED = "otel_distro.billed"
BILLING_REASON = "otel_distro.billing.reason"
BILLED_SPAN_ID = "otel_distro.billing.span_id"
"""The span that carries the cost instead, in hexadecimal."""

CURRENCY = "USD"
SOURCE = "local"
REPORTED = "provider"
"""Source of a cost reported with the call."""


def facts(priced: PricedCall) -> dict[str, str | bool | int | float]:
    """Return the cost of a call as attributes to add to its span."""
    attributes: dict[str, str | bool | int | float] = {
        COST_STATUS: priced.status.value,
        BILLED: priced.billed,
        BILLING_REASON: priced.billing_reason,
    }
    if priced.reason:
        attributes[COST_REASON] = priced.reason
    if priced.price_source:
        attributes[PRICE_SOURCE] = priced.price_source
    if priced.billed_span_id is not None:
        attributes[BILLED_SPAN_ID] = f"{priced.billed_span_id:016x}"
    if priced.billed and priced.exposure_nano_usd is not None:
        attributes[COST_EXPOSURE_NANO_USD] = priced.exposure_nano_usd
    if priced.billed and priced.cost_nano_usd is not None:
        attributes[COST_NANO_USD] = priced.cost_nano_usd
        attributes[COST_AMOUNT] = priced.cost_nano_usd / NANO_PER_USD
        attributes[COST_CURRENCY] = CURRENCY
        attributes[COST_SOURCE] = REPORTED if priced.status is CostStatus.REPORTED else SOURCE
    return attributes
