"""Aliases of models, declared in a price file or learned from answers."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from otel_pricing import Price, PriceBook, PriceBookError, price_call, price_table
from otel_pricing.prices.model_aliases import scaled
from otel_pricing.prices.price import UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_pricing import ModelCall

NOW_NS = 1_795_000_000_000_000_000  # 2026-11-18
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12cd"


def book(*aliases: dict[str, Any], **more: Any) -> PriceBook:
    return PriceBook(price_table({"alias": list(aliases), **more}))


def input_rate(found: PriceBook, model: str, provider: str = "") -> Decimal | None:
    price = found.find(provider, model, at_ns=NOW_NS)
    return price.input.usd_per_million if price and price.input else None


@pytest.mark.parametrize(
    ("alias", "provider", "requested", "usd"),
    [
        ({"pattern": "arn:aws:bedrock:*:application-inference-profile/ab12*",
          "model": "global.anthropic.claude-sonnet-4-5-20250929-v1:0"},
         "aws.bedrock", PROFILE, "3"),
        ({"pattern": "prod-chat", "model": "gpt-4o"}, "azure.ai.openai", "Prod-Chat", "2.5"),
        ({"pattern": "*fast*", "provider": "anthropic", "model": "claude-haiku-4-5"},
         "openai", "house/fast-1", "1"),
        ({"pattern": "smart", "provider": "openai", "model": "gpt-4o", "multiplier": "1.1"},
         "", "smart", "2.75"),
    ],
)  # fmt: skip
def test_an_alias_has_the_price_of_its_model(
    alias: dict[str, Any], provider: str, requested: str, usd: str
) -> None:
    """Times the seller's multiplier; stars match any text, ignoring case."""
    assert input_rate(book(alias), requested, provider) == Decimal(usd)


def test_the_source_of_a_price_names_the_alias(call: Callable[..., ModelCall]) -> None:
    """Every cost has its source."""
    found = book({"pattern": "smart", "provider": "openai", "model": "gpt-4o", "multiplier": 2})

    priced = price_call(call(provider="", request_model="smart", response_model=""), found)

    assert priced.price_source.endswith("openai/gpt-4o, as smart × 2")


@pytest.mark.parametrize(
    ("days", "holds"),
    [
        ({}, True),
        ({"from": "2026-11-18", "until": "2026-11-18"}, True),
        ({"from": "2026-11-19"}, False),
        ({"until": "2026-11-17"}, False),
    ],
)
def test_an_alias_holds_on_its_days(days: dict[str, str], *, holds: bool) -> None:
    """The first and the last day included."""
    found = book({"pattern": "smart", "provider": "openai", "model": "gpt-4o", **days})

    assert (input_rate(found, "smart") is not None) == holds


def test_the_model_that_answered_behind_an_alias_is_the_one_that_is_billed(
    call: Callable[..., ModelCall],
) -> None:
    """At the alias's multiplier: 1000 × 0.15 × 2, not the rates of gpt-4o."""
    found = book({"pattern": "smart", "provider": "openai", "model": "gpt-4o", "multiplier": 2})

    price = found.quote(call(request_model="smart", response_model="gpt-4o-mini"))

    assert price is not None
    assert price.input is not None
    assert price.input.usd_per_million == Decimal("0.30")


def test_an_own_price_of_the_model_holds_behind_the_alias() -> None:
    """Aliases apply to own prices and to the list."""
    declared = [{"model": "house-1", "input": "7", "output": "8"}]

    assert input_rate(book({"pattern": "h", "model": "house-1"}, price=declared), "h") == 7


def test_a_name_is_learned_from_the_model_that_answered(call: Callable[..., ModelCall]) -> None:
    """A later request by that name can be bounded before it is sent."""
    found = PriceBook()
    before = input_rate(found, "my-deployment", "azure.ai.openai")

    found.quote(
        call(provider="azure.ai.openai", request_model="my-deployment", response_model="gpt-4o")
    )

    assert (before, input_rate(found, "my-deployment", "azure.ai.openai")) == (None, Decimal("2.5"))


@pytest.mark.parametrize(
    ("alias", "problem"),
    [
        ({"model": "m"}, "alias 1: has no `pattern`"),
        ({"pattern": "p"}, "alias 1: has no `model`"),
        ({"pattern": "p", "model": "m", "multiplier": 0}, "must be above 0"),
        ({"pattern": "p", "model": "m", "multiplier": "x"}, "must be a number"),
        ({"pattern": "p", "model": "m", "factor": 2}, "unknown key 'factor'"),
        ({"pattern": "p", "model": "m", "from": "2026-02-01", "until": "2026-01-01"}, "is after"),
        ({"pattern": "p", "model": "m", "until": "soon"}, "`until` must be a day"),
    ],
)
def test_a_mistake_in_an_alias_is_named(alias: dict[str, Any], problem: str) -> None:
    """With its place in the file."""
    with pytest.raises(PriceBookError, match=problem):
        book(alias)


def test_many_stars_are_matched_fast() -> None:
    """A pattern in a user's file must not stop the program."""
    found = book({"pattern": "a*" * 20 + "b", "model": "gpt-4o"})

    assert input_rate(found, "a" * 60) is None


def test_a_multiplied_price_differs_from_its_own_in_amounts_only() -> None:
    """An alias keeps all other fields of a price."""
    amounts = {*UNITS, "usd_per_request", "usd_per_web_search", "counted"}
    changed = {"is_free": True, "tier_is_priced": False, "seller_is_assumed": True}
    price = Price(**changed, other_units=("x",), context_tokens=9, source="s")  # type: ignore[arg-type]

    found = scaled(price, Decimal(2))

    kept = [field.name for field in fields(Price) if field.name not in amounts]
    assert [getattr(found, name) for name in kept] == [getattr(price, name) for name in kept]
    assert {*changed, "other_units", "context_tokens", "source"} == set(kept)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("a*a", "a", False),
        ("a*b*c", "axxbxxc", True),
        ("a*b*c", "axxc", False),
        ("*", "", True),
        ("x*y", "zy", False),
    ],
)
def test_a_pattern_fits_a_whole_name(pattern: str, name: str, fits: bool) -> None:
    from otel_pricing.prices.model_aliases import _matches

    assert _matches(pattern.split("*"), name) is fits
