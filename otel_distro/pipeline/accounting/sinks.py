"""Protocols of the receivers of priced calls and latency verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.latency import LatencyRecord
    from otel_pricing import PricedCall
    from otel_pricing.model.tool_call import ToolCall


class CallSink(Protocol):
    """Receives every priced call: the ledger, the metrics, the budgets."""

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Take new calls, and earlier ones whose billing decision changed."""

    def flush(self) -> None:
        """Process deferred calls now, for a flush."""


@runtime_checkable
class Storing(Protocol):
    """A sink that stores calls durably."""

    def is_durable(self) -> bool:
        """Return whether all calls taken so far are stored."""
        ...

    def save(self) -> bool:
        """Save calls that are not stored yet; return whether all would survive a kill."""
        ...


@runtime_checkable
class ToolSink(Protocol):
    """A sink that also stores executions of tools."""

    def executed(self, tools: Sequence[ToolCall]) -> None:
        """Take tools that have run."""
        ...


class VerdictSink(Protocol):
    """Receives the latency verdicts on spans."""

    def judged(self, records: Sequence[LatencyRecord]) -> None:
        """Take verdicts on ended spans."""
