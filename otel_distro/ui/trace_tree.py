"""The spans of a trace as a tree: depth, self time, critical path, subtree costs and errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_trace_store.arrivals import SpanCost
    from otel_trace_store.records import StoredSpan


@dataclass(slots=True)
class Node:
    """One span in its tree."""

    span: StoredSpan
    depth: int = 0
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None
    is_orphan: bool = False
    """Whether its parent is set and missing from the trace."""
    self_ns: int = 0
    """Time in which none of its children ran."""
    on_path: bool = False
    """Whether it is on the critical path."""
    cost: SpanCost | None = None
    nano_below: int = 0
    """Billed cost of its subtree, itself included, in nano-US-dollars."""
    calls_below: int = 0
    unpriced_below: int = 0
    errors_below: int = 0
    spans_below: int = 0
    """Number of descendants."""

    @property
    def duration_ns(self) -> int:
        """Duration of the span."""
        return self.span.end_ns - self.span.start_ns


@dataclass(frozen=True, slots=True)
class Tree:
    """All spans of a trace."""

    roots: list[Node]
    order: list[Node]
    """Every node, parents before children, children ordered by start."""
    by_id: dict[str, Node]
    start_ns: int
    end_ns: int

    @property
    def duration_ns(self) -> int:
        """From the first start to the last end."""
        return self.end_ns - self.start_ns


def build_tree(spans: Sequence[StoredSpan], costs: Mapping[str, SpanCost]) -> Tree:
    """Return *spans* as a tree with each span once, for any parent ids."""
    by_id = {span.span_id: Node(span, cost=costs.get(span.span_id)) for span in spans}
    roots: list[Node] = []
    for node in by_id.values():
        parent = by_id.get(node.span.parent_span_id)
        if parent is None or parent is node:
            node.is_orphan = bool(node.span.parent_span_id)
            roots.append(node)
        else:
            node.parent = parent
            parent.children.append(node)
    order = _ordered(roots)
    if len(order) < len(by_id):
        # Spans whose parents form a cycle have no root; one of them becomes the root.
        reached = {id(node) for node in order}
        for node in by_id.values():
            if id(node) not in reached:
                if node.parent is not None:
                    node.parent.children.remove(node)
                    node.parent = None
                node.is_orphan = True
                roots.append(node)
                order += _ordered([node])
                reached = {id(one) for one in order}
    for node in reversed(order):
        _sum_up(node)
    start = min((span.start_ns for span in spans), default=0)
    end = max((span.end_ns for span in spans), default=0)
    if roots:
        _mark_path(max(roots, key=lambda node: (node.duration_ns, -node.span.start_ns)))
    return Tree(roots, order, by_id, start, end)


def _ordered(roots: list[Node]) -> list[Node]:
    order: list[Node] = []
    stack = sorted(roots, key=_by_start, reverse=True)
    while stack:
        node = stack.pop()
        node.depth = node.parent.depth + 1 if node.parent is not None else 0
        order.append(node)
        node.children.sort(key=_by_start)
        stack.extend(reversed(node.children))
    return order


def _by_start(node: Node) -> tuple[int, int, str]:
    return node.span.start_ns, -node.span.end_ns, node.span.span_id


def _sum_up(node: Node) -> None:
    cost = node.cost
    if cost is not None and cost.billed:
        node.calls_below += 1
        node.nano_below += cost.nano_usd or 0
        node.unpriced_below += cost.nano_usd is None
    node.errors_below += node.span.failed
    for child in node.children:
        node.nano_below += child.nano_below
        node.calls_below += child.calls_below
        node.unpriced_below += child.unpriced_below
        node.errors_below += child.errors_below
        node.spans_below += child.spans_below + 1
    node.self_ns = node.duration_ns - _covered(node)


def _covered(node: Node) -> int:
    """Return the time in which at least one child ran, within the span."""
    covered, until = 0, node.span.start_ns
    for child in node.children:
        start = max(child.span.start_ns, until)
        end = min(child.span.end_ns, node.span.end_ns)
        if end > start:
            covered += end - start
            until = end
    return covered


def _mark_path(root: Node) -> None:
    """Mark the critical path of *root*, from its end backwards."""
    stack = [(root, root.span.end_ns)]
    while stack:
        node, end = stack.pop()
        node.on_path = True
        at = min(end, node.span.end_ns)
        for child in sorted(node.children, key=lambda one: one.span.end_ns, reverse=True):
            # A child that ended before the last marked one began precedes it on the path.
            if child.span.start_ns < at and child.span.end_ns <= at:
                stack.append((child, at))
                at = child.span.start_ns
