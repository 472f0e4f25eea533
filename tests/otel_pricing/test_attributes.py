"""Cost attributes of a span."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from otel_pricing import CostStatus, PricedCall, facts

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_priced_call_has_the_cost_attributes_of_the_conventions(
    priced: Callable[..., PricedCall],
) -> None:
    """Amount, currency and that it was computed here; and exactly, in whole nano-dollars."""
    attributes = facts(replace(priced(), price_source="genai-prices 0.2.3 openai/gpt-4o"))

    assert attributes == {
        "gen_ai.usage.cost.amount": 0.006,
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.usage.cost.source": "local",
        "otel_distro.cost.status": "priced",
        "otel_distro.cost.nano_usd": 6_000_000,
        "otel_distro.cost.price_source": "genai-prices 0.2.3 openai/gpt-4o",
        "otel_distro.billed": True,
        "otel_distro.billing.reason": "only span of this call",
    }


def test_an_unpriced_call_has_no_amount_and_says_why(priced: Callable[..., PricedCall]) -> None:
    """Sums of amounts have known money only; the bound is a separate attribute."""
    call = replace(
        priced(status=CostStatus.UNPRICED), reason="no usage reported", exposure_nano_usd=7
    )

    attributes = facts(call)

    assert "gen_ai.usage.cost.amount" not in attributes
    assert "otel_distro.cost.nano_usd" not in attributes
    assert attributes["otel_distro.cost.status"] == "unpriced"
    assert attributes["otel_distro.cost.reason"] == "no usage reported"
    assert attributes["otel_distro.cost.exposure_nano_usd"] == 7


def test_a_free_call_costs_nothing_and_has_a_reason(priced: Callable[..., PricedCall]) -> None:
    """Zero is an amount when it is known."""
    assert facts(priced(status=CostStatus.FREE))["gen_ai.usage.cost.amount"] == 0


def test_a_span_that_is_not_billed_carries_no_amount(priced: Callable[..., PricedCall]) -> None:
    """Sums over spans stay right; the span that carries the cost is named."""
    attributes = facts(
        replace(priced(), billed=False, billed_span_id=255, billing_reason="same call as ...")
    )

    assert "gen_ai.usage.cost.amount" not in attributes
    assert attributes["otel_distro.billed"] is False
    assert attributes["otel_distro.billing.span_id"] == "00000000000000ff"
