"""The model calls of one trace as a tree, with the billed ones and the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_distro.base.formatting import usd
from otel_pricing.model.layers import CLIENT, GATEWAY, WIRE, layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_cost_ledger.query.calls import StoredCall


_EVIDENCE = {
    WIRE: "request and response, as they were sent",
    CLIENT: "span of a client library",
    GATEWAY: "span of a gateway",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One span of a model call and the model calls inside it."""

    stored: StoredCall
    children: tuple[Node, ...]

    @property
    def verdict(self) -> str:
        """Whether this span is the one that is billed."""
        return "billed" if self.stored.priced.billed else "not billed"

    @property
    def cost(self) -> str:
        """Cost of this span alone, formatted."""
        priced = self.stored.priced
        return f"({usd(priced.cost_nano_usd)})" if not priced.billed else usd(priced.cost_nano_usd)

    @property
    def evidence(self) -> str:
        """Source of the call in the ledger."""
        return _EVIDENCE.get(layer(self.stored.priced.call.scope), "span of a framework")

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons for billing, the source of the price, missing parts of it."""
        priced = self.stored.priced
        candidates = (priced.billing_reason, priced.price_source, priced.reason)
        return tuple(reason for reason in candidates if reason)


def tree(calls: Sequence[StoredCall]) -> tuple[Node, ...]:
    """Return the roots: calls whose parent is no model call of this trace, in order of time."""
    by_parent: dict[int | None, list[StoredCall]] = {}
    known = {stored.priced.call.span_id for stored in calls}
    for stored in calls:
        parent = stored.priced.call.parent_span_id
        inside = parent in known and parent != stored.priced.call.span_id
        by_parent.setdefault(parent if inside else None, []).append(stored)

    def nodes(parent: int | None, seen: frozenset[int]) -> tuple[Node, ...]:
        # A forged trace may have a cycle, which must not cause an endless loop.
        return tuple(
            Node(stored, nodes(span_id, seen | {span_id}))
            for stored in by_parent.get(parent, ())
            if (span_id := stored.priced.call.span_id) not in seen
        )

    return nodes(None, frozenset())
