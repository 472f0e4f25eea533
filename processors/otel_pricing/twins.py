"""Are two spans one provider call? The evidence, from the strongest kind to the weakest.

Stacked instrumentations (a framework, a gateway, the client library) each write a span for the
same request. They may be parent and child, or, where a framework does not set the current context,
live in different traces with nothing in common but the time and the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_pricing.call import CostStatus, ModelCall, PricedCall, Usage
from otel_pricing.layers import FRAMEWORK, layer
from otel_pricing.operations import Family, family
from otel_pricing.prices.aliases import model_family
from otel_pricing.prices.catalogue import STANDARD_TIERS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

Key = tuple[int, int]
"""Trace id and span id."""

Tokens = tuple[int | None, int | None]
"""Input and output tokens."""

CLOCK_SLACK_NS = 5_000_000
"""Two instrumentations read the clock one after another, and not always in the order they nest."""

LAZY_STREAM_NS = 500_000_000
"""A framework may hand its caller a generator and end its span; the request is made when the
caller takes the first piece of it, hardly later."""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """A priced call with what comparing it needs, worked out once."""

    priced: PricedCall
    call: ModelCall
    key: Key
    family: Family
    models: frozenset[str]
    tokens: Tokens | None
    """None when the span reports neither."""
    layer: int

    @property
    def failed(self) -> bool:
        """Whether the call ended in an error."""
        return self.call.failed

    @property
    def until_ns(self) -> int:
        """Until when the request may begin that the span describes."""
        lazy = self.layer == FRAMEWORK and self.tokens is not None and _streams(self.call)
        return self.call.end_ns + (LAZY_STREAM_NS if lazy else 0)

    @property
    def order(self) -> tuple[int, int, int, Key]:
        """Place from the outermost to the innermost; the same whatever order spans arrive in."""
        return (-self.layer, self.call.start_ns, -self.call.end_ns, self.key)

    @property
    def exactness(self) -> tuple[bool, int, int]:
        """How much the span knows about the cost; the larger tells more.

        Detail goes before status: a span that counts audio apart and is partial knows better than
        one that does not and takes all tokens for text.
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


def nested_evidence(outer: Span, inner: Span) -> str | None:
    """Return why *inner*, a descendant of *outer*, is the same provider call; None if it is not."""
    if outer.family is not inner.family:
        return None
    if _same_response(outer, inner):
        return "nested, with the same response id"
    if outer.models & inner.models:
        return "nested, with the same model"
    if not outer.models or not inner.models:
        return "nested, and one of them names no model"
    if outer.tokens is not None and outer.tokens == inner.tokens:
        return "nested, with the same token counts"
    if outer.layer > inner.layer:
        return "nested, a framework around a client"
    if outer.priced.status is CostStatus.UNPRICED:
        return "nested, and the outer model is an alias without a price"
    return None


def response_id_evidence(outer: Span, inner: Span) -> str | None:
    """Return why two overlapping spans are one call by the provider's response id.

    Within one scope an id may come twice: test servers reuse theirs.
    """
    if outer.family is not inner.family or outer.call.scope == inner.call.scope:
        return None
    if _same_response(outer, inner):
        return "the same response id from another instrumentation at the same time"
    return None


def shape_buckets(span: Span) -> list[Hashable]:
    """Return what spans that `shape_evidence` may tie have in common."""
    buckets: list[Hashable] = [(span.family, model) for model in span.models]
    return [*buckets, (span.family, None)] if span.failed else buckets


def shape_evidence(outer: Span, inner: Span) -> str | None:
    """Return why two spans without a common id are one call: by time, model and tokens."""
    if outer.family is not inner.family or not _may_be_stacked(outer, inner):
        return None
    if outer.layer < inner.layer:
        return None
    if not _holds(outer, inner):
        return _lazy_stream_evidence(outer, inner)
    if not outer.models & inner.models:
        # A rejected call may not even name its model.
        unnamed = not outer.models or not inner.models
        if unnamed and outer.failed and inner.failed and outer.layer > inner.layer:
            return "inside the framework's span in time, and failed like it"
        return None
    if outer.call.response_id and inner.call.response_id and outer.layer == inner.layer:
        # Two clients that both name the response, and name different ones.
        return None
    if outer.tokens is not None and inner.tokens is not None:
        if not _counts_agree(outer, inner):
            return None
        counts = (
            f"{outer.tokens[0] or inner.tokens[0]} in, {outer.tokens[1] or inner.tokens[1]} out"
        )
        return f"inside it in time, with the same model and token counts ({counts})"
    if outer.failed == inner.failed:
        return "inside it in time, with the same model and outcome"
    if outer.failed and outer.layer > inner.layer:
        # A framework may fail on an answer it cannot use; the answer is paid for.
        return "inside the framework's failed span in time, with the same model"
    if outer.failed and inner.tokens is None and inner.call.response_id is None:
        # A client's own span of the request may not look at the status of the answer.
        return "inside the failed span in time, with the same model, and it tells of no answer"
    return None


def _lazy_stream_evidence(outer: Span, inner: Span) -> str | None:
    if not outer.call.end_ns <= inner.call.start_ns + CLOCK_SLACK_NS <= outer.until_ns:
        return None
    if not outer.models & inner.models or not _counts_agree(outer, inner):
        return None
    return "begun when the framework's stream was read, with the same model and token counts"


def overlapping(ones: Iterable[Span], others: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Yield every pair of one of *ones* and one of *others* that overlap in time, outer first."""
    running: tuple[list[Span], list[Span]] = ([], [])
    starts = [
        (span.call.start_ns, span.key, span, side)
        for side, group in enumerate((ones, others))
        for span in group
    ]
    for start_ns, _, span, side in sorted(starts, key=lambda start: start[:2]):
        opposite = running[1 - side]
        opposite[:] = [other for other in opposite if other.until_ns >= start_ns]
        for other in opposite:
            yield (other, span) if other.order < span.order else (span, other)
        running[side].append(span)


def _same_response(one: Span, other: Span) -> bool:
    return one.call.response_id is not None and one.call.response_id == other.call.response_id


def _counts_agree(one: Span, other: Span) -> bool:
    """Return whether both say something of which neither contradicts the other."""
    if one.tokens is None or other.tokens is None:
        return False
    (one_in, one_out), (other_in, other_out) = one.tokens, other.tokens
    one_sided_in = one_in is None or other_in is None
    one_sided_out = one_out is None or other_out is None
    if one_sided_in:
        return not one_sided_out and one_out == other_out
    # Some leave out the cached tokens.
    same_in = not _inputs(one.call.usage).isdisjoint(_inputs(other.call.usage))
    return same_in and (one_sided_out or one_out == other_out)


def _inputs(usage: Usage | None) -> set[int]:
    """Return the input tokens with and without the cached ones."""
    if usage is None or usage.input_tokens is None:
        return set()
    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    return {usage.input_tokens, usage.input_tokens - cached}


def _may_be_stacked(one: Span, other: Span) -> bool:
    # One instrumentation writes one span a call: two of its spans are two calls. Two services only
    # see the same call through a gateway, and then an id or the nesting says so.
    return one.call.scope != other.call.scope and one.call.service == other.call.service


def _holds(outer: Span, inner: Span) -> bool:
    return (
        outer.call.start_ns <= inner.call.start_ns + CLOCK_SLACK_NS
        and inner.call.end_ns <= outer.call.end_ns + CLOCK_SLACK_NS
    )


def _streams(call: ModelCall) -> bool:
    return call.streamed is True or call.time_to_first_token_ns is not None


def _details(call: ModelCall) -> int:
    """Return how many facts beyond plain token counts change what a call costs."""
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
        (call.service_tier or "").lower() not in STANDARD_TIERS,
    )
    return sum(1 for fact in facts if fact)
