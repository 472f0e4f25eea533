"""Evidence that two spans are one provider call, from strongest to weakest.

Stacked instrumentations (a framework, a gateway, the client library) each write a span for the same
request. They may be parent and child, or, if a framework does not set the current context, be in
different traces with only the time and the numbers in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_pricing.model.call import CostStatus
from otel_pricing.model.layers import CLIENT, GATEWAY, WIRE
from otel_pricing.model.usage import agree

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from otel_pricing.billing.spans import Span

CLOCK_SLACK_NS = 5_000_000
"""Tolerance for nested instrumentations, which read the clock one after another, in any order."""

CROSSING_NS = 25_000_000
"""Two instrumentations that one library calls in sequence do not nest: the first to begin is the
first to end. On a busy machine they are this far apart, or a quarter of the call.
"""


def nested_evidence(outer: Span, inner: Span) -> str | None:
    """Return why *inner*, a descendant of *outer*, is the same provider call; None if it is not.

    Instrumentations that leave their span current make every later call a child of the previous
    one. So two responses of one instrumentation are two calls, and so are spans that begin after
    the end of the outer one. Several attempts inside one span may add up to it: see `is_part`.
    """
    if outer.family is not inner.family:
        return None
    if _same_response(outer, inner):
        return "nested, with the same response id"
    if inner.layer == WIRE:
        return "nested, a request that was sent inside the span"
    if inner.call.start_ns > outer.until_ns + CLOCK_SLACK_NS:
        return None
    if outer.call.scope == inner.call.scope and outer.call.response_id and inner.call.response_id:
        return None
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


def is_part(outer: Span, inner: Span) -> bool:
    """Return whether *inner* is a different call than *outer*, unless it is part of its sums.

    One instrumentation counts one call the same way in both of its spans.
    """
    return (
        outer.call.scope == inner.call.scope
        and outer.tokens is not None
        and inner.tokens is not None
        and not _same_response(outer, inner)
        and not agree(outer.call.usage, inner.call.usage)
    )


def add_up(outer: Span, parts: Iterable[Span]) -> bool:
    """Return whether the token counts of *parts* add up to those of *outer*."""
    totals = [0, 0]
    for part in parts:
        for place, tokens in enumerate(part.tokens or (0, 0)):
            totals[place] += tokens or 0
    return tuple(totals) == tuple(tokens or 0 for tokens in outer.tokens or (0, 0))


LONGEST_CACHE_HIT_NS = 2_000_000
"""No provider responds this fast; a cache of a framework or a gateway does."""


def cached_answer(span: Span) -> Hashable | None:
    """Return the key that a cached response shares with its original call.

    None if *span* cannot be one: client libraries cache no responses, a request seen on the wire
    was sent, and a request takes longer.
    """
    key = answer_key(span)
    fast = span.call.end_ns - span.call.start_ns <= LONGEST_CACHE_HIT_NS
    return key if fast and not span.failed else None


def answer_key(span: Span) -> Hashable | None:
    """Return a key of the response in *span*; None if it cannot be cached."""
    call = span.call
    if call.response_id is None or span.layer <= CLIENT or span.tokens is None:
        return None
    return ("answer", call.scope, call.response_id, span.family, span.tokens)


def repeat_key(span: Span) -> Hashable | None:
    """Return the key shared by spans of a gateway that report one response repeatedly.

    LiteLLM's callbacks do so at the end of some streams. Two requests do not begin in the same
    nanosecond and get the same response. None for spans of other instrumentations.
    """
    call = span.call
    if call.response_id is None or span.layer != GATEWAY:
        return None
    return (call.scope, call.service, call.response_id, call.start_ns, span.family, span.tokens)


def response_id_evidence(outer: Span, inner: Span) -> str | None:
    """Return the reason why two overlapping spans are one call by the provider's response id.

    Within one scope an id may occur twice: test servers reuse ids.
    """
    if outer.family is not inner.family or outer.call.scope == inner.call.scope:
        return None
    if _same_response(outer, inner):
        return "the same response id from another instrumentation at the same time"
    return None


def shape_buckets(span: Span) -> list[Hashable]:
    """Return the keys that spans have in common if `shape_evidence` may tie them."""
    buckets: list[Hashable] = [(span.family, model) for model in span.models]
    return [*buckets, (span.family, None)] if span.failed else buckets


def shape_evidence(outer: Span, inner: Span) -> str | None:
    """Return the reason why two spans without a common id are one call: time, model, tokens."""
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
    if outer.call.response_id and inner.call.response_id and outer.layer <= CLIENT:
        # A client and another one, or the wire, with different response ids: two responses.
        return None
    if outer.tokens is not None and inner.tokens is not None:
        if not agree(outer.call.usage, inner.call.usage):
            return None
        counts = (
            f"{outer.tokens[0] or inner.tokens[0]} in, {outer.tokens[1] or inner.tokens[1]} out"
        )
        return f"inside it in time, with the same model and token counts ({counts})"
    if outer.failed == inner.failed:
        return "inside it in time, with the same model and outcome"
    if outer.failed and outer.layer > inner.layer:
        # A framework may fail on a response it cannot use; the response is billed.
        return "inside the framework's failed span in time, with the same model"
    if outer.failed and inner.tokens is None and inner.call.response_id is None:
        # A client's own span of the request may ignore the status of the response.
        return "inside the failed span in time, with the same model and no response"
    return None


def _lazy_stream_evidence(outer: Span, inner: Span) -> str | None:
    if not outer.call.end_ns <= inner.call.start_ns + CLOCK_SLACK_NS <= outer.until_ns:
        return None
    if not outer.models & inner.models or not agree(outer.call.usage, inner.call.usage):
        return None
    return "begun when the framework's stream was read, with the same model and token counts"


def overlapping(ones: Iterable[Span], others: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Yield every pair from *ones* and *others* that overlaps in time, outer first."""
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


def _may_be_stacked(one: Span, other: Span) -> bool:
    # One instrumentation writes one span per call: two of its spans are two calls. Two services
    # only see the same call through a gateway, which an id or the nesting shows.
    return one.call.scope != other.call.scope and one.call.service == other.call.service


def _holds(outer: Span, inner: Span) -> bool:
    slack = CLOCK_SLACK_NS
    if outer.layer == inner.layer:
        slack = max(CROSSING_NS, min(_length(outer), _length(inner)) // 4)
    return (
        outer.call.start_ns <= inner.call.start_ns + slack
        and inner.call.end_ns <= outer.call.end_ns + slack
    )


def _length(span: Span) -> int:
    return span.call.end_ns - span.call.start_ns
