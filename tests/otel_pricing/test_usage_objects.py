"""Usage objects copied from a provider's response: all spellings give the same counts."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from otel_pricing import ModelCall, Usage, read_call
from otel_pricing.model.usage import normalise
from otel_pricing.model.usage_objects import counts_of, read_usage, reported_cost_usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_pricing import SpanRecord

READ = Usage(
    input_tokens=1200,
    output_tokens=300,
    cache_read_tokens=1024,
    reasoning_tokens=200,
)
WRITTEN = Usage(
    input_tokens=1700,
    output_tokens=300,
    cache_read_tokens=1024,
    cache_write_tokens=500,
    cache_write_1h_tokens=100,
)


@pytest.mark.parametrize(
    ("usage_object", "usage"),
    [
        (
            {
                "prompt_tokens": 1200,
                "completion_tokens": 300,
                "total_tokens": 1500,
                "prompt_tokens_details": {"cached_tokens": 1024},
                "completion_tokens_details": {"reasoning_tokens": 200},
            },
            READ,
        ),
        (
            {
                "input_tokens": 1200,
                "output_tokens": 300,
                "input_tokens_details": {"cached_tokens": 1024},
                "output_tokens_details": {"reasoning_tokens": 200},
            },
            READ,
        ),
        (
            {
                "input_tokens": 1200,
                "output_tokens": 300,
                "input_token_details": {"cache_read": 1024},
                "output_token_details": {"reasoning": 200},
            },
            READ,
        ),
        (
            {
                "input_tokens": 176,
                "output_tokens": 300,
                "cache_read_input_tokens": 1024,
                "cache_creation_input_tokens": 500,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 400,
                    "ephemeral_1h_input_tokens": 100,
                },
            },
            WRITTEN,
        ),
        (
            {
                "prompt_tokens": 1700,
                "completion_tokens": 300,
                "cache_read_input_tokens": 1024,
                "cache_creation_input_tokens": 500,
                "prompt_tokens_details": {
                    "cached_tokens": 1024,
                    "cache_creation_token_details": {"ephemeral_1h_input_tokens": 100},
                },
            },
            WRITTEN,
        ),
    ],
    ids=["OpenAI chat", "OpenAI responses", "LangChain", "Anthropic", "LiteLLM"],
)
def test_every_provider_s_usage_object_is_read(
    usage_object: dict[str, object], usage: Usage
) -> None:
    """Cached tokens are part of the input, even where a provider counts them separately."""
    assert normalise(counts_of(usage_object)) == usage


@pytest.mark.parametrize(
    "usage_object", [{}, {"input_tokens": "many"}, {"prompt_tokens_details": [1]}]
)
def test_a_usage_object_without_counts_is_no_usage(usage_object: dict[str, object]) -> None:
    """Foreign JSON may have any content."""
    assert normalise(counts_of(usage_object)) is None


@pytest.mark.parametrize("name", ["gen_ai.usage.raw", "langsmith.metadata.usage_metadata"])
def test_details_come_from_the_usage_object_and_totals_from_the_attributes(
    name: str, read: Callable[..., ModelCall]
) -> None:
    """Logfire and LangSmith have only the totals in attributes."""
    call = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.usage.input_tokens": 1700,
            "gen_ai.usage.output_tokens": 300,
            name: json.dumps(
                {
                    "input_tokens": 176,
                    "output_tokens": 300,
                    "cache_read_input_tokens": 1024,
                    "cache_creation_input_tokens": 500,
                    "cache_creation": {"ephemeral_1h_input_tokens": 100},
                    "service_tier": "standard",
                }
            ),
        }
    )

    assert call.usage == WRITTEN
    assert call.service_tier == "standard"


@pytest.mark.parametrize(
    ("usage_object", "usage"),
    [
        (
            {
                "completion_tokens": 300,
                "prompt_tokens": 1200,
                "prompt_tokens_details": {"cached_tokens": 1024},
                "completion_tokens_details": {"reasoning_tokens": 200},
            },
            READ,
        ),
        (
            {"input": 176, "input_cache_read": 1024, "output": 100, "output_reasoning": 200},
            READ,
        ),
        (
            {
                "input": 176,
                "output": 300,
                "cache_read_input_tokens": 1024,
                "cache_creation_input_tokens": 500,
            },
            Usage(
                input_tokens=1700,
                output_tokens=300,
                cache_read_tokens=1024,
                cache_write_tokens=500,
            ),
        ),
    ],
)
def test_langfuse_s_generations_are_model_calls(
    usage_object: dict[str, object], usage: Usage, read: Callable[..., ModelCall]
) -> None:
    """Its own units are separate; a provider's object keeps its meaning."""
    call = read(
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "gpt-4o-2024-08-06",
            "langfuse.observation.usage_details": json.dumps(usage_object),
            "langfuse.observation.model.parameters": '{"max_tokens": 400, "service_tier": "flex"}',
            "langfuse.observation.cost_details": '{"input": 0, "output": 0, "total": 0}',
        },
        scope_name="langfuse-sdk",
    )

    assert call.usage == usage
    assert (call.operation, call.model) == ("chat", "gpt-4o-2024-08-06")
    assert (call.service_tier, call.max_output_tokens) == ("flex", 400)
    assert call.reported_cost_usd is None


@pytest.mark.parametrize("kind", ["span", "agent", "tool", "chain", "retriever", "event"])
def test_langfuse_s_other_observations_are_not(
    kind: str, record: Callable[..., SpanRecord]
) -> None:
    """They contain the generations and would count them again."""
    attributes = {"langfuse.observation.type": kind, "gen_ai.request.model": "gpt-4o"}

    assert read_call(record(attributes)) is None


@pytest.mark.parametrize(
    ("attributes", "usage"),
    [
        ({"promptTokenCount": 1200, "candidatesTokenCount": 200, "thoughtsTokenCount": 100,
          "totalTokenCount": 1500, "cachedContentTokenCount": 1024},
         Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024, reasoning_tokens=100)),
        ({"prompt_token_count": 1200, "candidates_token_count": 200, "thoughts_token_count": 100},
         Usage(input_tokens=1200, output_tokens=300, reasoning_tokens=100)),
        ({"promptTokenCount": 1000, "toolUsePromptTokenCount": 200, "candidatesTokenCount": 300,
          "totalTokenCount": 1500}, Usage(input_tokens=1200, output_tokens=300)),
        ({"inputTokens": 176, "outputTokens": 300, "cacheReadInputTokens": 1024,
          "cacheWriteInputTokens": 500, "cacheDetails": [{"ttl": "1h", "inputTokens": 100}]},
         WRITTEN),
        ({"inputTokenCount": 176, "outputTokenCount": 300, "cacheReadInputTokenCount": 1024},
         Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024)),
        ({"billed_units": {"input_tokens": 1200, "output_tokens": 300},
          "tokens": {"input_tokens": 9999, "output_tokens": 999}},
         Usage(input_tokens=1200, output_tokens=300)),
        ({"prompt_tokens": 1200, "completion_tokens": 300, "prompt_cache_hit_tokens": 1024},
         Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024)),
        ({"prompt_eval_count": 1200, "eval_count": 300},
         Usage(input_tokens=1200, output_tokens=300)),
        ({"inputTokens": 1200, "outputTokens": 300, "cachedInputTokens": 1024,
          "reasoningTokens": 200}, READ),
        ({"prompt_tokens": 1200, "completion_tokens": 300, "num_search_queries": 2},
         Usage(input_tokens=1200, output_tokens=300, web_search_requests=2)),
    ],
    ids=["gemini", "gemini in Python", "gemini with tools", "converse", "invoke", "cohere",
         "deepseek", "ollama", "vercel", "perplexity"],
)  # fmt: skip
def test_every_provider_spells_the_same_counts(attributes: dict[str, object], usage: Usage) -> None:
    """Totals include their parts, for every provider."""
    assert read_usage(attributes) == usage


def test_a_lone_total_is_the_input_of_calls_without_output() -> None:
    """And None for all others."""
    assert read_usage({"total_tokens": 8}) is None
    assert read_usage({"total_tokens": 8}, total_is_input=True) == Usage(input_tokens=8)


@pytest.mark.parametrize(
    ("cost_fields", "cost"),
    [
        ({"cost": 0.0125}, "0.0125"),
        ({"cost": {"total_cost": 0.006}}, "0.006"),
        ({"estimated_cost": "0.5"}, "0.5"),
        ({"cost_in_usd_ticks": 37_756_000}, "0.0037756"),
        ({"cost": -1}, None),
        ({"cost": "n/a"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_cost_that_a_provider_reports(cost_fields: dict[str, object], cost: str | None) -> None:
    """In US dollars."""
    assert reported_cost_usd(cost_fields) == (None if cost is None else Decimal(cost))
