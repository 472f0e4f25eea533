"""Where each fact of a model call stands on a span: one table of attribute names."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeNames:
    """Attribute names by fact, the preferred one first.

    The defaults are the GenAI semantic conventions, present names before older ones
    (https://opentelemetry.io/docs/specs/semconv/gen-ai/). A dialect adds its own with `plus`.
    """

    provider: Names = ("gen_ai.provider.name", "gen_ai.system")
    request_model: Names = ("gen_ai.request.model",)
    response_model: Names = ("gen_ai.response.model",)
    response_id: Names = ("gen_ai.response.id",)
    service_tier: Names = (
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "anthropic.response.service_tier",
        "gen_ai.response.service_tier",
    )
    requested_tier: Names = (
        "openai.request.service_tier",
        "gen_ai.openai.request.service_tier",
        "gen_ai.request.service_tier",
    )

    input_tokens: Names = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
    output_tokens: Names = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
    total_tokens: Names = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens")
    cache_read_tokens: Names = (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cached_tokens",
    )
    cache_write_tokens: Names = (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
    )
    cache_write_5m_tokens: Names = (
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens",
        "gen_ai.usage.cache_creation.ephemeral_5m_input_tokens",
        "gen_ai.usage.details.ephemeral_5m_input_tokens",
    )
    cache_write_1h_tokens: Names = (
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
        "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
        "gen_ai.usage.details.ephemeral_1h_input_tokens",
    )
    reasoning_tokens: Names = (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.details.thoughts_tokens",
    )
    input_audio_tokens: Names = (
        "gen_ai.usage.audio.input_tokens",
        "gen_ai.usage.details.input_audio_tokens",
    )
    output_audio_tokens: Names = (
        "gen_ai.usage.audio.output_tokens",
        "gen_ai.usage.details.output_audio_tokens",
    )
    web_search_requests: Names = (
        "gen_ai.usage.web_search_requests",
        "gen_ai.usage.server_tool_use.web_search_requests",
        "gen_ai.usage.details.web_search_requests",
        "anthropic.usage.server_tool_use.web_search_requests",
    )

    max_output_tokens: Names = ("gen_ai.request.max_tokens", "llm.request.max_tokens")
    streamed: Names = ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming")
    first_token_seconds: Names = (
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.server.time_to_first_token",
    )
    server: Names = ("server.address", "gen_ai.openai.api_base", "gen_ai.base_url")
    reported_cost: Names = (
        "gen_ai.usage.cost.amount",
        "gen_ai.usage.cost",
        "gen_ai.cost.total_cost",
        "operation.cost",
        "llm.cost.total",
    )


CONVENTION = AttributeNames()


def plus(**own: Names) -> AttributeNames:
    """Return the conventional names with a dialect's *own* in front of them."""
    return replace(
        CONVENTION,
        **{
            f.name: own[f.name] + getattr(CONVENTION, f.name)
            for f in fields(CONVENTION)
            if f.name in own
        },
    )
