"""Data of one model call: its usage and its cost.

Nothing here knows OpenTelemetry or SQLite. Token counts follow the GenAI semantic conventions:
a total includes its subsets (cached and audio tokens are part of the input, reasoning and audio
tokens part of the output), and None means "not reported", never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

NANO_PER_USD = 1_000_000_000
"""Money is stored as integer nano-US-dollars: exact sums, and an int64 holds nine billion USD."""


class CostStatus(StrEnum):
    """How much is known about the cost of a call."""

    PRICED = "priced"
    """Every reported unit had a price."""
    FREE = "free"
    """Known to cost nothing: the provider rejected it, or the model is declared free."""
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
    """Units one model call consumed; None where one was not reported."""

    input_tokens: int | None = None
    """All input tokens: fresh, cache reads, cache writes and audio together."""
    output_tokens: int | None = None
    """All output tokens: text, reasoning and audio together."""
    cache_read_tokens: int | None = None
    """Part of the input that was read from a prompt cache."""
    cache_write_tokens: int | None = None
    """Part of the input that was written to a prompt cache, whatever its lifetime."""
    cache_write_1h_tokens: int | None = None
    """Part of `cache_write_tokens` kept for one hour rather than five minutes."""
    reasoning_tokens: int | None = None
    """Part of the output that was reasoning."""
    input_audio_tokens: int | None = None
    """Part of the input that was audio."""
    output_audio_tokens: int | None = None
    """Part of the output that was audio."""
    web_search_requests: int | None = None
    """Web searches the provider made on behalf of the call."""
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
    """Tokens of cited sources, beside the output."""
    audio_milliseconds: int | None = None
    """Length of the audio that was transcribed, spoken or exchanged."""
    video_milliseconds: int | None = None
    """Length of the video that was made."""
    input_characters: int | None = None
    """Characters of text to speak."""
    document_pages: int | None = None
    """Pages of documents that were read."""
    annotated_pages: int | None = None
    """Part of `document_pages` that was annotated."""
    rerank_searches: int | None = None
    """Searches that a rerank is billed as."""
    output_images: int | None = None
    """Images that were made, counted, not in tokens."""


UNIT_NAMES = tuple(field.name for field in fields(Units))
"""Names of all units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Units):
    """Units one model call consumed, normalised so that every total includes its subsets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One inference span, read from whatever dialect its instrumentation speaks."""

    trace_id: int
    span_id: int
    parent_span_id: int | None = None
    start_ns: int
    end_ns: int
    """Nanoseconds since the Unix epoch."""

    scope: str
    """Name of the instrumentation scope that made the span."""
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
    """None when the span reports no usage at all."""
    usage_estimate: str = ""
    """Why `usage` is an estimate; empty when it was reported."""
    most_input_tokens: int | None = None
    """Bound of an input that no message reported, by the size of the request; None without one."""
    prompt_has_sound: bool = False
    """Whether the captured prompt has audio or video; False where no prompt is captured."""
    settled_by_budget: bool = False
    """Whether a budget admitted the call and settles it itself."""
    own_host_process: int | None = None
    """Number of the process that sent it to a host of one's own, which may be a gateway."""
    max_output_tokens: int | None = None
    """The request's own limit, for bounding the cost of an unreported output."""
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
    """Scope values exactly as the span carries them; the ledger pseudonymises user and session."""
    feature_flag: str | None = None
    """`flag=variant` of the experiment the call ran under."""
    prompt_mark: bytes | int | None = None
    """Identifies equal prompts: the bytes of `prompts.prompt_digest`, or the keyed number
    that a ledger made of them. Never text; None where the span carries no prompt."""
    reported_cost_usd: Decimal | None = None
    """US dollars that the provider or the instrumentation reports; None when neither does.

    Kept beside the computed cost, never added to it."""
    reported_cost_source: str = ""
    """Name of the attribute that reports the cost; empty when not known."""

    @property
    def model(self) -> str:
        """The model that answered, or the requested one when the response names none."""
        return self.response_model or self.request_model

    @property
    def failed(self) -> bool:
        """Whether the call ended in an error."""
        return self.error_type is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCall:
    """A model call with its cost, and whether this span is the billed one."""

    call: ModelCall
    status: CostStatus
    cost_nano_usd: int | None
    """Known cost; a lower bound when partial, None when unpriced."""
    reason: str = ""
    """One clause a user understands: why it is not priced in full, or what made it free."""
    price_source: str = ""
    """Where the price comes from, such as `genai-prices 0.2.3 openai/gpt-4o`."""
    exposure_nano_usd: int | None = None
    """For unpriced and partial calls: a bound on the cost, at the highest plausible price."""
    billed: bool = True
    """False when another span of the same provider call carries the cost."""
    billing_reason: str = "only span of this call"
    billed_span_id: int | None = None
    """The span that is billed instead, when this one is not."""
