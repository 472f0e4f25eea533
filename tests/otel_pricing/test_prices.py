"""Price look-up: names, providers, tiers, days, and reasons for a missing price."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from otel_pricing import PriceBook, price_table
from otel_pricing.prices.aliases import LIST_PROVIDER, list_provider, model_family, model_names
from otel_pricing.prices.price import Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_pricing import ModelCall

NOW_NS = 1_795_000_000_000_000_000


@pytest.mark.parametrize("seller", sorted(set(LIST_PROVIDER.values())))
def test_every_provider_we_translate_to_is_in_the_list(seller: str) -> None:
    """An alias to an unknown provider would hide all its prices."""
    from genai_prices.data_snapshot import get_snapshot

    assert seller in {provider.id for provider in get_snapshot().providers}


@pytest.mark.parametrize(
    ("provider", "seller"),
    [
        ("openai", "openai"),
        ("azure.ai.openai", "azure"),
        ("az.ai.openai", "azure"),
        ("azure.ai.inference", "azure"),
        ("gcp.gemini", "google"),
        ("gcp.vertex_ai", "google"),
        ("gcp.gen_ai", "google"),
        ("gemini", "google"),
        ("aws.bedrock", "aws"),
        ("AWS.Bedrock", "aws"),
        ("x_ai", "x-ai"),
        ("mistral_ai", "mistral"),
        ("moonshot_ai", "moonshotai"),
        ("fireworks_ai", "fireworks"),
        ("cerebras", "cerebras"),
        ("ollama", "ollama"),
        ("langchain", None),
        ("LangGraph", None),
        ("strands-agents", None),
        ("microsoft.agent_framework", None),
        ("gcp.vertex.agent", None),
        ("", None),
    ],
)
def test_a_provider_is_who_sends_the_bill(provider: str, seller: str | None) -> None:
    """Azure sells OpenAI's models and is not OpenAI; a framework sells nothing."""
    assert list_provider(provider) == seller


@pytest.mark.parametrize(
    ("provider", "model", "listed"),
    [
        ("openai", "gpt-4o-2024-08-06", "openai/gpt-4o"),
        ("openai", "openai/gpt-4o", "openai/gpt-4o"),
        ("openai", "openai:gpt-4o", "openai/gpt-4o"),
        ("openai", "ft:gpt-4o-2024-08-06:org::x", "openai/ft:gpt-4o"),
        ("azure.ai.openai", "gpt-4o", "azure/gpt-4o"),
        ("gcp.gemini", "models/gemini-2.5-flash", "google/gemini-2.5-flash"),
        (
            "gcp.vertex_ai",
            "projects/p/locations/l/publishers/google/models/gemini-2.5-flash",
            "google/gemini-2.5-flash",
        ),
        ("gcp.vertex_ai", "claude-sonnet-4-5@20250929", "google/claude-sonnet-4-5"),
        (
            "aws.bedrock",
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/"
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
            ),
            "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("openrouter", "openai/gpt-4o", "openrouter/openai/gpt-4o"),
        ("groq", "llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"),
        ("", "gpt-4o", "openai/gpt-4o"),
        ("", "text-embedding-3-small", "openai/text-embedding-3-small"),
        ("langchain", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
    ],
)
def test_a_model_is_found_under_the_names_spans_use(
    provider: str, model: str, listed: str, book: PriceBook
) -> None:
    """Dates, resource paths, prefixes of routers, and frameworks in place of the provider."""
    price = book.find(provider, model, at_ns=NOW_NS)

    assert price is not None
    assert price.source.endswith(f" {listed}")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-99-turbo"),
        ("anthropic", "claude-opus-9-9"),
        ("ollama", "llama3"),
        ("vllm", "deepseek-r1"),
        ("cohere", "rerank-v3.5"),
        ("openai", ""),
    ],
)
def test_an_unlisted_model_has_no_price(provider: str, model: str, book: PriceBook) -> None:
    """A local model does not have its maker's price."""
    assert book.find(provider, model, at_ns=NOW_NS) is None


def test_the_model_that_answered_is_billed(call: Callable[..., ModelCall], book: PriceBook) -> None:
    """A router may pick another model than the one asked for."""
    price = book.quote(call(request_model="gpt-4o", response_model="gpt-4o-mini-2024-07-18"))

    assert price is not None
    assert price.source.endswith("openai/gpt-4o-mini")


def test_a_deployment_of_an_unknown_name_is_priced_by_the_requested_model(
    call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """Either name may be listed."""
    price = book.quote(call(request_model="gpt-4o", response_model="my-deployment"))

    assert price is not None
    assert price.source.endswith("openai/gpt-4o")


@pytest.mark.parametrize(
    ("tier", "input_rate"),
    [("", "1.25"), ("default", "1.25"), ("flex", "0.625"), ("priority", "2.5"), ("batch", "0.625")],
)
def test_tiers_have_their_own_rates(tier: str, input_rate: str, book: PriceBook) -> None:
    """gpt-5: half for flex and batch, twice for priority."""
    price = book.find("openai", "gpt-5", at_ns=NOW_NS, tier=tier)

    assert price is not None
    assert price.input is not None
    assert str(price.input.usd_per_million) == input_rate
    assert price.tier_is_priced


def test_a_reseller_does_not_take_the_makers_tiers(book: PriceBook) -> None:
    """Azure's list has no batch price for a model taken from OpenAI's."""
    price = book.find("azure", "gpt-5", at_ns=NOW_NS, tier="batch")

    assert price is not None
    assert not price.tier_is_priced


def test_a_price_is_looked_up_once_a_day(book: PriceBook) -> None:
    """The second call of a day costs a dictionary look-up."""
    first = book.find("openai", "gpt-4o", at_ns=NOW_NS)

    assert book.find("openai", "gpt-4o", at_ns=NOW_NS + 1) is first


def test_cached_prices_are_bounded() -> None:
    """A program with made-up model names does not fill the memory."""
    book = PriceBook(price_table({"price": [{"model": "m-*", "input": "1"}]}))
    for number in range(5000):
        assert book.find("p", f"m-{number}", at_ns=NOW_NS)
    assert len(book._quotes) <= 4096


def test_cached_bounds_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provider names may be made up as well."""
    monkeypatch.setattr("otel_pricing.prices.price_book.LONGEST_CACHE", 3)
    book = PriceBook()
    for number in range(10):
        book.dearest(f"p-{number}", NOW_NS)
    assert len(book._highest_prices) <= 3


def test_the_dearest_rates_bound_an_unknown_model(book: PriceBook) -> None:
    """Of its provider, or of the three largest makers when the provider is unknown."""
    openai = book.dearest("openai", NOW_NS)
    unknown = book.dearest("no-such-provider", NOW_NS)

    assert openai is not None
    assert openai.output is not None
    assert openai.output.usd_per_million == 600
    assert unknown is not None
    assert "anthropic" in unknown.source


def test_an_explanation_says_where_a_price_comes_from(book: PriceBook) -> None:
    """With every step of the look-up."""
    found = book.explain("gpt-4o", "azure.ai.openai", at_ns=NOW_NS)

    assert (found.list_provider, found.names_tried, found.reason) == ("azure", ("gpt-4o",), "")
    assert found.price is not None


@pytest.mark.parametrize(
    ("provider", "model", "tier", "reason"),
    [
        ("openai", "gpt-99", "", "declare it in your price file"),
        ("openai", "whisper-1", "", "audio duration"),
        ("github-copilot", "gpt-4o", "", "listed without a price"),
        ("openai", "gpt-4o", "scale", "no price of its own for the tier scale"),
    ],
)
def test_an_explanation_says_why_there_is_no_price(
    provider: str, model: str, tier: str, reason: str, book: PriceBook
) -> None:
    """With the remedy."""
    assert reason in book.explain(model, provider, at_ns=NOW_NS, tier=tier).reason


def test_an_explanation_knows_free_models() -> None:
    """A declared free model has a price."""
    book = PriceBook(price_table({"price": [{"model": "mine", "free": True}]}))

    assert book.explain("mine", at_ns=NOW_NS).reason == "declared free"


@pytest.mark.parametrize(
    "names",
    [
        ("gpt-4o", "gpt-4o-2024-08-06", "openai/gpt-4o", "GPT-4o", "openai:gpt-4o"),
        (
            "claude-sonnet-4-5",
            "claude-sonnet-4-5-20250929",
            "claude-sonnet-4-5@20250929",
            "anthropic/claude-sonnet-4-5",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("gemini-2.5-flash", "models/gemini-2.5-flash", "gemini-2.5-flash-preview-05-20"),
        ("mistral-large", "mistral-large-latest"),
    ],
)
def test_spellings_of_a_model_are_one_family(names: tuple[str, ...]) -> None:
    """Two instrumentations of one call seldom spell its model alike."""
    assert len({model_family(name) for name in names}) == 1


def test_different_models_are_different_families() -> None:
    """A cheap model inside an expensive one is another call."""
    names = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5", "o3", "claude-opus-4-1", "gemini-2.5-pro")
    assert len({model_family(name) for name in names}) == len(names)


def test_names_to_look_up_start_with_the_given_name() -> None:
    """A router's own list has the prefixed name."""
    assert model_names("openai/gpt-4o") == ("openai/gpt-4o", "gpt-4o")
    assert model_names("") == ()


@pytest.mark.parametrize(
    ("requested", "usd"),
    [
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "3"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3"),
        (
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/"
                "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
            ),
            "3",
        ),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/ab12", "3.3"),
    ],
)
def test_the_requested_profile_sets_the_price_on_bedrock(
    requested: str, usd: str, call: Callable[..., ModelCall], book: PriceBook
) -> None:
    """The response names the bare model, the only known name behind an own profile."""
    price = book.quote(
        call(
            provider="aws.bedrock",
            request_model=requested,
            response_model="claude-sonnet-4-5-20250929",
            start_ns=NOW_NS,
        )
    )

    assert price is not None
    assert price.input == Rate(Decimal(usd))


def test_an_arn_alone_says_that_aws_sells_the_model(book: PriceBook) -> None:
    """Spans of some clients name no provider."""
    profile = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    arn = f"arn:aws:bedrock:us-east-1:1:inference-profile/{profile}"

    price = book.find("", arn, at_ns=NOW_NS)

    assert price is not None
    assert " aws/" in price.source
