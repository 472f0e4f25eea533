"""Attribute names by fact of a model call.

The names are those of the conventions, current and earlier, and those that backends accept from
other emitters: Langfuse, Phoenix (OpenInference), OpenLIT, Logfire, LangSmith. All names of one
fact have the same meaning, so the first one found is used.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeNames:
    """Attribute names by fact, the preferred one first.

    The defaults begin with the GenAI semantic conventions, present names before older ones
    (https://opentelemetry.io/docs/specs/semconv/gen-ai/). A dialect adds its own with `plus`.
    """

    provider: Names = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.vendor")
    request_model: Names = ("gen_ai.request.model", "llm.request.model", "llm.request.model_name")
    response_model: Names = (
        "gen_ai.response.model",
        "llm.response.model",
        "llm.response.model_name",
        "llm.model_name",
    )
    response_id: Names = ("gen_ai.response.id", "llm.response.id")
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

    input_tokens: Names = (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.usage.input_tokens",
        "llm.token_count.prompt",
        "gen_ai.usage.details.input_tokens",
    )
    output_tokens: Names = (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.usage.output_tokens",
        "llm.token_count.completion",
        "gen_ai.usage.details.output_tokens",
    )
    total_tokens: Names = (
        "gen_ai.usage.total_tokens",
        "llm.usage.total_tokens",
        "llm.token_count.total",
    )
    cache_read_tokens: Names = (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cache_read_tokens",
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.input_cached_tokens",
        "gen_ai.usage.input_cache_read",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.input_token_details.cache_read",
        "gen_ai.usage.input_token_details.cached_tokens",
        "gen_ai.usage.input_tokens_details.cached_tokens",
        "gen_ai.usage.prompt_tokens_details.cache_read",
        "gen_ai.usage.prompt_tokens_details.cached_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "gen_ai.usage.details.cache_read_input_tokens",
        "gen_ai.usage.details.cached_tokens",
        "gen_ai.usage.details.cached_content_tokens",
        "llm.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
    )
    cache_write_tokens: Names = (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.cache_creation_tokens",
        "gen_ai.usage.cache_write_tokens",
        "gen_ai.usage.input_cache_creation",
        "gen_ai.usage.input_cache_write",
        "gen_ai.usage.input_token_details.cache_creation",
        "gen_ai.usage.prompt_tokens_details.cache_write",
        "gen_ai.usage.prompt_tokens_details.cache_creation_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "gen_ai.usage.details.cache_creation_input_tokens",
        "llm.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
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
        "gen_ai.usage.reasoning_output_tokens",
        "gen_ai.usage.output_reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.output_token_details.reasoning",
        "gen_ai.usage.output_tokens_details.reasoning_tokens",
        "gen_ai.usage.completion_tokens_details.reasoning",
        "gen_ai.usage.completion_tokens_details.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.usage.details.thoughts_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    )
    input_audio_tokens: Names = (
        "gen_ai.usage.audio.input_tokens",
        "gen_ai.usage.input_audio_tokens",
        "gen_ai.usage.input_token_details.audio",
        "gen_ai.usage.input_token_details.audio_tokens",
        "gen_ai.usage.prompt_tokens_details.audio",
        "gen_ai.usage.prompt_tokens_details.audio_tokens",
        "gen_ai.usage.details.input_audio_tokens",
        "gen_ai.usage.details.audio_prompt_tokens",
        "llm.token_count.prompt_details.audio",
    )
    output_audio_tokens: Names = (
        "gen_ai.usage.audio.output_tokens",
        "gen_ai.usage.output_audio_tokens",
        "gen_ai.usage.output_token_details.audio",
        "gen_ai.usage.completion_tokens_details.audio",
        "gen_ai.usage.completion_tokens_details.audio_tokens",
        "gen_ai.usage.details.output_audio_tokens",
        "gen_ai.usage.details.audio_candidates_tokens",
        "llm.token_count.completion_details.audio",
    )
    cached_audio_tokens: Names = (
        "gen_ai.usage.audio.cache_read.input_tokens",
        "gen_ai.usage.cache_read.audio.input_tokens",
        "gen_ai.usage.input_cached_audio_tokens",
        "gen_ai.usage.details.cache_audio_read_tokens",
        "gen_ai.usage.details.audio_cache_tokens",
    )
    input_image_tokens: Names = (
        "gen_ai.usage.image.input_tokens",
        "gen_ai.usage.input_image_tokens",
        "gen_ai.usage.details.input_image_tokens",
        "gen_ai.usage.details.image_prompt_tokens",
        "llm.token_count.prompt_details.image",
    )
    output_image_tokens: Names = (
        "gen_ai.usage.image.output_tokens",
        "gen_ai.usage.output_image_tokens",
        "gen_ai.usage.details.output_image_tokens",
        "gen_ai.usage.details.image_candidates_tokens",
        "llm.token_count.completion_details.image",
    )
    cached_image_tokens: Names = (
        "gen_ai.usage.image.cache_read.input_tokens",
        "gen_ai.usage.cache_read.image.input_tokens",
        "gen_ai.usage.input_cached_image_tokens",
        "gen_ai.usage.details.image_cache_tokens",
    )
    input_video_tokens: Names = (
        "gen_ai.usage.video.input_tokens",
        "gen_ai.usage.input_video_tokens",
        "gen_ai.usage.details.video_prompt_tokens",
        "llm.token_count.prompt_details.video",
    )
    output_video_tokens: Names = (
        "gen_ai.usage.video.output_tokens",
        "gen_ai.usage.output_video_tokens",
        "gen_ai.usage.details.video_candidates_tokens",
    )
    citation_tokens: Names = (
        "gen_ai.usage.citation_tokens",
        "gen_ai.usage.citation.output_tokens",
        "gen_ai.usage.details.citation_tokens",
    )
    input_text_tokens: Names = (
        "gen_ai.usage.text.input_tokens",
        "gen_ai.usage.input_text_tokens",
        "gen_ai.usage.details.text_prompt_tokens",
    )
    output_text_tokens: Names = (
        "gen_ai.usage.text.output_tokens",
        "gen_ai.usage.output_text_tokens",
        "gen_ai.usage.details.text_candidates_tokens",
    )
    audio_milliseconds: Names = (
        "gen_ai.usage.audio_seconds",
        "gen_ai.usage.input_audio_seconds",
        "gen_ai.usage.audio.seconds",
        "gen_ai.usage.audio_duration_seconds",
        "gen_ai.usage.details.audio_seconds",
        "gen_ai.usage.details.input_audio_seconds",
        "gen_ai.usage.details.prompt_audio_seconds",
        "gen_ai.usage.prompt_audio_seconds",
        "gen_ai.usage.seconds",
    )
    """Seconds on the span."""
    video_milliseconds: Names = (
        "gen_ai.usage.video_seconds",
        "gen_ai.usage.output_video_seconds",
        "gen_ai.usage.video.seconds",
        "gen_ai.usage.details.video_seconds",
    )
    """Seconds on the span."""
    input_characters: Names = (
        "gen_ai.usage.input_characters",
        "gen_ai.usage.characters",
        "gen_ai.usage.details.input_characters",
    )
    document_pages: Names = (
        "gen_ai.usage.input_document_pages",
        "gen_ai.usage.document_pages",
        "gen_ai.usage.pages_processed",
        "gen_ai.usage.details.input_document_pages",
        "gen_ai.usage.details.pages_processed",
    )
    annotated_pages: Names = (
        "gen_ai.usage.input_annotated_document_pages",
        "gen_ai.usage.details.input_annotated_document_pages",
    )
    rerank_searches: Names = (
        "gen_ai.usage.rerank_searches",
        "gen_ai.usage.search_units",
        "gen_ai.usage.details.rerank_searches",
        "gen_ai.usage.details.search_units",
    )
    output_images: Names = (
        "gen_ai.usage.output_images",
        "gen_ai.usage.images",
        "gen_ai.usage.details.output_images",
    )
    web_search_requests: Names = (
        "gen_ai.usage.web_search_requests",
        "gen_ai.usage.server_tool_use.web_search_requests",
        "gen_ai.usage.details.web_search_requests",
        "gen_ai.usage.num_search_queries",
        "gen_ai.usage.details.num_search_queries",
        "anthropic.usage.server_tool_use.web_search_requests",
    )

    max_output_tokens: Names = ("gen_ai.request.max_tokens", "llm.request.max_tokens")
    streamed: Names = (
        "gen_ai.request.stream",
        "gen_ai.request.is_stream",
        "gen_ai.is_streaming",
        "llm.is_streaming",
    )
    first_token_seconds: Names = (
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.server.time_to_first_token",
        "gen_ai.server.ttft",
    )
    server: Names = ("server.address", "gen_ai.openai.api_base", "gen_ai.base_url")
    reported_cost: Names = (
        "gen_ai.usage.cost.amount",
        "gen_ai.usage.cost",
        "gen_ai.usage.cost.total",
        "gen_ai.usage.total_cost",
        "gen_ai.cost.total_cost",
        "gen_ai.cost.total",
        "gen_ai.response.cost",
        "operation.cost",
        "llm.cost.total",
        "llm.usage.cost",
        "llm.usage.total_cost",
        "gen_ai.response_cost",
        "llm.response.cost",
        "litellm.response_cost",
        "response_cost",
    )


CONVENTION = AttributeNames()
COST_PARTS = (
    ("llm.cost.prompt", "llm.cost.completion"),
    ("gen_ai.cost.input_cost", "gen_ai.cost.output_cost"),
)
"""Reported costs of input and output, read without a reported sum."""
CURRENCY = "gen_ai.usage.cost.currency"
"""Attribute with the ISO 4217 code of a reported cost; absent means US dollars."""


def plus(**own: Names) -> AttributeNames:
    """Return the conventional names, preceded by a dialect's *own*."""
    return replace(
        CONVENTION,
        **{
            f.name: own[f.name] + getattr(CONVENTION, f.name)
            for f in fields(CONVENTION)
            if f.name in own
        },
    )
