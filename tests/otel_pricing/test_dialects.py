"""One call in every dialect has the same facts."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from otel_pricing import ModelCall, SpanEvent, Usage
from otel_pricing.model.call import UNIT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

# 1200 tokens in, 1024 of them from the cache; 300 out, 200 of them reasoning.
CACHED = Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024, reasoning_tokens=200)
# 176 fresh + 1024 read + 500 written, 100 of these for an hour = 1700 in; 300 out.
WRITTEN = Usage(
    input_tokens=1700, output_tokens=300, cache_read_tokens=1024, cache_write_tokens=500
)
WRITTEN_SPLIT = Usage(
    input_tokens=1700,
    output_tokens=300,
    cache_read_tokens=1024,
    cache_write_tokens=500,
    cache_write_1h_tokens=100,
)

DIALECTS: dict[str, tuple[str, dict[str, object], Usage]] = {
    "conventions": (
        "opentelemetry.instrumentation.genai.openai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.usage.cache_read.input_tokens": 1024,
            "gen_ai.usage.reasoning.output_tokens": 200,
        },
        CACHED,
    ),
    "conventions with old names": (
        "opentelemetry.instrumentation.openai_v2",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.openai.response.service_tier": "default",
        },
        Usage(input_tokens=1200, output_tokens=300),
    ),
    "OpenLLMetry": (
        "opentelemetry.instrumentation.openai.v1",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.usage.total_tokens": 1500,
            "gen_ai.usage.cache_read.input_tokens": 1024,
            "gen_ai.usage.reasoning_tokens": 200,
        },
        CACHED,
    ),
    "OpenLLMetry of old": (
        "opentelemetry.instrumentation.anthropic",
        {
            "llm.request.type": "completion",
            "gen_ai.system": "Anthropic",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.response.model": "claude-sonnet-4-5",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.prompt_tokens": 1700,
            "gen_ai.usage.completion_tokens": 300,
            "gen_ai.usage.cache_read_input_tokens": 1024,
            "gen_ai.usage.cache_creation_input_tokens": 500,
        },
        WRITTEN,
    ),
    "OpenInference": (
        "openinference.instrumentation.openai",
        {
            "openinference.span.kind": "LLM",
            "llm.system": "openai",
            "llm.model_name": "gpt-4o-2024-08-06",
            "llm.invocation_parameters": '{"model": "gpt-4o"}',
            "llm.token_count.prompt": 1200,
            "llm.token_count.completion": 300,
            "llm.token_count.total": 1500,
            "llm.token_count.prompt_details.cache_read": 1024,
            "llm.token_count.completion_details.reasoning": 200,
            "output.value": '{"id": "chatcmpl-7", "service_tier": "default"}',
        },
        CACHED,
    ),
    "OpenInference of the Anthropic SDK": (
        "openinference.instrumentation.anthropic",
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "anthropic",
            "llm.request.model_name": "claude-sonnet-4-5",
            "llm.model_name": "claude-sonnet-4-5",
            "llm.token_count.prompt": 1700,
            "llm.token_count.completion": 300,
            "llm.token_count.prompt_details.cache_read": 1024,
            "llm.token_count.prompt_details.cache_write": 500,
            "output.value": json.dumps(
                {
                    "id": "chatcmpl-7",
                    "usage": {"cache_creation": {"ephemeral_1h_input_tokens": 100}},
                }
            ),
        },
        WRITTEN,
    ),
    "Anthropic SDK": (
        "com.anthropic.sdk.python",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.response.model": "claude-sonnet-4-5",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1700,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.usage.cache_read.input_tokens": 1024,
            "gen_ai.usage.cache_write.input_tokens": 500,
            "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 400,
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 100,
            "anthropic.response.service_tier": "standard",
        },
        WRITTEN_SPLIT,
    ),
    "pydantic-ai": (
        "pydantic-ai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.system": "anthropic",
            "gen_ai.agent.name": "writer",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.response.model": "claude-sonnet-4-5",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1700,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.usage.details.cache_write_tokens": 500,
            "gen_ai.usage.details.cache_read_tokens": 1024,
            "gen_ai.usage.details.ephemeral_1h_input_tokens": 100,
            "operation.cost": 0.0074352,
        },
        WRITTEN_SPLIT,
    ),
    "LiteLLM": (
        "litellm",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 300,
            "metadata.usage_object": (
                "{'completion_tokens': 300, 'prompt_tokens': 1200, 'total_tokens': 1500,"
                " 'completion_tokens_details': {'reasoning_tokens': 200, 'audio_tokens': None},"
                " 'prompt_tokens_details': {'cached_tokens': 1024}}"
            ),
        },
        CACHED,
    ),
    "google-genai": (
        "opentelemetry.instrumentation.google_genai",
        {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": "gemini",
            "gen_ai.request.model": "gemini-2.5-flash",
            "gen_ai.response.model": "gemini-2.5-flash",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 400,
            "gen_ai.usage.cache_read.input_tokens": 1024,
            "gen_ai.usage.reasoning.output_tokens": 100,
        },
        Usage(input_tokens=1200, output_tokens=400, cache_read_tokens=1024, reasoning_tokens=100),
    ),
    "MLflow": (
        "mlflow.tracing.provider",
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.llm.provider": '"openai"',
            "mlflow.llm.model": '"gpt-4o-2024-08-06"',
            "model": '"gpt-4o"',
            "mlflow.spanOutputs": '{"id": "chatcmpl-7", "service_tier": "default"}',
            "mlflow.chat.tokenUsage": '{"input_tokens": 1200, "output_tokens": 300, '
            '"total_tokens": 1500, "cache_read_input_tokens": 1024}',
        },
        Usage(input_tokens=1200, output_tokens=300, cache_read_tokens=1024),
    ),
    "MLflow with Anthropic": (
        "mlflow.tracing.provider",
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.llm.provider": '"anthropic"',
            "mlflow.llm.model": '"claude-sonnet-4-5"',
            "mlflow.spanOutputs": '{"id": "chatcmpl-7"}',
            "mlflow.chat.tokenUsage": '{"input_tokens": 176, "output_tokens": 300, '
            '"cache_read_input_tokens": 1024, "cache_creation_input_tokens": 500}',
        },
        WRITTEN,
    ),
    "LlamaIndex in OpenLLMetry": (
        "opentelemetry.instrumentation.llamaindex",
        {
            "traceloop.span.kind": "task",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 1200,
            "gen_ai.usage.output_tokens": 300,
        },
        Usage(input_tokens=1200, output_tokens=300),
    ),
    "Bedrock": (
        "opentelemetry.instrumentation.genai.bedrock",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.request.model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.usage.input_tokens": 176,
            "gen_ai.usage.output_tokens": 300,
            "gen_ai.usage.cache_read.input_tokens": 1024,
            "gen_ai.usage.cache_write.input_tokens": 500,
        },
        WRITTEN,
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_usage_of_a_call_is_the_same_in_every_dialect(
    dialect: str, read: Callable[..., ModelCall]
) -> None:
    """Totals include their subsets, for every instrumentation."""
    scope, attributes, usage = DIALECTS[dialect]

    call = read(attributes, scope_name=scope)

    actual = call.usage
    assert actual is not None
    for name in UNIT_NAMES:
        expected = getattr(usage, name)
        assert getattr(actual, name) == expected or (not expected and not getattr(actual, name)), (
            name
        )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_responding_model_is_read_in_every_dialect(
    dialect: str, read: Callable[..., ModelCall]
) -> None:
    """Provider, models and the provider's own id of the response."""
    scope, attributes, _ = DIALECTS[dialect]

    call = read(attributes, scope_name=scope)

    assert call.scope == scope
    assert call.provider.lower() in {"openai", "anthropic", "gemini", "aws.bedrock"}
    assert call.model
    assert call.response_id == "chatcmpl-7"
    assert not call.failed


def test_embeddings_in_openinference_count_their_input(read: Callable[..., ModelCall]) -> None:
    """Embeddings have a separate kind, model name and count."""
    call = read(
        {
            "openinference.span.kind": "EMBEDDING",
            "llm.system": "openai",
            "embedding.model_name": "text-embedding-3-small",
            "llm.token_count.prompt": 42,
        }
    )

    assert (call.operation, call.model) == ("embeddings", "text-embedding-3-small")
    assert call.usage == Usage(input_tokens=42)


def test_a_rerank_is_read(read: Callable[..., ModelCall]) -> None:
    """A reranker is billed per request; its span may have no usage."""
    call = read({"openinference.span.kind": "RERANKER", "reranker.model_name": "rerank-v3.5"})

    assert (call.operation, call.model, call.usage) == ("rerank", "rerank-v3.5", None)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"llm_output": {"id": "r-1", "service_tier": "flex"}}, id="whole answer"),
        pytest.param(
            {
                "generations": [
                    [
                        {
                            "message": {
                                "kwargs": {
                                    "response_metadata": {"id": "r-1", "service_tier": "flex"}
                                }
                            }
                        }
                    ]
                ]
            },
            id="message",
        ),
    ],
)
def test_langchain_in_openinference_has_nested_id_and_tier(
    answer: dict[str, object], read: Callable[..., ModelCall]
) -> None:
    """Without the id, LangChain's span and the client's cannot be matched."""
    call = read(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-5",
            "output.value": json.dumps(answer),
        }
    )

    assert (call.response_id, call.service_tier) == ("r-1", "flex")


def test_the_tier_that_answered_counts_before_the_one_asked_for(
    read: Callable[..., ModelCall],
) -> None:
    """A provider may answer a flex request at the standard rate."""
    requested = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-5",
        "llm.invocation_parameters": '{"service_tier": "flex", "max_tokens": 64, "stream": true}',
    }

    assert read(requested).service_tier == "flex"
    assert read(requested).max_output_tokens == 64
    assert read(requested).streamed is True
    responded = requested | {"output.value": '{"id": "x", "service_tier": "default"}'}
    assert read(responded).service_tier == "default"
    assert (
        read({"gen_ai.operation.name": "chat", "openai.request.service_tier": "flex"}).service_tier
        == "flex"
    )


def test_fast_mode_of_anthropic_costs_like_a_tier(read: Callable[..., ModelCall]) -> None:
    """The usage of the response has the speed."""
    call = read(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "claude-opus-4-8",
            "output.value": '{"usage": {"speed": "fast", "service_tier": "standard"}}',
        }
    )

    assert call.service_tier == "fast"


@pytest.mark.parametrize(
    "where",
    [
        {"gen_ai.usage.details.web_search_requests": 2},
        {"gen_ai.usage.web_search_requests": 2},
    ],
)
def test_web_searches_are_counted_from_every_field(
    where: dict[str, object], read: Callable[..., ModelCall]
) -> None:
    """Each costs extra, and few spans report them."""
    call = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "claude-sonnet-4-5",
            "gen_ai.usage.input_tokens": 10,
        }
        | where
    )

    assert call.usage is not None
    assert call.usage.web_search_requests == 2


def test_text_that_is_not_the_expected_json_is_passed_over(
    read: Callable[..., ModelCall],
) -> None:
    """Masked, cut or foreign content loses details, never the call."""
    for text in ("[REDACTED]", "{", "{" * 5000, "[]", '"x"', "{}" + " " * 2_000_000, None, 7):
        call = read(
            {
                "openinference.span.kind": "LLM",
                "llm.model_name": "m",
                "llm.token_count.prompt": 3,
                "output.value": text,
                "llm.invocation_parameters": text,
                "metadata": text,
            }
        )
        assert call.usage == Usage(input_tokens=3)


@pytest.mark.parametrize(
    "usage_object",
    ["{'prompt_tokens': -1}", "__import__('os')", "{", "[1]", "{'a'", "", 7, "{" * 3000],
)
def test_an_invalid_usage_object_leaves_the_counts(
    usage_object: object, read: Callable[..., ModelCall]
) -> None:
    """LiteLLM's string is read as literals, never run; otherwise the attributes count."""
    call = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.usage.input_tokens": 5,
            "metadata.usage_object": usage_object,
        },
        scope_name="litellm",
    )

    assert call.usage == Usage(input_tokens=5)


@pytest.mark.parametrize(
    ("server", "provider"),
    [
        ("api.openai.com", "openai"),
        ("my-resource.openai.azure.com", "azure.ai.openai"),
        ("api.groq.com", "groq"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.deepseek.com", "deepseek"),
        ("eu.api.openai.com", "openai"),
        ("us-east5-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("127.0.0.1", "openai"),
        ("http://[broken", "openai"),
        ("notapi.openai.com.evil.test", "openai"),
    ],
)
def test_the_host_identifies_the_provider_behind_the_openai_client(
    server: str, provider: str, read: Callable[..., ModelCall]
) -> None:
    """Many providers use it; the span then has `openai`, and the host sends the bill."""
    call = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "m",
            "server.address": server,
        }
    )

    assert call.provider == provider


def test_the_provider_of_the_span_takes_precedence(read: Callable[..., ModelCall]) -> None:
    """A private endpoint may proxy any provider."""
    call = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "server.address": "api.groq.com",
        }
    )

    assert call.provider == "anthropic"


def test_scope_keys_are_read_as_the_span_carries_them(read: Callable[..., ModelCall]) -> None:
    """Budgets and reports group by them; they are pseudonymised when stored."""
    call = read(
        {
            "gen_ai.operation.name": "chat",
            "user.id": "u-1",
            "gen_ai.conversation.id": "s-1",
            "gen_ai.agent.name": "planner",
            "traceloop.association.properties.tenant_id": "acme",
            "feature_flag.key": "prompt",
            "feature_flag.result.variant": "b",
        },
        resource_attributes={"service.name": "app"},
    )

    assert (call.user, call.session, call.agent, call.tenant) == ("u-1", "s-1", "planner", "acme")
    assert call.feature_flag == "prompt=b"
    assert call.service == "app"


def test_a_flag_without_a_variant_is_its_key(read: Callable[..., ModelCall]) -> None:
    """Some flags are only on or off."""
    call = read({"gen_ai.operation.name": "chat", "feature_flag.key": "x", "enduser.id": "u"})

    assert (call.feature_flag, call.user, call.tenant) == ("x", "u", None)


def test_a_tenant_may_be_the_whole_service(read: Callable[..., ModelCall]) -> None:
    """With one deployment per customer, the resource has the tenant."""
    call = read({"gen_ai.operation.name": "chat"}, resource_attributes={"tenant.id": "acme"})

    assert call.tenant == "acme"


def test_a_reported_cost_is_stored_beside_ours(read: Callable[..., ModelCall]) -> None:
    """It is compared, never added."""
    call = read({"gen_ai.operation.name": "chat", "operation.cost": 0.00472})

    assert call.reported_cost_usd == Decimal("0.00472")


def test_the_first_token_is_timed_by_attribute_or_event(read: Callable[..., ModelCall]) -> None:
    """Seconds as the conventions say, or the moment of the first chunk's event."""
    actual = {"gen_ai.operation.name": "chat", "gen_ai.response.time_to_first_chunk": 0.25}
    assert read(actual).time_to_first_token_ns == 250_000_000

    chunk = SpanEvent(name="First Token Stream Event", time_ns=1500)
    by_event = read({"gen_ai.operation.name": "chat"}, start_ns=1000, end_ns=2000, events=(chunk,))
    assert by_event.time_to_first_token_ns == 500


def test_a_clock_that_ran_backwards_does_not_make_a_negative_duration(
    read: Callable[..., ModelCall],
) -> None:
    """The end is never before the start."""
    call = read({"gen_ai.operation.name": "chat"}, start_ns=2000, end_ns=1000)

    assert call.end_ns == call.start_ns == 2000


@pytest.mark.parametrize(
    ("attributes", "usage", "tier"),
    [
        (
            {"gen_ai.usage.raw": json.dumps({"input_tokens": 9, "output_tokens": 1})},
            Usage(input_tokens=9, output_tokens=1),
            None,
        ),
        (
            {"gen_ai.usage.raw": "{}", "gen_ai.usage.input_tokens": 9},
            Usage(input_tokens=9),
            None,
        ),
        (
            {"gen_ai.usage.raw": json.dumps({"input_tokens": 9, "service_tier": "flex"})},
            Usage(input_tokens=9),
            "flex",
        ),
    ],
)
def test_a_usage_object_gives_what_attributes_leave_open(
    read: Callable[..., ModelCall],
    attributes: dict[str, object],
    usage: Usage,
    tier: str | None,
) -> None:
    call = read({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", **attributes})
    assert (call.usage, call.service_tier) == (usage, tier)


def test_a_cost_in_a_usage_object_is_a_reported_cost(read: Callable[..., ModelCall]) -> None:
    raw = json.dumps({"input_tokens": 9, "cost": 0.25})
    call = read({"gen_ai.operation.name": "chat", "gen_ai.usage.raw": raw})
    assert (call.reported_cost_usd, call.reported_cost_source) == (Decimal("0.25"), "usage.cost")
