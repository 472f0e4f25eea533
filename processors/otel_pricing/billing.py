"""Bill every provider call once, however many spans describe it, and say why.

The rules, in this order:

1. A model-call span nested in another one of the same provider call: the innermost that knows the
   cost is billed. Several inner calls are several tries, and the outer one only repeats them.
2. The same response id from different instrumentations at the same time is one call, whatever
   traces the spans are in.
3. Spans without a common id are one call when one lies inside the other in time, with the same
   model and the same token counts, from different instrumentations; each is paired at most once,
   so calls of equal size that run at the same time stay as many as they are.

A span that is not billed does not count as a call at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from otel_pricing.matching import pair
from otel_pricing.twins import (
    Key,
    Span,
    layer,
    nested_evidence,
    overlapping,
    response_id_evidence,
    shape_buckets,
    shape_evidence,
    span_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from otel_pricing.call import PricedCall

ALONE = "only span of this call"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a span is billed, why, and which span is billed instead."""

    billed: bool = True
    reason: str = ALONE
    instead: Key | None = None
    tied: frozenset[Key] = frozenset()
    """All spans that are tied to this one, itself included; empty for a span alone."""


def decide(
    calls: Sequence[PricedCall], *, parents: Mapping[Key, int | None] | None = None
) -> list[PricedCall]:
    """Return *calls* in their order, each with whether it is billed and why.

    *parents* maps (trace id, span id) to the parent's span id for the spans between model calls,
    such as HTTP requests; without it, spans they separate are recognised by ids, time and tokens.
    The decision does not depend on the order of *calls*.
    """
    spans = {span.key: span for span in map(span_of, calls)}
    decisions = settle(spans.values(), parents or {})
    return [apply(priced, decisions[key_of(priced)]) for priced in calls]


def key_of(priced: PricedCall) -> Key:
    """Return what identifies the span of *priced*."""
    return (priced.call.trace_id, priced.call.span_id)


def apply(call: PricedCall, decision: Decision) -> PricedCall:
    """Return *call* with *decision* in it."""
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
    ties = Ties(ordered)
    ties.nest(parents)
    ties.match(lambda s: [s.call.response_id] if s.call.response_id else [], response_id_evidence)
    ties.match(shape_buckets, shape_evidence)
    return _Settlement(ties).decisions


class Ties:
    """Which span is the outer twin of which, with the evidence."""

    def __init__(self, spans: Mapping[Key, Span]) -> None:
        self.spans = spans
        self.outer: dict[Key, tuple[Key, str]] = {}
        self.inner: dict[Key, list[Key]] = {}

    def nest(self, parents: Mapping[Key, int | None]) -> None:
        """Tie every span to its nearest ancestor of the same provider call."""
        for span in self.spans.values():
            for ancestor in self._ancestors(span, parents):
                evidence = nested_evidence(ancestor, span)
                if evidence:
                    self._tie(ancestor.key, span.key, evidence)
                    break

    def match(
        self,
        buckets: Callable[[Span], Sequence[Hashable]],
        evidence_of: Callable[[Span, Span], str | None],
    ) -> None:
        """Tie spans that *evidence_of* calls twins; *buckets* groups the candidates.

        Two instrumentations at a time, the ones nearest to the provider first: within a pair of
        them every span has at most one twin.
        """
        groups: dict[Hashable, dict[str, list[Span]]] = {}
        for span in self.spans.values():
            for bucket in buckets(span):
                groups.setdefault(bucket, {}).setdefault(span.call.scope, []).append(span)
        # One instrumentation alone has no twins: the usual case, at no cost.
        stacked = [scopes for scopes in groups.values() if len(scopes) > 1]
        names = {scope for scopes in stacked for scope in scopes}
        for one, other in sorted(combinations(sorted(names), 2), key=_nearest_first):
            evidence: dict[tuple[Key, Key], str] = {}
            for scopes in stacked:
                if one in scopes and other in scopes:
                    evidence.update(self._candidates(scopes[one], scopes[other], evidence_of))
            self._pair(evidence)

    def _candidates(
        self,
        ones: Sequence[Span],
        others: Sequence[Span],
        evidence_of: Callable[[Span, Span], str | None],
    ) -> Iterator[tuple[tuple[Key, Key], str]]:
        for outer, inner in overlapping(ones, others):
            # Whoever is told apart by nesting already needs no second twin of that scope.
            if self._has_twin(outer, inner.call.scope) or self._has_twin(inner, outer.call.scope):
                continue
            evidence = evidence_of(outer, inner)
            if evidence:
                yield (outer.key, inner.key), evidence

    def _pair(self, evidence: Mapping[tuple[Key, Key], str]) -> None:
        """Tie as many of the candidate pairs as possible, the tightest fits first."""
        candidates: dict[Key, list[Key]] = {}
        for candidate in evidence:
            one, other = sorted(candidate, key=lambda key: self.spans[key].call.scope)
            candidates.setdefault(other, []).append(one)
        for other, ones in candidates.items():
            ones.sort(key=lambda one: self._slack(one, other))
        chosen = pair({key: candidates[key] for key in self.spans if key in candidates})
        for other, one in sorted(chosen.items(), key=lambda found: self.spans[found[0]].order):
            outer, inner = sorted((one, other), key=lambda key: self.spans[key].order)
            self._attach(outer, inner, evidence[outer, inner])

    def _slack(self, one: Key, other: Key) -> tuple[int, tuple[int, int, int, Key]]:
        """Order candidates by how nearly the two spans cover the same time."""
        a, b = self.spans[one].call, self.spans[other].call
        apart = abs(a.start_ns - b.start_ns) + abs(a.end_ns - b.end_ns)
        return (apart, self.spans[one].order)

    def _has_twin(self, span: Span, scope: str) -> bool:
        """Return whether *span* is already tied, through others too, to a span of *scope*."""
        key: Key | None = span.key
        while key is not None:
            key = self.outer[key][0] if key in self.outer else None
            if key is not None and self.spans[key].call.scope == scope:
                return True
        inside = list(self.inner.get(span.key, ()))
        for below in inside:
            if self.spans[below].call.scope == scope:
                return True
            inside.extend(self.inner.get(below, ()))
        return False

    def _attach(self, outer: Key, inner: Key, evidence: str) -> None:
        """Put *inner* and all inside it into *outer*, keeping what each is tied to already."""
        root = self._root(outer)
        if root == self._root(inner):
            return
        leaf = outer
        while leaf in self.inner:
            if len(self.inner[leaf]) > 1:
                # The outer span holds several calls, and nothing says which of them this one is.
                return
            leaf = self.inner[leaf][0]
        above = self.outer.pop(inner, None)
        if above is not None:
            siblings = self.inner[above[0]]
            siblings[siblings.index(inner)] = root
            self.outer[root] = above
        self.outer[inner] = (leaf, evidence)
        self.inner[leaf] = [inner]

    def _root(self, key: Key) -> Key:
        while key in self.outer:
            key = self.outer[key][0]
        return key

    def _ancestors(self, span: Span, parents: Mapping[Key, int | None]) -> Iterator[Span]:
        trace_id = span.call.trace_id
        parent = span.call.parent_span_id
        # Ids come from outside and may even form a circle.
        seen = {span.call.span_id}
        while parent is not None and parent not in seen:
            seen.add(parent)
            key = (trace_id, parent)
            found = self.spans.get(key)
            if found is not None:
                yield found
                parent = found.call.parent_span_id
            else:
                parent = parents.get(key)

    def _tie(self, outer: Key, inner: Key, evidence: str) -> None:
        if self._root(outer) != inner:
            self.outer[inner] = (outer, evidence)
            self.inner.setdefault(outer, []).append(inner)


def _nearest_first(scopes: tuple[str, str]) -> tuple[int, int, tuple[str, str]]:
    layers = sorted((layer(scope) for scope in scopes), reverse=True)
    return (layers[0], layers[1], scopes)


class _Settlement:
    """Decides for each tied group of spans which of them are the calls."""

    def __init__(self, ties: Ties) -> None:
        self.ties = ties
        self.decisions = {key: Decision() for key in ties.spans}
        self.calls: dict[Key, list[Span]] = {}
        for key in self._inside_out():
            self.calls[key] = self._settle(key)
        self._follow()
        self._note_ties()

    def _inside_out(self) -> list[Key]:
        """Return every span after all spans inside it."""
        order: list[Key] = []
        stack = [key for key in self.ties.spans if key not in self.ties.outer]
        while stack:
            key = stack.pop()
            order.append(key)
            stack.extend(self.ties.inner.get(key, ()))
        return order[::-1]

    def _settle(self, key: Key) -> list[Span]:
        """Return the spans that are billed for the calls in and inside *key*."""
        outer = self.ties.spans[key]
        inside = [span for inner in self.ties.inner.get(key, ()) for span in self.calls[inner]]
        if not inside:
            return [outer]
        succeeded = [span for span in inside if not span.failed]
        failed = [span for span in inside if span.failed]
        if outer.failed:
            # A failed whole repeats its last try; tries that worked are what was paid for.
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
        if outer.exactness > inner.exactness:
            known = outer.exactness[0] != inner.exactness[0]
            why = "its cost is known, that of the span inside it is not"
            if not known:
                why = "tells more about the usage than the span inside it"
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
        return next(self.ties.outer[inner][1] for inner in self.ties.inner[outer.key])

    def _note_ties(self) -> None:
        for root in self.ties.inner.keys() - self.ties.outer.keys():
            tied = [root]
            for key in tied:
                tied.extend(self.ties.inner.get(key, ()))
            for key in tied:
                self.decisions[key] = replace(self.decisions[key], tied=frozenset(tied))

    def _follow(self) -> None:
        """Point every span that is not billed to one that is, past spans dropped later."""
        for key, decision in self.decisions.items():
            instead = decision.instead
            while instead is not None and self.decisions[instead].instead is not None:
                instead = self.decisions[instead].instead
            if instead != decision.instead:
                self.decisions[key] = replace(decision, instead=instead)
