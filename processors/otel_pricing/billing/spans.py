"""A priced call with precomputed values for comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_pricing.model.call import CostStatus
from otel_pricing.model.layers import FRAMEWORK, layer
from otel_pricing.model.operations import family
from otel_pricing.prices.aliases import model_family
from otel_pricing.prices.catalogue import STANDARD_TIERS

if TYPE_CHECKING:
    from otel_pricing.model.call import ModelCall, PricedCall
    from otel_pricing.model.operations import Family

Key = tuple[int, int]
"""Trace id and span id."""

Tokens = tuple[int | None, int | None]
"""Input and output tokens."""

LAZY_STREAM_NS = 500_000_000
"""A framework may return a generator and end its span. The request is sent when the caller reads
the first chunk, usually within this time.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """A priced call with precomputed values for comparisons."""

    priced: PricedCall
    call: ModelCall
    key: Key
    family: Family
    models: frozenset[str]
    tokens: Tokens | None
    """None if the span reports neither."""
    layer: int

    @property
    def failed(self) -> bool:
        """Whether the call ended in an error."""
        return self.call.failed

    @property
    def until_ns(self) -> int:
        """Latest start of the request that the span describes."""
        lazy = self.layer == FRAMEWORK and self.tokens is not None and _streams(self.call)
        return self.call.end_ns + (LAZY_STREAM_NS if lazy else 0)

    @property
    def order(self) -> tuple[int, int, int, Key]:
        """Sort key from outermost to innermost, independent of the order of arrival."""
        return (-self.layer, self.call.start_ns, -self.call.end_ns, self.key)

    @property
    def exactness(self) -> tuple[bool, int, int]:
        """Rank of the span's cost information; a larger number means more.

        Detail precedes status: a partial span with separate audio counts is better than one that
        counts all tokens as text.
        """
        return (
            self.priced.status is not CostStatus.UNPRICED,
            _details(self.call),
            _STATUS_RANK[self.priced.status],
        )


_STATUS_RANK = {
    CostStatus.PRICED: 3,
    CostStatus.FREE: 3,
    CostStatus.ESTIMATED: 2,
    CostStatus.PARTIAL: 1,
    CostStatus.REPORTED: 1,
    CostStatus.UNPRICED: 0,
}


def span_of(priced: PricedCall) -> Span:
    """Return *priced* prepared for comparison."""
    call = priced.call
    usage = call.usage
    tokens = (usage.input_tokens, usage.output_tokens) if usage else None
    return Span(
        priced=priced,
        call=call,
        key=(call.trace_id, call.span_id),
        family=family(call.operation),
        models=frozenset(
            model_family(name) for name in (call.response_model, call.request_model) if name
        ),
        tokens=tokens if tokens != (None, None) else None,
        layer=layer(call.scope),
    )


def _streams(call: ModelCall) -> bool:
    return call.streamed is True or call.time_to_first_token_ns is not None


def _details(call: ModelCall) -> int:
    """Return the number of facts beyond plain token counts that change the cost of the call."""
    usage = call.usage
    if usage is None:
        return 0
    facts = (
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.cache_write_1h_tokens,
        usage.input_audio_tokens,
        usage.output_audio_tokens,
        usage.web_search_requests,
        usage.input_image_tokens,
        usage.output_image_tokens,
        usage.input_video_tokens,
        usage.output_video_tokens,
        (call.service_tier or "").lower() not in STANDARD_TIERS,
    )
    return sum(1 for fact in facts if fact)
