"""The rows of a trace's timeline; only some of many similar siblings are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_distro.base import formatting as figures
from otel_distro.ui.markup import element
from otel_distro.ui.spending import label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

    from otel_distro.ui.trace_tree import Node, Tree

MOST_ROWS: Final = 1_500
"""A trace of more spans is shown folded: similar siblings become one row."""
_ALIKE_SHOWN: Final = 5
_COLOURS: Final = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a span, or several folded siblings."""

    span_id: str
    name: str
    service: str
    depth: int
    bar: Markup
    duration: str
    cost: str
    tokens: str
    """Input and output of a model call; empty for other spans."""
    failed: bool
    errors_below: int
    on_path: bool
    chosen: bool
    parent_id: str
    has_children: bool
    folded: int = 0
    """Number of spans folded into this row; 0 for a single span."""


def rows_of(
    tree: Tree, *, everything: bool = False, chosen: Node | None = None
) -> tuple[list[Row], int]:
    """Return the rows and the number of folded spans."""
    colours: dict[str, str] = {}
    for node in tree.order:
        colours.setdefault(node.span.service, f"s{len(colours) % _COLOURS}")
    if everything or len(tree.order) <= MOST_ROWS:
        return [_row(node, tree, colours, chosen) for node in tree.order], 0
    return _folded(tree, colours, chosen)


def _folded(tree: Tree, colours: dict[str, str], chosen: Node | None) -> tuple[list[Row], int]:
    always_shown: set[int] = set()
    at: Node | None = chosen
    while at is not None:
        always_shown.add(id(at))
        at = at.parent
    rows: list[Row] = []
    hidden = 0
    stack: list[Node | Row] = list(reversed(tree.roots))
    while stack:
        item = stack.pop()
        if isinstance(item, Row):
            rows.append(item)
            continue
        if len(rows) >= MOST_ROWS and id(item) not in always_shown:
            hidden += 1 + item.spans_below
            continue
        rows.append(_row(item, tree, colours, chosen))
        below: list[Node | Row] = []
        for group in _groups(item.children):
            visible = _worth_showing(group, always_shown)
            rest = [node for node in group if id(node) not in {id(one) for one in visible}]
            below += visible
            if rest:
                count = sum(1 + node.spans_below for node in rest)
                hidden += count
                below.append(_fold(rest, tree, count))
        stack.extend(reversed(below))
    return rows, hidden


def _groups(children: list[Node]) -> list[list[Node]]:
    """Return children by name and service, ordered by the first of each."""
    groups: dict[tuple[str, str], list[Node]] = {}
    for node in children:
        groups.setdefault((node.span.name, node.span.service), []).append(node)
    return list(groups.values())


def _worth_showing(group: list[Node], always_shown: set[int]) -> list[Node]:
    """Return the failed, the slowest and the selected spans, ordered by start."""
    if len(group) <= _ALIKE_SHOWN:
        return group
    failed = [node for node in group if node.errors_below][:_ALIKE_SHOWN]
    slowest = sorted(group, key=lambda node: -node.duration_ns)[:_ALIKE_SHOWN]
    visible = {id(node): node for node in (*failed, *slowest)}
    visible.update({id(node): node for node in group if id(node) in always_shown})
    return sorted(visible.values(), key=lambda node: node.span.start_ns)


def _row(node: Node, tree: Tree, colours: dict[str, str], chosen: Node | None) -> Row:
    span = node.span
    cost = ""
    if node.calls_below:
        cost = figures.cost(
            node.nano_below,
            calls=node.calls_below,
            unpriced=node.unpriced_below,
            shown=figures.usd_short,
        )
    tone = "bad" if span.failed else colours[span.service]
    return Row(
        span_id=span.span_id,
        name=label(figures.printable(span.name)),
        service=label(figures.printable(span.service)),
        depth=min(node.depth, 24),
        bar=_bar(span.start_ns, span.end_ns, tree, tone, on_path=node.on_path),
        duration=figures.duration(node.duration_ns / 1e6),
        cost=cost,
        tokens=_tokens(span.attributes),
        failed=span.failed,
        errors_below=node.errors_below,
        on_path=node.on_path,
        chosen=node is chosen,
        parent_id=span.parent_span_id if node.parent is not None else "",
        has_children=bool(node.children),
    )


def _tokens(attributes: Mapping[str, object]) -> str:
    """Return the tokens of a model call; empty for other spans."""
    counts = [
        f"{figures.compact(int(count))} {side}"
        for side, name in (
            ("in", "gen_ai.usage.input_tokens"),
            ("out", "gen_ai.usage.output_tokens"),
        )
        if isinstance(count := attributes.get(name), int)
    ]
    return f"{', '.join(counts)} tokens" if counts else ""


def _fold(rest: list[Node], tree: Tree, count: int) -> Row:
    first = rest[0]
    start = min(node.span.start_ns for node in rest)
    end = max(node.span.end_ns for node in rest)
    total = sum(node.duration_ns for node in rest)
    return Row(
        span_id="",
        name=f"{len(rest):,} more of {label(figures.printable(first.span.name))}",
        service=label(figures.printable(first.span.service)),
        depth=min(first.depth, 24),
        bar=_bar(start, end, tree, "rest", on_path=False),
        duration=f"{figures.duration(total / len(rest) / 1e6)} each",
        cost="",
        tokens="",
        failed=False,
        errors_below=sum(node.errors_below for node in rest),
        on_path=False,
        chosen=False,
        parent_id=first.span.parent_span_id,
        has_children=False,
        folded=count,
    )


def _bar(start_ns: int, end_ns: int, tree: Tree, tone: str, *, on_path: bool) -> Markup:
    length = max(1, tree.duration_ns)
    left = 100 * (start_ns - tree.start_ns) / length
    width = max(0.3, 100 * (end_ns - start_ns) / length)
    left = min(left, 99.7)
    parts = [element("rect", class_=tone, x=f"{left:.3f}%", y=4, width=f"{width:.3f}%", height=10)]
    if on_path:
        parts.append(
            element("rect", class_="path", x=f"{left:.3f}%", y=15, width=f"{width:.3f}%", height=2)
        )
    return element("svg", *parts, class_="lane", width="100%", height=18, aria_hidden="true")
