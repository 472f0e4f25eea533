"""Names and forms of counts by emitters, compared with the names that backends accept."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from genai_prices.data import providers

from otel_pricing import CostStatus, PriceBook, SpanRecord, Usage, price_call, read_call
from otel_pricing.costing.exposure import hidden_units
from otel_pricing.model.hosts import provider_of
from otel_pricing.prices.aliases import list_provider, resolve
from otel_pricing.prices.catalogue import (
    RATE_KEYS,
    TOKEN_UNITS_WITHOUT_RATE,
    UNITS_WITHOUT_COUNT,
    list_price,
)
from otel_pricing.prices.price import COUNTED_UNITS

if TYPE_CHECKING:
    from otel_pricing import ModelCall

START_NS = 1_795_800_000_000_000_000
# Read from the ingestion code and the documentation of Langfuse, Phoenix (OpenInference), OpenLIT,
# Logfire and LangSmith: each counts as this unit of a call.
ACCEPTED = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.prompt_tokens": "input_tokens",
    "llm.usage.prompt_tokens": "input_tokens",
    "llm.token_count.prompt": "input_tokens",
    "gen_ai.usage.details.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.completion_tokens": "output_tokens",
    "llm.usage.completion_tokens": "output_tokens",
    "llm.token_count.completion": "output_tokens",
    "gen_ai.usage.details.output_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cache_read_tokens",
    "gen_ai.usage.cache_read_input_tokens": "cache_read_tokens",
    "gen_ai.usage.cache_read_tokens": "cache_read_tokens",
    "gen_ai.usage.cached_input_tokens": "cache_read_tokens",
    "gen_ai.usage.cached_tokens": "cache_read_tokens",
    "gen_ai.usage.input_cached_tokens": "cache_read_tokens",
    "gen_ai.usage.input_token_details.cache_read": "cache_read_tokens",
    "gen_ai.usage.prompt_tokens_details.cache_read": "cache_read_tokens",
    "gen_ai.usage.prompt_tokens_details.cached_tokens": "cache_read_tokens",
    "gen_ai.usage.details.cache_read_tokens": "cache_read_tokens",
    "gen_ai.usage.details.cache_read_input_tokens": "cache_read_tokens",
    "llm.token_count.prompt_details.cache_read": "cache_read_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write_tokens",
    "gen_ai.usage.cache_creation_input_tokens": "cache_write_tokens",
    "gen_ai.usage.cache_creation_tokens": "cache_write_tokens",
    "gen_ai.usage.cache_write_tokens": "cache_write_tokens",
    "gen_ai.usage.prompt_tokens_details.cache_write": "cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens": "cache_write_tokens",
    "llm.token_count.prompt_details.cache_write": "cache_write_tokens",
    "gen_ai.usage.reasoning_tokens": "reasoning_tokens",
    "gen_ai.usage.completion_tokens_details.reasoning": "reasoning_tokens",
    "gen_ai.usage.completion_tokens_details.reasoning_tokens": "reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens": "reasoning_tokens",
    "llm.token_count.completion_details.reasoning": "reasoning_tokens",
    "gen_ai.usage.input_audio_tokens": "input_audio_tokens",
    "gen_ai.usage.input_token_details.audio_tokens": "input_audio_tokens",
    "llm.token_count.prompt_details.audio": "input_audio_tokens",
    "gen_ai.usage.output_audio_tokens": "output_audio_tokens",
    "gen_ai.usage.completion_tokens_details.audio": "output_audio_tokens",
    "llm.token_count.completion_details.audio": "output_audio_tokens",
    "gen_ai.usage.image.input_tokens": "input_image_tokens",
    "gen_ai.usage.image.output_tokens": "output_image_tokens",
    "gen_ai.usage.video.input_tokens": "input_video_tokens",
    "gen_ai.usage.video.output_tokens": "output_video_tokens",
}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


def read(attributes: dict[str, Any], scope: str = "made.up") -> ModelCall:
    record = SpanRecord(
        trace_id=1,
        span_id=2,
        start_ns=START_NS,
        end_ns=START_NS + 10**9,
        scope_name=scope,
        attributes=attributes,
    )
    call = read_call(record)
    assert call is not None
    return call


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("value", [40, 40.0, "40"], ids=["number", "double", "text"])
def test_every_name_that_backends_accept_is_read(name: str, value: object) -> None:
    """In every form in which emitters write a number."""
    totals = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 100}
    unit = ACCEPTED[name]
    base = {} if unit in {"input_tokens", "output_tokens"} else totals

    usage = read({**CHAT, **base, name: value}).usage

    assert usage is not None
    assert getattr(usage, unit) == 40


@pytest.mark.parametrize("value", ["1e3", "-5", "", "n/a", "1 000", True])
def test_a_value_that_is_not_a_number_is_not_a_count(value: object) -> None:
    """It is not reported, and a call without usage is not free."""
    assert read({**CHAT, "gen_ai.usage.input_tokens": value}).usage is None


@pytest.mark.parametrize(
    ("provider", "seller"),
    [
        ("openai.responses", "openai"),
        ("anthropic.messages", "anthropic"),
        ("xai.chat", "x-ai"),
        ("groq.chat", "groq"),
        ("deepseek.chat", "deepseek"),
        ("togetherai.chat", "together"),
        ("fireworks.chat", "fireworks"),
        ("azure.responses", "azure"),
        ("azure-openai.chat", "azure"),
        ("google.generative-ai", "google"),
        ("vertex.anthropic.messages", "google"),
        ("amazon-bedrock", "aws"),
        ("gateway", None),
        ("aws.bedrock", "aws"),
    ],
)
def test_the_api_suffix_is_not_part_of_a_sellers_name(provider: str, seller: str | None) -> None:
    """The Vercel AI SDK appends the API."""
    assert list_provider(provider) == seller


@pytest.mark.parametrize(
    ("model", "seller"),
    [
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "aws"),
        ("groq/llama-3.3-70b-versatile", "groq"),
        ("openrouter/anthropic/claude-sonnet-4.5", "openrouter"),
        ("litellm_proxy/openai/gpt-4o", "openai"),
        ("perplexity/sonar", "perplexity"),
        ("hosted_vllm/gpt-4o", None),
        ("custom/gpt-4o", None),
        ("gpt-4o", None),
        ("models/gemini-2.5-flash", None),
    ],
)
def test_a_models_name_may_have_its_seller(model: str, seller: str | None) -> None:
    """As written by libraries on top of LiteLLM."""
    assert resolve("", model)[0] == seller


@pytest.mark.parametrize("model", ["hosted_vllm/gpt-4o", "custom/gpt-4o", "ollama_chat/gpt-4o"])
def test_a_model_of_an_unknown_seller_is_not_priced_as_its_makers(model: str) -> None:
    """The maker does not bill for another seller."""
    call = read({"gen_ai.operation.name": "chat", "gen_ai.request.model": model})

    assert price_call(call, PriceBook()).status is CostStatus.UNPRICED


def test_every_unit_of_the_price_data_is_known_here() -> None:
    """A new unit has to be read, or listed as never reported."""
    from genai_prices.data_snapshot import get_snapshot
    from genai_prices.data_units import unit_data

    own = set(RATE_KEYS.values()) | UNITS_WITHOUT_COUNT | {"requests_kcount", "web_searches_kcount"}
    own.update(key for unit in COUNTED_UNITS.values() for key in unit.listed)
    when = datetime(2026, 11, 1, tzinfo=UTC)
    charged = {
        unit
        for provider in get_snapshot().providers
        for model in provider.models
        for unit, rate in vars(model.get_prices(when)).items()
        if rate is not None
    }
    known = {unit["price_key"] for unit in unit_data.values()}

    assert charged <= own
    assert {key for key in known - own if not TOKEN_UNITS_WITHOUT_RATE.fullmatch(key)} == set()


def test_a_rate_that_is_not_read_makes_a_price_incomplete() -> None:
    """A later version may price a kind of token that is not counted here."""
    from genai_prices.types import ModelPrice

    price = list_price(
        ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2), input_video_tool_mtok=Decimal(9)),
        "a list",
        None,
    )
    call = read({**CHAT, "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 1})

    assert hidden_units(call, call.usage or Usage(), price) == ("input video tool",)


def test_a_reported_cost_is_used_where_no_price_is_known() -> None:
    """The source names the attribute; 0 is ignored."""
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 1}
    model = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "house-model"}
    known = {**CHAT, "gen_ai.provider.name": "openai"}

    def priced(attributes: dict[str, Any]) -> tuple[CostStatus, int | None, str]:
        found = price_call(read({**usage, **attributes}), PriceBook())
        return found.status, found.cost_nano_usd, found.price_source

    assert priced({**model, "gen_ai.usage.cost": 0.0039}) == (
        CostStatus.REPORTED,
        3_900_000,
        "reported by gen_ai.usage.cost",
    )
    assert priced({**model, "gen_ai.usage.cost": 0})[0] is CostStatus.UNPRICED
    euro = {"gen_ai.usage.cost.amount": 1.0, "gen_ai.usage.cost.currency": "EUR"}
    assert priced({**model, **euro})[0] is CostStatus.UNPRICED
    assert priced({**known, "gen_ai.usage.cost": 5.0})[0] is CostStatus.PRICED


def test_another_makers_model_behind_openais_client_is_estimated() -> None:
    """1000 × 3 + 100 × 15 = 4500 at the maker's list; the reported cost is better."""
    call = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
    }

    estimated = price_call(read(call), PriceBook())
    reported = price_call(read({**call, "llm.cost.total": 0.002}), PriceBook())

    assert (estimated.status, estimated.cost_nano_usd) == (CostStatus.ESTIMATED, 4_500_000)
    assert (reported.status, reported.cost_nano_usd) == (CostStatus.REPORTED, 2_000_000)
    assert reported.call.reported_cost_usd == Decimal("0.002")


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.usage.raw": '{"prompt_tokens": 9, "completion_tokens": 1, "cost": 0.5}'},
        {"metadata.usage_object": "{'prompt_tokens': 9, 'completion_tokens': 1, 'cost': 0.5}"},
        {"metadata.usage_object": "{}", "hidden_params": '{"response_cost": 0.5}'},
        {"langfuse.observation.type": "generation",
         "langfuse.observation.cost_details": '{"input": 0.4, "output": 0.1}'},
        {"langfuse.observation.type": "generation",
         "langfuse.observation.cost_details": '{"input": 0.4, "total": 0.5}'},
        {"gen_ai.usage.cost.amount": 0.5, "gen_ai.usage.cost.source": "provider"},
        {"gen_ai.cost.total_cost": "0.5"},
    ],
)  # fmt: skip
def test_a_cost_is_read_wherever_an_emitter_puts_it(attributes: dict[str, Any]) -> None:
    """OpenRouter's usage, LiteLLM's parameters, Langfuse's details, the proposed convention."""
    model = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "house-model"}

    found = price_call(read({**model, **attributes}), PriceBook())

    assert (found.status, found.cost_nano_usd) == (CostStatus.REPORTED, 500_000_000)


SELLERS = {
    "anthropic": "api.anthropic.com", "arcee": "api.arcee.ai", "avian": "api.avian.io",
    "aws": "bedrock-runtime.us-east-1.amazonaws.com", "azure": "house.openai.azure.com",
    "baseten": "inference.baseten.co", "cerebras": "api.cerebras.ai",
    "cloudflare": "api.cloudflare.com", "cohere": "api.cohere.com", "cursor": "api.cursor.com",
    "databricks": "dbc-1.cloud.databricks.com", "deepseek": "api.deepseek.com",
    "doubleword": "api.doubleword.ai", "elevenlabs": "api.us.elevenlabs.io",
    "fireworks": "api.fireworks.ai", "github-copilot": "api.githubcopilot.com",
    "google": "generativelanguage.googleapis.com", "groq": "api.groq.com", "meta": "api.meta.ai",
    "minimax": "api.minimaxi.com", "mistral": "api.mistral.ai", "modal": "house.modal.run",
    "moonshotai": "api.moonshot.ai", "novita": "api.novita.ai", "openai": "api.openai.com",
    "openrouter": "openrouter.ai", "ovhcloud": "oai.endpoints.kepler.ai.cloud.ovh.net",
    "perplexity": "api.perplexity.ai", "quicksilverpro": "api.quicksilverpro.io",
    "together": "api.together.xyz", "typesafe": "api.typesafe.ai", "voyageai": "api.voyageai.com",
    "x-ai": "api.x.ai", "zai": "api.z.ai", "zhipuai": "open.bigmodel.cn",
}  # fmt: skip
"""Provider of the price list -> a host of its API."""


def test_every_seller_of_the_price_list_is_known_by_its_host() -> None:
    """Except those behind the router of Hugging Face, known by paths and models."""
    listed = {
        provider.id: provider.api_pattern
        for provider in providers
        if not provider.id.startswith("huggingface_") and provider.id != "openai-decisions"
    }

    assert set(SELLERS) >= set(listed)
    for name, host in SELLERS.items():
        found = provider_of(host)
        assert found is not None, host
        assert list_provider(found) == name
        if name in listed:
            path = {
                "cloudflare": "/client/v4/accounts/1/ai/run",
                "databricks": "/serving-endpoints",
            }.get(name, "/v1")
            assert re.match(listed[name], f"https://{host}{path}"), host


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("bedrock-runtime.cn-north-1.amazonaws.com.cn", "aws.bedrock"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "aws.bedrock"),
        ("bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
        ("adb-1.azuredatabricks.net", "databricks"),
        ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("llm.example.com", None),
    ],
)
def test_other_hosts_of_a_seller_are_known_too(host: str, provider: str | None) -> None:
    """Regions, partitions and clouds."""
    assert provider_of(host) == provider


@pytest.mark.parametrize(
    ("attributes", "source"),
    [
        ({"llm.cost.prompt": 0.003, "llm.cost.completion": 0.0009},
         "llm.cost.prompt + llm.cost.completion"),
        ({"gen_ai.cost.input_cost": 0.003, "gen_ai.cost.output_cost": 0.0009},
         "gen_ai.cost.input_cost + gen_ai.cost.output_cost"),
        ({"llm.cost.prompt": 0.003, "llm.cost.completion": 0.0009, "llm.cost.total": 0.0039},
         "llm.cost.total"),
        ({"mlflow.spanType": '"CHAT_MODEL"', "mlflow.llm.cost": '{"total_cost": 0.0039}'},
         "mlflow.llm.cost"),
    ],
)  # fmt: skip
def test_a_reported_cost_may_be_in_parts_or_in_json(
    attributes: dict[str, Any], source: str
) -> None:
    """3.9 thousandths of a dollar, for an unlisted model."""
    call = reporting(**attributes)

    priced = price_call(call, PriceBook())

    assert (priced.status.value, priced.cost_nano_usd) == ("reported", 3_900_000)
    assert priced.price_source == f"reported by {source}"


def test_one_part_of_a_reported_cost_is_not_the_cost() -> None:
    """Nor is one in another currency."""
    for part in ({"llm.cost.prompt": 0.003}, {"llm.cost.completion": 0.003},
                 {"gen_ai.cost.input_cost": 0.003, "gen_ai.cost.output_cost": 0.001,
                  "gen_ai.usage.cost.currency": "EUR"}):  # fmt: skip
        assert price_call(reporting(**part), PriceBook()).status is CostStatus.UNPRICED


def reporting(**attributes: Any) -> ModelCall:
    """Return the call of a span of a model without a price, with the attributes *attributes*."""
    common = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "house-1",
              "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100}  # fmt: skip
    call = read_call(
        SpanRecord(trace_id=1, span_id=2, start_ns=START_NS, end_ns=START_NS + 1,
                   attributes={**common, **attributes})
    )  # fmt: skip
    assert call is not None
    return call
