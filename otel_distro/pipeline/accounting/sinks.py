"""Protocols of what receives priced calls and judged spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_budget.latency import LatencyRecord
    from otel_pricing import PricedCall
    from otel_pricing.model.tool_call import ToolCall


class CallSink(Protocol):
    """Something that wants every priced call: the ledger, the metrics, the budgets."""

    def settle(self, new: Sequence[PricedCall], revised: Sequence[PricedCall]) -> None:
        """Take calls that are new, and earlier ones whose billing decision changed."""

    def flush(self) -> None:
        """Finish what was held back; somebody waits for it."""


@runtime_checkable
class Storing(Protocol):
    """A sink that keeps calls beyond the process."""

    def is_durable(self) -> bool:
        """Return whether all calls taken so far would survive a kill."""
        ...


@runtime_checkable
class ToolSink(Protocol):
    """A sink that stores executions of tools as well."""

    def executed(self, tools: Sequence[ToolCall]) -> None:
        """Take tools that have run."""
        ...


class VerdictSink(Protocol):
    """Something that wants to hear how spans stand against their latency budgets."""

    def judged(self, records: Sequence[LatencyRecord]) -> None:
        """Take verdicts on spans that ended."""
