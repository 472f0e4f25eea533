"""Maximum matching of outer and inner spans.

Greedy pairing would leave a span without its duplicate if several calls of one size run at the same
time, and so bill a call twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Node = TypeVar("Node")


def pair(candidates: Mapping[Node, Sequence[Node]]) -> dict[Node, Node]:
    """Return a largest pairing: inner -> outer.

    *candidates* has, for each inner node, its possible outer nodes, the best first. The result
    depends only on the order of *candidates*, so the caller sorts them.
    """
    outer_of: dict[Node, Node] = {}
    inner_of: dict[Node, Node] = {}
    for start in candidates:
        reached_from, free = _reach(start, candidates, inner_of)
        # Shift the pairs on the path by one: each inner node takes the outer one it reached.
        while free is not None:
            inner = reached_from[free]
            previous = outer_of.get(inner)
            inner_of[free] = inner
            outer_of[inner] = free
            free = previous
    return outer_of


def _reach(
    start: Node, candidates: Mapping[Node, Sequence[Node]], inner_of: Mapping[Node, Node]
) -> tuple[dict[Node, Node], Node | None]:
    """Return the nearest outer node that can be freed for *start*, and the path to it."""
    # Breadth first and without recursion: a chain of moved pairs may be as long as the list.
    reached_from: dict[Node, Node] = {}
    queue = [start]
    for inner in queue:
        for outer in candidates.get(inner, ()):
            if outer in reached_from:
                continue
            reached_from[outer] = inner
            if outer not in inner_of:
                return reached_from, outer
            queue.append(inner_of[outer])
    return reached_from, None
