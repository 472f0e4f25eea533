"""Grouping of the spans of one provider call, by nesting, then by matching."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from otel_pricing.billing.duplicates import (
    add_up,
    is_part,
    nested_evidence,
    overlapping,
    repeat_key,
)
from otel_pricing.billing.matching import pair
from otel_pricing.model.layers import layer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from otel_pricing.billing.spans import Key, Span


class SpanGroups:
    """The enclosing duplicate of every span, with the evidence."""

    def __init__(self, spans: Mapping[Key, Span]) -> None:
        self.spans = spans
        self.outer: dict[Key, tuple[Key, str]] = {}
        self.inner: dict[Key, list[Key]] = {}

    def group_repeats(self) -> None:
        """Tie spans in which one instrumentation repeats a response."""
        first: dict[Hashable, Span] = {}
        for span in sorted(self.spans.values(), key=lambda span: (span.call.end_ns, span.key)):
            shared = repeat_key(span)
            if shared is None:
                continue
            if shared in first:
                self._tie(span.key, first[shared].key, "reported twice, with the same response id")
            first[shared] = span

    def nest(self, parents: Mapping[Key, int | None]) -> None:
        """Tie every span to its nearest ancestor of the same provider call."""
        parts: dict[Key, list[Key]] = {}
        for span in [span for key, span in self.spans.items() if key not in self.outer]:
            for ancestor in self._ancestors(span, parents):
                evidence = nested_evidence(ancestor, span)
                if evidence:
                    if is_part(ancestor, span):
                        parts.setdefault(ancestor.key, []).append(span.key)
                    else:
                        self._tie(ancestor.key, span.key, evidence)
                    break
        for outer, inside in parts.items():
            if add_up(self.spans[outer], (self.spans[key] for key in inside)):
                for key in inside:
                    self._tie(outer, key, "nested, and the token counts add up")

    def match(
        self,
        buckets: Callable[[Span], Sequence[Hashable]],
        evidence_of: Callable[[Span, Span], str | None],
    ) -> None:
        """Tie duplicates according to *evidence_of*; *buckets* groups the candidates.

        It compares two instrumentations at a time, those nearest to the provider first: within a
        pair every span has at most one duplicate.
        """
        groups: dict[Hashable, dict[str, list[Span]]] = {}
        for span in self.spans.values():
            for bucket in buckets(span):
                groups.setdefault(bucket, {}).setdefault(span.call.scope, []).append(span)
        # One instrumentation alone has no duplicates: the usual case, at no cost.
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
            # A span already tied to this scope by nesting needs no second duplicate there.
            if self._has_duplicate(outer, inner.call.scope) or self._has_duplicate(
                inner, outer.call.scope
            ):
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
        """Order candidates by how closely the two spans cover the same time."""
        a, b = self.spans[one].call, self.spans[other].call
        apart = abs(a.start_ns - b.start_ns) + abs(a.end_ns - b.end_ns)
        return (apart, self.spans[one].order)

    def _has_duplicate(self, span: Span, scope: str) -> bool:
        """Return whether *span* is already tied, directly or indirectly, to a span of *scope*."""
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
        """Move *inner* and its descendants into *outer*, keeping existing ties."""
        around = self._path(outer)
        root = around[-1]
        if root in (path := self._path(inner)):
            self._nest_adjacent(around, path, evidence)
            return
        leaf = self._leaf(outer)
        if leaf is None:
            return
        above = self.outer.pop(inner, None)
        if above is not None:
            siblings = self.inner[above[0]]
            siblings[siblings.index(inner)] = root
            self.outer[root] = above
        self.outer[inner] = (leaf, evidence)
        self.inner[leaf] = [inner]

    def _nest_adjacent(self, outers: list[Key], inners: list[Key], evidence: str) -> None:
        """Merge one branch of a tree into another: two siblings inside a third span."""
        if outers[0] in inners or inners[0] in outers:
            return
        outer, inner = _branches(outers, inners)
        leaf = self._leaf(outer)
        if leaf is None:
            return
        self.inner[self.outer[inner][0]].remove(inner)
        self.outer[inner] = (leaf, evidence)
        self.inner[leaf] = [inner]

    def _leaf(self, key: Key) -> Key | None:
        """Return the innermost span of the call at *key*, or None if it has several calls.

        Then the call of another span is ambiguous.
        """
        while key in self.inner:
            if len(self.inner[key]) > 1:
                return None
            key = self.inner[key][0]
        return key

    def _path(self, key: Key) -> list[Key]:
        """Return *key* and its enclosing spans, the outermost last."""
        path = [key]
        while path[-1] in self.outer:
            path.append(self.outer[path[-1]][0])
        return path

    def _root(self, key: Key) -> Key:
        return self._path(key)[-1]

    def _ancestors(self, span: Span, parents: Mapping[Key, int | None]) -> Iterator[Span]:
        trace_id = span.call.trace_id
        parent = span.call.parent_span_id
        # Ids are untrusted and may form a cycle.
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


def _branches(ones: list[Key], others: list[Key]) -> tuple[Key, Key]:
    """Return the position where two paths to a common ancestor diverge."""
    known = set(others)
    one = next(i for i, key in enumerate(ones) if key in known)
    return ones[one - 1], others[others.index(ones[one]) - 1]


def _nearest_first(scopes: tuple[str, str]) -> tuple[int, int, tuple[str, str]]:
    layers = sorted((layer(scope) for scope in scopes), reverse=True)
    return (layers[0], layers[1], scopes)
