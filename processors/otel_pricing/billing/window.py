"""Incremental billing decisions, revised while duplicates may still arrive.

A client's span ends before the surrounding framework span, so the next span often revises the first
decision. The window keeps only the recent calls needed for that.
"""

from __future__ import annotations

from bisect import insort
from collections import ChainMap, OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from otel_pricing.billing.billing import apply, key_of, settle
from otel_pricing.billing.duplicates import (
    answer_key,
    cached_answer,
    nested_evidence,
    repeat_key,
    response_id_evidence,
    shape_buckets,
    shape_evidence,
)
from otel_pricing.billing.spans import LAZY_STREAM_NS, Key, Span, span_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from otel_pricing.model.call import PricedCall

WINDOW_NS = 600_000_000_000
"""Time for which a call may get duplicates: longer than any provider keeps a request open."""
MOST_CALLS = 4096
MOST_LINKS = 8192
CROWD = 16
"""Maximum candidates for one call. More exist only if many equal calls run concurrently, and then
any of them without a duplicate is sufficient.
"""
MOST_DESCENDANTS = 512
"""Maximum spans inside one call to examine; a call has few."""
LARGEST_GROUP = 3 * CROWD
"""Maximum calls decided together: enough to rearrange some pairs within a millisecond."""


class BillingWindow:
    """Decides on calls one at a time; calls that leave the window keep their last decision.

    Not thread-safe. Memory is bounded by the number of calls in the window.
    """

    def __init__(self, *, window_ns: int = WINDOW_NS, most_calls: int = MOST_CALLS) -> None:
        self._window_ns = window_ns
        self._most_calls = most_calls
        # Insertion order is the order of arrival and of eviction.
        self._spans: dict[Key, Span] = {}
        self._decided: dict[Key, PricedCall] = {}
        self._near: dict[Key, set[Key]] = {}
        self._tied: dict[Key, frozenset[Key]] = {}
        self._described_by: dict[Key, Key] = {}
        self._describes: dict[Key, Key] = {}
        self._latest_ns = 0
        # A plain dict looks through all its removed entries for the first one that is left.
        self._links: OrderedDict[Key, int | None] = OrderedDict()
        self._call_parents: dict[Key, int | None] = {}
        self._parents = ChainMap(self._call_parents, self._links)
        self._children: dict[Key, set[int]] = {}
        self._buckets: dict[Hashable, dict[str, list[tuple[int, Key]]]] = {}

    def __len__(self) -> int:
        """Return the number of calls in the window."""
        return len(self._spans)

    def link(self, trace_id: int, span_id: int, parent_span_id: int | None) -> None:
        """Record the parent of a span that is not a model call.

        Optional: it ties a model call to an ancestor through the spans between them. Without it
        they are recognised by response id, time and tokens.
        """
        key = (trace_id, span_id)
        if key in self._links:
            self._unlink(key, self._links.pop(key))
        while len(self._links) >= MOST_LINKS:
            self._unlink(*self._links.popitem(last=False))
        self._links[key] = parent_span_id
        self._adopt(key, parent_span_id)

    def decided(self, key: Key) -> PricedCall | None:
        """Return the decision on the call with *key*; None if it is not in the window."""
        return self._decided.get(key)

    def described_by(self, key: Key) -> PricedCall | None:
        """Return the span that describes the request on the wire with *key*; None without one."""
        outer = self._described_by.get(key)
        return self._decided.get(outer) if outer is not None else None

    def request_of(self, key: Key) -> PricedCall | None:
        """Return the request on the wire that the span with *key* describes; None without one."""
        wire = self._describes.get(key)
        return self._decided.get(wire) if wire is not None else None

    def around(self, key: Key) -> list[PricedCall]:
        """Return the other spans of the call of *key*, unordered."""
        tied = self._tied.get(key, frozenset())
        return [self._decided[other] for other in tied if other != key and other in self._decided]

    def offer(self, call: PricedCall) -> list[PricedCall]:
        """Return *call* with its decision, then earlier calls with a changed decision."""
        key = key_of(call)
        known = self._decided.get(key)
        if known is not None:
            return [known]
        span = span_of(call)
        self._latest_ns = max(self._latest_ns, call.call.end_ns)
        too_old = self._latest_ns - self._window_ns
        if call.call.end_ns < too_old:
            return [call]
        self._forget(before_ns=too_old)
        near = {other.key for other in self._duplicates(span)} - {key}
        self._remember(span, near)
        self._decided[key] = call
        return self._decide(span) if near else [call]

    def _decide(self, span: Span) -> list[PricedCall]:
        group = [self._spans[key] for key in self._group(span.key)]
        changed: list[PricedCall] = []
        for key, decision in settle(group, self._parents).items():
            self._tied[key] = decision.tied
            self._describe(key, decision.described_by)
            before = self._decided[key]
            after = apply(before, decision)
            if after is not before:
                self._decided[key] = after
                if key != span.key:
                    changed.append(after)
        return [self._decided[span.key], *changed]

    def _group(self, start: Key) -> Iterable[Key]:
        """Return the calls that may be tied to *start*, directly or through each other.

        Tied calls are included together or not at all; otherwise a part of a group would be decided
        as if it were the whole.
        """
        reached = {start: None}
        queue = [start]
        for key in queue:
            for other in sorted(self._near[key]):
                if other in reached or (len(reached) > LARGEST_GROUP and key != start):
                    continue
                for tied in {other} | self._tied.get(other, frozenset()):
                    if tied not in reached and tied in self._spans:
                        reached[tied] = None
                        queue.append(tied)
        return reached

    def _duplicates(self, span: Span) -> Iterator[Span]:
        """Yield the calls in the window that may be the same provider call as *span*."""
        yield from self._nested(span)
        for bucket in _buckets(span):
            for scope, ends in self._buckets.get(bucket, {}).items():
                if scope != span.call.scope:
                    yield from self._best(span, list(self._overlapping(span, ends)))
                elif bucket == span.call.response_id:
                    yield from self._repeats(span, ends)

    def _nested(self, span: Span) -> Iterator[Span]:
        """Yield the enclosing and inner calls that the arrival of *span* may tie together."""
        around = list(self._around(span))
        yield from (outer for outer in around if nested_evidence(outer, span))
        # Ids are untrusted and may form a cycle.
        seen = {span.key}
        queue = [span.key]
        for key in queue:
            below = self._spans.get(key) if key != span.key else None
            if below is not None:
                outers = [outer for outer in (span, *around) if nested_evidence(outer, below)]
                if outers:
                    # Also those that are related only through this span.
                    yield below
                    yield from outers[:1]
            children = {(key[0], child) for child in self._children.get(key, ())} - seen
            if len(seen) < MOST_DESCENDANTS:
                queue.extend(sorted(children))
                seen |= children

    def _around(self, span: Span) -> Iterator[Span]:
        seen = {span.key}
        parent = span.call.parent_span_id
        while parent is not None:
            key = (span.key[0], parent)
            if key in seen:
                return
            seen.add(key)
            if key in self._spans:
                yield self._spans[key]
            parent = self._parents.get(key)

    def _overlapping(self, span: Span, ends: list[tuple[int, Key]]) -> Iterator[Span]:
        # Sorted by end: a span that ended long before this one began is no duplicate.
        for end_ns, key in reversed(ends):
            if end_ns < span.call.start_ns - LAZY_STREAM_NS:
                break
            other = self._spans[key]
            outer, inner = (span, other) if span.order < other.order else (other, span)
            if response_id_evidence(outer, inner) or shape_evidence(outer, inner):
                yield other

    def _repeats(self, span: Span, ends: list[tuple[int, Key]]) -> Iterator[Span]:
        shared = repeat_key(span)
        for end_ns, key in reversed(ends):
            if end_ns < span.call.start_ns:
                break
            if repeat_key(self._spans[key]) == shared:
                yield self._spans[key]
        answer = cached_answer(span)
        if answer is not None:
            # The first one is the call; a cache may return its response any number of times.
            same = (self._spans[key] for _, key in ends if answer_key(self._spans[key]) == answer)
            yield from islice(same, 1)

    def _best(self, span: Span, others: list[Span]) -> list[Span]:
        """Return *others*; if too many, the best fits among those without such a duplicate."""
        if len(others) <= CROWD:
            return others
        free = [other for other in others if not self._has_duplicate(other, span.call.scope)]
        return sorted(free, key=lambda other: (_apart(span, other), other.key))[:CROWD]

    def _has_duplicate(self, span: Span, scope: str) -> bool:
        tied = self._tied.get(span.key, frozenset())
        return any(key in self._spans and self._spans[key].call.scope == scope for key in tied)

    def _remember(self, span: Span, near: set[Key]) -> None:
        self._spans[span.key] = span
        self._call_parents[span.key] = span.call.parent_span_id
        self._near[span.key] = near
        for other in near:
            self._near[other].add(span.key)
        self._adopt(span.key, span.call.parent_span_id)
        for bucket in _buckets(span):
            ends = self._buckets.setdefault(bucket, {}).setdefault(span.call.scope, [])
            insort(ends, (span.call.end_ns, span.key))

    def _forget(self, before_ns: int) -> None:
        while self._spans:
            oldest = next(iter(self._spans.values()))
            if len(self._spans) < self._most_calls and oldest.call.end_ns >= before_ns:
                return
            self._drop(oldest)

    def _drop(self, span: Span) -> None:
        del self._spans[span.key], self._decided[span.key], self._call_parents[span.key]
        self._tied.pop(span.key, None)
        self._describe(span.key, None)
        for other in self._near.pop(span.key):
            self._near.get(other, set()).discard(span.key)
        self._unlink(span.key, span.call.parent_span_id)
        for bucket in _buckets(span):
            scopes = self._buckets[bucket]
            ends = scopes[span.call.scope]
            ends.remove((span.call.end_ns, span.key))
            if not ends:
                del scopes[span.call.scope]
            if not scopes:
                del self._buckets[bucket]

    def _describe(self, key: Key, described_by: Key | None) -> None:
        before = self._described_by.pop(key, None)
        if before is not None and self._describes.get(before) == key:
            del self._describes[before]
        if described_by is not None:
            self._described_by[key] = described_by
            self._describes[described_by] = key

    def _adopt(self, key: Key, parent_span_id: int | None) -> None:
        if parent_span_id is not None:
            self._children.setdefault((key[0], parent_span_id), set()).add(key[1])

    def _unlink(self, key: Key, parent_span_id: int | None) -> None:
        if parent_span_id is None:
            return
        parent = (key[0], parent_span_id)
        siblings = self._children.get(parent)
        if siblings is not None:
            siblings.discard(key[1])
            if not siblings:
                del self._children[parent]


def _apart(one: Span, other: Span) -> int:
    a, b = one.call, other.call
    return abs(a.start_ns - b.start_ns) + abs(a.end_ns - b.end_ns)


def _buckets(span: Span) -> list[Hashable]:
    shape = shape_buckets(span)
    return [*shape, span.call.response_id] if span.call.response_id else shape
