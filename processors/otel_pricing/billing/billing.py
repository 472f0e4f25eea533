"""Billing of each provider call once, with a reason for each of its spans.

The rules, in this order:

0. Spans of one gateway with the same response id and start time are one call.
1. Of nested spans of the same provider call, the innermost one with a cost is billed. Several inner
   calls are several attempts, and the outer span only repeats them.
2. The same response id from different instrumentations at the same time is one call, also in
   different traces. In one instrumentation it is a cached response, if it comes later and without
   delay.
3. Spans of different instrumentations without a common id are one call if one contains the other in
   time, with the same model and token counts. Each is paired at most once, so concurrent calls of
   equal size are all counted.

An unbilled span does not count as a call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from otel_pricing.billing.duplicates import (
    answer_key,
    cached_answer,
    response_id_evidence,
    shape_buckets,
    shape_evidence,
)
from otel_pricing.billing.span_groups import SpanGroups
from otel_pricing.billing.spans import Key, Span, span_of
from otel_pricing.model.call import CostStatus
from otel_pricing.model.layers import WIRE

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from otel_pricing.model.call import PricedCall

ALONE = "only span of this call"


@dataclass(frozen=True, slots=True)
class Decision:
    """Billing decision on a span: whether it is billed, why, and which span is billed instead."""

    billed: bool = True
    reason: str = ALONE
    instead: Key | None = None
    described_by: Key | None = None
    """For a request on the wire: the surrounding span that describes only this request."""
    tied: frozenset[Key] = frozenset()
    """All spans of the same call, including this one; empty for a single span."""


def decide(
    calls: Sequence[PricedCall], *, parents: Mapping[Key, int | None] | None = None
) -> list[PricedCall]:
    """Return *calls* in the same order, each with its billing decision and reason.

    *parents* maps (trace id, span id) to the parent's span id for the spans between model calls,
    such as HTTP requests; without it, related spans are recognised by ids, time and tokens. The
    decision does not depend on the order of *calls*.
    """
    spans = {span.key: span for span in map(span_of, calls)}
    decisions = settle(spans.values(), parents or {})
    return [apply(priced, decisions[key_of(priced)]) for priced in calls]


def key_of(priced: PricedCall) -> Key:
    """Return the key of the span of *priced*."""
    return (priced.call.trace_id, priced.call.span_id)


def apply(call: PricedCall, decision: Decision) -> PricedCall:
    """Return *call* with *decision* applied."""
    instead = decision.instead[1] if decision.instead else None
    if (call.billed, call.billing_reason, call.billed_span_id) == (
        decision.billed,
        decision.reason,
        instead,
    ):
        return call
    return replace(
        call,
        billed=decision.billed,
        billing_reason=decision.reason,
        billed_span_id=instead,
    )


def settle(spans: Iterable[Span], parents: Mapping[Key, int | None]) -> dict[Key, Decision]:
    """Return the decision on each of *spans*."""
    ordered = {span.key: span for span in sorted(spans, key=lambda span: span.order)}
    groups = SpanGroups(ordered)
    groups.group_repeats()
    groups.nest(parents)
    groups.match(lambda s: [s.call.response_id] if s.call.response_id else [], response_id_evidence)
    groups.match(shape_buckets, shape_evidence)
    return _Settlement(groups).decisions


class _Settlement:
    """Decides for each group of tied spans which of them are billed."""

    def __init__(self, groups: SpanGroups) -> None:
        self.groups = groups
        self.decisions = {key: Decision() for key in groups.spans}
        self.calls: dict[Key, list[Span]] = {}
        for key in self._inside_out():
            self.calls[key] = self._settle(key)
        self._drop_cached()
        self._follow()
        self._note_groups()
        self._describe()

    def _inside_out(self) -> list[Key]:
        """Return every span after all spans inside it."""
        order: list[Key] = []
        stack = [key for key in self.groups.spans if key not in self.groups.outer]
        while stack:
            key = stack.pop()
            order.append(key)
            stack.extend(self.groups.inner.get(key, ()))
        return order[::-1]

    def _settle(self, key: Key) -> list[Span]:
        """Return the billed spans for the calls of *key* and its descendants."""
        outer = self.groups.spans[key]
        inside = [span for inner in self.groups.inner.get(key, ()) for span in self.calls[inner]]
        if not inside:
            return [outer]
        succeeded = [span for span in inside if not span.failed]
        failed = [span for span in inside if span.failed]
        if outer.failed:
            # A failed outer span repeats its last attempt; successful attempts are billed.
            if len(inside) == 1:
                return [self._choose(outer, inside[0])]
            return self._drop(outer, inside)
        if not succeeded:
            return [*failed, self._keep(outer, "succeeded after the failed tries inside it")]
        for span in failed:
            if span.call.request_never_sent:
                self._replace(span, succeeded[0], "never sent, and then tried again")
        failed = [span for span in failed if not span.call.request_never_sent]
        if len(succeeded) == 1:
            return [*failed, self._choose(outer, succeeded[0])]
        if outer.tokens is not None and all(span.tokens is None for span in succeeded):
            for span in succeeded:
                self._replace(span, outer, "reports no usage, and the span around it does")
            return [*failed, self._keep(outer, "the spans inside it report no usage")]
        return self._drop(outer, inside)

    def _choose(self, outer: Span, inner: Span) -> Span:
        if inner.layer == WIRE and _bills_wire(inner, outer):
            self._replace(outer, inner, self._evidence(outer))
            return self._keep(inner, "the request and the response themselves")
        if outer.exactness > inner.exactness:
            known = outer.exactness[0] != inner.exactness[0]
            why = "its cost is known, that of the span inside it is not"
            if not known:
                why = "has more about the usage than the span inside it"
            self._replace(inner, outer, self._evidence(outer))
            return self._keep(outer, why)
        self._replace(outer, inner, self._evidence(outer))
        return self._keep(inner, "innermost span of this call")

    def _drop(self, outer: Span, inside: list[Span]) -> list[Span]:
        billed = next((span for span in inside if not span.failed), inside[0])
        self._replace(outer, billed, f"repeats the {len(inside)} calls inside it")
        for span in inside:
            self._keep(span, "innermost span of this call")
        return inside

    def _keep(self, span: Span, why: str) -> Span:
        self.decisions[span.key] = Decision(billed=True, reason=why)
        return span

    def _replace(self, span: Span, by: Span, why: str) -> None:
        scope = by.call.scope or "another instrumentation"
        reason = f"same call as span {by.call.span_id:016x} of {scope}: {why}"
        self.decisions[span.key] = Decision(billed=False, reason=reason, instead=by.key)

    def _evidence(self, outer: Span) -> str:
        return next(self.groups.outer[inner][1] for inner in self.groups.inner[outer.key])

    def _describe(self) -> None:
        """Record the span that describes each request on the wire, if it describes no other."""
        for key, (outer, _) in self.groups.outer.items():
            if self.groups.spans[key].layer == WIRE and self.groups.inner[outer] == [key]:
                self.decisions[key] = replace(self.decisions[key], described_by=outer)

    def _drop_cached(self) -> None:
        """Exclude cached responses: repeated, later, and without delay."""
        first: dict[Hashable, Span] = {}
        billed = [span for key, span in self.groups.spans.items() if self.decisions[key].billed]
        for span in sorted(billed, key=lambda span: (span.call.end_ns, span.key)):
            key = answer_key(span)
            if key is None:
                continue
            earlier = first.setdefault(key, span)
            # A span without duration ends when it begins: it is no cached copy of itself.
            if earlier is span:
                continue
            if earlier.call.end_ns <= span.call.start_ns and cached_answer(span) is not None:
                self._replace(span, earlier, "its answer again, from a cache")

    def _note_groups(self) -> None:
        for root in self.groups.inner.keys() - self.groups.outer.keys():
            tied = [root]
            for key in tied:
                tied.extend(self.groups.inner.get(key, ()))
            for key in tied:
                self.decisions[key] = replace(self.decisions[key], tied=frozenset(tied))

    def _follow(self) -> None:
        """Link every unbilled span to a billed one, past spans dropped later."""
        for key, decision in self.decisions.items():
            instead = decision.instead
            while instead is not None and self.decisions[instead].instead is not None:
                instead = self.decisions[instead].instead
            if instead != decision.instead:
                self.decisions[key] = replace(decision, instead=instead)


def _bills_wire(wire: Span, outer: Span) -> bool:
    """Whether the request on the wire is billed instead of the surrounding span.

    An interrupted stream is estimated from the received part; a surrounding span may report the few
    tokens of its beginning as the total.
    """
    if wire.priced.status is CostStatus.ESTIMATED:
        return (wire.priced.cost_nano_usd or 0) >= (outer.priced.cost_nano_usd or 0)
    return wire.priced.status is not CostStatus.UNPRICED
