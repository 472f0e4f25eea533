"""Cost of a call to the nano-dollar, and its status if it is not exact."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_pricing import (
    CostStatus,
    ModelCall,
    Price,
    PriceBook,
    Rate,
    Usage,
    price_call,
    price_table,
)
from otel_pricing.costing.bill import bill, nano
from otel_pricing.model.call import UNIT_NAMES
from otel_pricing.model.output_limits import output_limit

if TYPE_CHECKING:
    from collections.abc import Callable

SONNET = {"provider": "anthropic", "request_model": "claude-sonnet-4-5"}


@pytest.mark.parametrize(
    ("fields", "usage", "nano_usd"),
    [
        pytest.param(
            {},
            Usage(input_tokens=1200, output_tokens=300),
            6_000_000,
            # 1200 × 2.50 + 300 × 10 = 6000 USD per million tokens = 0.006 USD
            id="gpt-4o",
        ),
        pytest.param(
            {},
            Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024),
            4_720_000,
            # 176 × 2.50 + 1024 × 1.25 + 300 × 10 = 4720
            id="gpt-4o, cached",
        ),
        pytest.param(
            {"request_model": "o3-mini"},
            Usage(input_tokens=1200, output_tokens=300, reasoning_tokens=200),
            2_640_000,
            # 1200 × 1.10 + 300 × 4.40 = 2640: reasoning is part of the output
            id="o3-mini, reasoning",
        ),
        pytest.param(
            {"request_model": "gpt-5", "service_tier": "flex"},
            Usage(input_tokens=1200, output_tokens=300),
            2_250_000,
            # (1200 × 1.25 + 300 × 10) / 2 = 2250
            id="gpt-5, flex",
        ),
        pytest.param(
            {"request_model": "gpt-5", "service_tier": "batch"},
            Usage(input_tokens=1200, output_tokens=300),
            2_250_000,
            # batch costs half as well
            id="gpt-5, batch",
        ),
        pytest.param(
            {"request_model": "text-embedding-3-small", "operation": "embeddings"},
            Usage(input_tokens=42),
            840,
            # 42 × 0.02 = 0.84
            id="embedding",
        ),
        pytest.param(
            SONNET,
            Usage(
                input_tokens=1700,
                output_tokens=300,
                cache_read_tokens=1024,
                cache_write_tokens=500,
            ),
            7_210_200,
            # 176 × 3 + 1024 × 0.30 + 500 × 3.75 + 300 × 15 = 528 + 307.2 + 1875 + 4500
            id="claude, five-minute cache writes",
        ),
        pytest.param(
            SONNET,
            Usage(
                input_tokens=1700,
                output_tokens=300,
                cache_read_tokens=1024,
                cache_write_tokens=500,
                cache_write_1h_tokens=100,
            ),
            7_435_200,
            # 528 + 307.2 + 400 × 3.75 + 100 × 6 + 4500
            id="claude, one-hour cache writes",
        ),
        pytest.param(
            SONNET,
            Usage(input_tokens=176, output_tokens=300, web_search_requests=2),
            25_028_000,
            # 528 + 4500 = 5028 per million, and 2 × 0.01 USD
            id="claude, two web searches",
        ),
        pytest.param(
            SONNET,
            Usage(input_tokens=200_000, output_tokens=1000),
            615_000_000,
            # 200 000 × 3 + 1000 × 15 = 615 000
            id="claude at the edge of the long context",
        ),
        pytest.param(
            SONNET,
            Usage(input_tokens=200_001, output_tokens=1000),
            1_222_506_000,
            # one token more, and all cost the higher rates: 200 001 × 6 + 1000 × 22.50
            id="claude just beyond it",
        ),
        pytest.param(
            {"provider": "gcp.gemini", "request_model": "gemini-2.5-flash"},
            Usage(
                input_tokens=1200, output_tokens=400, cache_read_tokens=1024, reasoning_tokens=100
            ),
            1_083_520,
            # 176 × 0.30 + 1024 × 0.03 + 400 × 2.50 = 52.8 + 30.72 + 1000
            id="gemini",
        ),
        pytest.param(
            {"provider": "gcp.gemini", "request_model": "gemini-2.5-flash"},
            Usage(input_tokens=1000, output_tokens=100, input_audio_tokens=400),
            830_000,
            # 600 × 0.30 + 400 × 1.00 + 100 × 2.50 = 180 + 400 + 250
            id="gemini, audio input",
        ),
        pytest.param(
            {
                "provider": "aws.bedrock",
                "request_model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            },
            Usage(input_tokens=1000, output_tokens=100),
            4_950_000,
            # 1000 × 3.30 + 100 × 16.50: ten per cent more for a region
            id="claude on Bedrock",
        ),
    ],
)
def test_a_call_costs_its_tokens_at_the_list_price(
    fields: dict[str, str],
    usage: Usage,
    nano_usd: int,
    call: Callable[..., ModelCall],
    book: PriceBook,
) -> None:
    """Every token is charged once, at the rate of its kind."""
    priced = price_call(call(**fields, usage=usage), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.PRICED, nano_usd)
    assert priced.price_source.startswith("genai-prices ")
    assert priced.exposure_nano_usd is None


def test_an_unknown_model_is_unpriced_with_a_bound(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """Unknown is not zero; the bound uses the dearest price of the provider."""
    priced = price_call(call(request_model="gpt-99-invented"), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.UNPRICED, None)
    assert priced.reason == "no price known for gpt-99-invented of openai"
    # o1-pro is the dearest: 1200 × 150 + 300 × 600 = 360 000 per million = 0.36 USD
    assert priced.exposure_nano_usd == 360_000_000


def test_a_call_without_a_model_is_reported_as_such(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """It cannot be priced, independent of the price list."""
    priced = price_call(call(request_model="", provider=""), book)

    assert priced.status is CostStatus.UNPRICED
    assert priced.reason == "the span names no model"


def test_a_call_without_usage_is_bounded_by_its_limit_and_the_models(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """The context full and the output at its limit: 128 000 × 2.50 + 100 × 10 = 321 000."""
    priced = price_call(call(usage=None, max_output_tokens=100), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.UNPRICED, None)
    assert priced.reason == "no usage reported"
    assert priced.exposure_nano_usd == 321_000_000


@pytest.mark.parametrize(("most_input", "tokens"), [(40, 40), (900_000, 128_000)])
def test_the_size_of_the_request_bounds_its_input(
    call: Callable[..., ModelCall], book: PriceBook, most_input: int, tokens: int
) -> None:
    """But never above the context window."""
    priced = price_call(call(usage=None, most_input_tokens=most_input, max_output_tokens=100), book)

    assert priced.exposure_nano_usd == tokens * 2_500 + 100 * 10_000


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("gpt-4o-2024-08-06", 16_384),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", 16_384),
        ("gpt-4", 8_192),
        ("gpt-4.1-nano", 32_768),
        ("openai/gpt-5-mini", 128_000),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 64_000),
        ("models/gemini-2.5-flash", 65_536),
        ("invented-1", None),
        ("", None),
    ],
)
def test_models_have_published_limits_of_their_output(model: str, limit: int | None) -> None:
    """A bound where the request has none; unknown models have none."""
    assert output_limit(model) == limit


def test_an_unknown_bound_is_none(call: Callable[..., ModelCall], book: PriceBook) -> None:
    """No usage, no limit, no known model: there is no bound."""
    assert price_call(call(usage=None, request_model="x"), book).exposure_nano_usd is None


@pytest.mark.parametrize(
    ("usage", "lower", "reason"),
    [
        pytest.param(
            # 1100 × 2.50 + 250 × 10 = 5250: the text alone
            Usage(
                input_tokens=1200,
                output_tokens=300,
                input_audio_tokens=100,
                output_audio_tokens=50,
            ),
            5_250_000,
            "no price for audio input, audio output",
            id="audio counted, no price for it",
        ),
        pytest.param(
            Usage(input_tokens=1200, output_tokens=300),
            6_000_000,
            "audio tokens not reported",
            id="an audio model without a split",
        ),
        pytest.param(
            Usage(input_tokens=1200),
            3_000_000,
            "output tokens, audio tokens not reported",
            id="no output count",
        ),
        pytest.param(
            Usage(output_tokens=300, input_audio_tokens=0),
            3_000_000,
            "input tokens not reported",
            id="no input count",
        ),
    ],
)
def test_a_unit_without_a_price_makes_the_cost_partial(
    usage: Usage, lower: int, reason: str, call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """The list would silently charge audio as text; the result has a lower and an upper bound."""
    priced = price_call(call(request_model="gpt-4o-audio-preview", usage=usage), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.PARTIAL, lower)
    assert priced.reason == reason
    assert priced.exposure_nano_usd is not None
    assert priced.exposure_nano_usd >= lower


def test_an_audio_model_that_says_there_was_no_audio_is_priced(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """A reported zero is a fact."""
    usage = Usage(input_tokens=1200, output_tokens=300, input_audio_tokens=0, output_audio_tokens=0)

    priced = price_call(call(request_model="gpt-4o-audio-preview", usage=usage), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.PRICED, 6_000_000)


def test_web_searches_without_a_price_make_it_partial(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """Searches are charged per request if the list has a price."""
    usage = Usage(input_tokens=10, output_tokens=1, web_search_requests=3)

    priced = price_call(
        call(provider="groq", request_model="llama-3.3-70b-versatile", usage=usage), book
    )

    assert priced.status is CostStatus.PARTIAL
    assert priced.reason == "no price for web searches"


def test_a_model_listed_by_the_hour_has_no_price_for_tokens(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """whisper-1 is priced by the hour of audio; pricing its tokens would give zero."""
    priced = price_call(call(request_model="whisper-1"), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.UNPRICED, None)
    assert "audio" in priced.reason
    assert "does not report" in priced.reason


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("github-copilot", "gpt-4o"),
        ("openrouter", "deepseek/deepseek-r1:free"),
        ("google", "gemma-3"),
    ],
)
def test_listed_without_a_price_is_not_free(
    provider: str, model: str, call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """The list has models without any price; its own sum for them is 0."""
    priced = price_call(call(provider=provider, request_model=model), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.UNPRICED, None)
    assert priced.reason == "in the price list without a price"


def test_a_tier_without_its_own_price_is_an_estimate(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """Standard rates replace them, and the status says so."""
    priced = price_call(call(service_tier="scale"), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.ESTIMATED, 6_000_000)
    assert "scale" in priced.reason


def test_a_tier_before_its_price_was_listed_is_an_estimate(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """The list has prices of tiers since October 2026; earlier ones are not recorded."""
    may = 1_780_000_000_000_000_000
    early = call(request_model="gpt-5", service_tier="flex", start_ns=may, end_ns=may)

    priced = price_call(early, book)

    # 1200 × 1.25 + 300 × 10 = 4500: the standard rates
    assert (priced.status, priced.cost_nano_usd) == (CostStatus.ESTIMATED, 4_500_000)


@pytest.mark.parametrize("tier", ["default", "auto", "standard", "Default", None, ""])
def test_the_standard_tier_has_many_names(
    tier: str | None, call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """None of them is a discount."""
    assert price_call(call(service_tier=tier), book).status is CostStatus.PRICED


def test_cached_tokens_of_a_model_without_a_cache_price_cost_as_input(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """No listed discount: 1000 × 5 + 10 × 15 = 5150; the status reports it."""
    usage = Usage(input_tokens=1000, output_tokens=10, cache_read_tokens=600)

    priced = price_call(call(request_model="gpt-4o-2024-05-13", usage=usage), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.ESTIMATED, 5_150_000)
    assert priced.reason == "cache reads at the input rate"


def test_the_price_is_that_of_the_calls_own_day(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """o3 cost 10 / 40 USD per million until its price fell to 2 / 8."""
    before = 1_746_057_600_000_000_000  # 2025-05-01
    usage = Usage(input_tokens=1000, output_tokens=100)
    old = call(request_model="o3", usage=usage, start_ns=before, end_ns=before)
    new = call(request_model="o3", usage=usage)

    # 1000 × 10 + 100 × 40 = 14 000; 1000 × 2 + 100 × 8 = 2800
    assert price_call(old, book).cost_nano_usd == 14_000_000
    assert price_call(new, book).cost_nano_usd == 2_800_000


def test_an_off_peak_price_is_that_of_the_calls_own_minute(book: PriceBook) -> None:
    """DeepSeek was cheaper at night, so a price cached by day must not apply at night."""
    noon = 1_746_100_800_000_000_000  # 2025-05-01 12:00 UTC
    night = noon + 8 * 3_600_000_000_000  # 20:00

    day_price = book.find("deepseek", "deepseek-chat", at_ns=noon)
    night_price = book.find("deepseek", "deepseek-chat", at_ns=night)
    day_again = book.find("deepseek", "deepseek-chat", at_ns=noon)

    assert day_price is not None
    assert day_again == day_price
    assert night_price != day_price


def test_a_model_declared_free_is_free(call: Callable[..., ModelCall]) -> None:
    """Free differs from unknown."""
    book = PriceBook(price_table({"price": [{"model": "local-*", "free": True}]}))

    priced = price_call(call(provider="ollama", request_model="local-llama"), book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.FREE, 0)
    assert priced.reason == "declared free"


def test_a_call_priced_by_the_request_needs_no_usage(call: Callable[..., ModelCall]) -> None:
    """Rerankers and searches are charged per request: 1 × 0.002 USD."""
    book = PriceBook(price_table({"price": [{"model": "rerank-v3.5", "request": "0.002"}]}))
    rerank = call(provider="cohere", request_model="rerank-v3.5", operation="rerank", usage=None)

    priced = price_call(rerank, book)

    assert (priced.status, priced.cost_nano_usd) == (CostStatus.PRICED, 2_000_000)
    failed = replace(rerank, error_type="APITimeoutError")
    assert price_call(failed, book).status is CostStatus.UNPRICED


def test_a_request_may_cost_beside_its_tokens() -> None:
    """5 USD per thousand requests and 1 per million tokens: 0.005 + 0.001."""
    price = Price(input=Rate(Decimal(1)), usd_per_request=Decimal("0.005"))

    assert nano(bill(Usage(input_tokens=1000), price).nano_usd) == 6_000_000


def test_reasoning_may_have_a_separate_rate() -> None:
    """200 × 4 + 100 × 2 = 1000 per million."""
    price = Price(input=Rate(Decimal(1)), output=Rate(Decimal(2)), reasoning=Rate(Decimal(4)))

    total = bill(Usage(output_tokens=300, reasoning_tokens=200), price)

    assert nano(total.nano_usd) == 1_000_000


def test_one_hour_writes_without_a_price_are_missing() -> None:
    """They cost more than five-minute ones, so the plain rate would be too low."""
    price = Price(input=Rate(Decimal(3)), cache_write=Rate(Decimal("3.75")))
    usage = Usage(input_tokens=500, cache_write_tokens=500, cache_write_1h_tokens=100)

    total = bill(usage, price)

    # 400 × 3.75 = 1500 per million
    assert nano(total.nano_usd) == 1_500_000
    assert total.unpriced == ("one-hour cache writes",)


def test_writes_of_a_model_that_does_not_charge_for_them_cost_as_input() -> None:
    """OpenAI does not charge for cache writes: 500 × 2 = 1000 per million."""
    total = bill(Usage(input_tokens=500, cache_write_tokens=400), Price(input=Rate(Decimal(2))))

    assert nano(total.nano_usd) == 1_000_000
    assert total.assumptions == ("cache writes at the input rate",)


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.5", 0), ("1.5", 2), ("2.5", 2), ("2.500001", 3), ("840", 840)],
)
def test_a_sum_is_rounded_once_half_to_even(amount: str, rounded: int) -> None:
    """Halves go up as often as down, so that rounding errors cancel out."""
    assert nano(Decimal(amount)) == rounded


RATES = st.decimals(min_value=0, max_value=1000, places=4).map(Rate)
TOKENS = st.integers(min_value=0, max_value=10_000_000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Return a usage whose subsets lie within their totals."""
    read, write, fresh, audio = (draw(TOKENS) for _ in range(4))
    plain, spoken, reasoning = (draw(TOKENS) for _ in range(3))
    return Usage(
        input_tokens=read + write + fresh + audio,
        output_tokens=plain + spoken + reasoning,
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=draw(st.integers(0, write)),
        reasoning_tokens=reasoning,
        input_audio_tokens=audio,
        output_audio_tokens=spoken,
    )


@given(usages(), RATES)
def test_when_all_rates_are_one_the_cost_is_that_of_all_tokens(usage: Usage, rate: Rate) -> None:
    """No token of any kind is charged twice or missed."""
    price = Price(
        input=rate,
        output=rate,
        cache_read=rate,
        cache_write=rate,
        cache_write_1h=rate,
        reasoning=rate,
        input_audio=rate,
        output_audio=rate,
    )

    total = bill(usage, price)

    tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    assert total.nano_usd == tokens * rate.usd_per_million * 1000
    assert total.unpriced == ()


@given(usages(), st.lists(RATES, min_size=4, max_size=4))
def test_cost_is_additive_over_usage(usage: Usage, rates: list[Rate]) -> None:
    """Twice the tokens cost exactly twice as much."""
    price = Price(input=rates[0], output=rates[1], cache_read=rates[2], cache_write=rates[3])
    twice = Usage(**{name: 2 * (getattr(usage, name) or 0) for name in UNIT_NAMES})

    assert bill(twice, price).nano_usd == 2 * bill(usage, price).nano_usd


def test_an_estimated_input_is_bounded_by_the_request(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """250,000 bytes can be as many tokens: 250,000 × 2.50 + 100 × 10 USD per million."""
    estimated = call(
        request_model="gpt-4o",
        usage=Usage(input_tokens=62_500, output_tokens=20),
        usage_estimate="the response reports no usage",
        most_input_tokens=250_000,
        max_output_tokens=100,
    )

    priced = price_call(estimated, book)

    assert priced.exposure_nano_usd == 250_000 * 2_500 + 100 * 10_000
