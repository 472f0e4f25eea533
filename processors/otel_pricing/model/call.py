"""Data of one model call: its usage and its cost.

This module is independent of OpenTelemetry and SQLite. Token counts follow the GenAI semantic
conventions: a total includes its subsets (cached and audio tokens are part of the input, reasoning
and audio tokens part of the output), and None means "not reported", never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

NANO_PER_USD = 1_000_000_000
"""Money is stored as integer nano-USD: sums are exact, and an int64 fits nine billion USD."""


class CostStatus(StrEnum):
    """Status of the cost of a call."""

    PRICED = "priced"
    """Every reported unit had a price."""
    FREE = "free"
    """Free: the provider rejected the call, or the model is declared free."""
    PARTIAL = "partial"
    """Some reported unit had no price; the amount is a lower bound."""
    ESTIMATED = "estimated"
    """Units were estimated rather than reported."""
    REPORTED = "reported"
    """No exact price; the amount is reported by the provider or the instrumentation."""
    UNPRICED = "unpriced"
    """No price for the model, or no usage on the span. Unknown, not zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Units consumed by one model call; None if not reported."""

    input_tokens: int | None = None
    """All input tokens: fresh, cache reads, cache writes and audio together."""
    output_tokens: int | None = None
    """All output tokens: text, reasoning and audio together."""
    cache_read_tokens: int | None = None
    """Part of the input read from a prompt cache."""
    cache_write_tokens: int | None = None
    """Part of the input written to a prompt cache, with any lifetime."""
    cache_write_1h_tokens: int | None = None
    """Part of `cache_write_tokens` cached for one hour instead of five minutes."""
    reasoning_tokens: int | None = None
    """Part of the output that was reasoning."""
    input_audio_tokens: int | None = None
    """Part of the input that was audio."""
    output_audio_tokens: int | None = None
    """Part of the output that was audio."""
    web_search_requests: int | None = None
    """Web searches by the provider for the call."""
    cached_audio_tokens: int | None = None
    """Part of `cache_read_tokens` and of `input_audio_tokens`: audio read from the cache."""
    input_image_tokens: int | None = None
    """Part of the input that was images."""
    output_image_tokens: int | None = None
    """Part of the output that was images."""
    cached_image_tokens: int | None = None
    """Part of `cache_read_tokens` and of `input_image_tokens`: images read from the cache."""
    input_video_tokens: int | None = None
    """Part of the input that was video."""
    output_video_tokens: int | None = None
    """Part of the output that was video."""
    citation_tokens: int | None = None
    """Tokens of cited sources, in addition to the output."""
    audio_milliseconds: int | None = None
    """Length of the transcribed, spoken or exchanged audio."""
    video_milliseconds: int | None = None
    """Length of the generated video."""
    input_characters: int | None = None
    """Characters of text to speak."""
    document_pages: int | None = None
    """Pages of documents read."""
    annotated_pages: int | None = None
    """Annotated part of `document_pages`."""
    rerank_searches: int | None = None
    """Billed searches of a rerank."""
    output_images: int | None = None
    """Number of generated images, not in tokens."""


UNIT_NAMES = tuple(field.name for field in fields(Units))
"""Names of all units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Units):
    """Units consumed by one model call, normalised so that every total includes its subsets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One inference span, read from any dialect of an instrumentation."""

    trace_id: int
    span_id: int
    parent_span_id: int | None = None
    start_ns: int
    end_ns: int
    """Nanoseconds since the Unix epoch."""

    scope: str
    """Name of the span's instrumentation scope."""
    operation: str
    """`gen_ai.operation.name`: chat, text_completion, generate_content, embeddings, rerank..."""
    provider: str
    """`gen_ai.provider.name` as the convention spells it; empty when not reported."""
    request_model: str = ""
    response_model: str = ""
    response_id: str | None = None
    service_tier: str | None = None
    """Tier reported by the provider (default, flex, priority, batch, standard)."""
    usage: Usage | None = None
    """None if the span reports no usage at all."""
    usage_estimate: str = ""
    """Reason why `usage` is an estimate; empty if it was reported."""
    most_input_tokens: int | None = None
    """Bound of an unreported input, by the size of the request; None without one."""
    prompt_has_sound: bool = False
    """Whether the captured prompt has audio or video; False without a captured prompt."""
    settled_by_budget: bool = False
    """Whether a budget admitted the call and settles it itself."""
    own_host_process: int | None = None
    """Number of the process that sent it to a private host, which may be a gateway."""
    max_output_tokens: int | None = None
    """The request's own limit, which bounds the cost of an unreported output."""
    streamed: bool | None = None

    error_type: str | None = None
    """`error.type` of a failed call; None for a success."""
    http_status_code: int | None = None
    request_never_sent: bool = False
    """Whether the error proves that the provider was not reached."""
    time_to_first_token_ns: int | None = None

    service: str = ""
    """`service.name` of the resource."""
    tenant: str | None = None
    user: str | None = None
    session: str | None = None
    agent: str | None = None
    """Scope values exactly as on the span; the ledger pseudonymises user and session."""
    feature_flag: str | None = None
    """`flag=variant` of the call's experiment."""
    prompt_mark: bytes | int | None = None
    """Identifies equal prompts: the bytes of `prompts.prompt_digest`, or the keyed number that a
    ledger derives from them. Never text; None if the span has no prompt.
    """
    reported_cost_usd: Decimal | None = None
    """Cost in US dollars reported by the provider or the instrumentation; None without a report.

    Separate from the computed cost, never added to it."""
    reported_cost_source: str = ""
    """Name of the attribute that reports the cost; empty if unknown."""

    @property
    def model(self) -> str:
        """The responding model, or the requested one if the response names none."""
        return self.response_model or self.request_model

    @property
    def failed(self) -> bool:
        """Whether the call ended in an error."""
        return self.error_type is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCall:
    """A model call with its cost and billing decision."""

    call: ModelCall
    status: CostStatus
    cost_nano_usd: int | None
    """Known cost; a lower bound if partial, None if unpriced."""
    reason: str = ""
    """Human-readable clause: why the price is incomplete, or why the call is free."""
    price_source: str = ""
    """Source of the price, such as `genai-prices 0.2.3 openai/gpt-4o`."""
    exposure_nano_usd: int | None = None
    """Bound on the cost of unpriced and partial calls, at the highest plausible price."""
    billed: bool = True
    """False if another span of the same provider call carries the cost."""
    billing_reason: str = "only span of this call"
    billed_span_id: int | None = None
    """The span that is billed instead of this one."""
