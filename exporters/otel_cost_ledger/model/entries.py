"""Entries for the writer, and their form as lines of the spill file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from otel_cost_ledger.model.histogram import MAX_LATENCY_US
from otel_cost_ledger.model.rows import DimKey, OriginKey, OutcomeKey, Row

LINE_VERSION = 1

Kind = Literal["insert", "revise", "violation", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyViolation:
    """One span that took longer than the latency budget of its operation."""

    operation: str
    """Span name or pattern of the budget."""
    budget_ms: float
    actual_ms: float
    at_ns: int
    """End of the span in nanoseconds since the Unix epoch."""
    trace_id: int
    span_id: int

    @property
    def overage_ms(self) -> float:
        """Excess of the latency over the budget."""
        return self.actual_ms - self.budget_ms


class ViolationRow(NamedTuple):
    """A latency violation as stored."""

    at_ns: int
    span_id: int
    operation: str
    trace_id: bytes
    budget_us: int
    actual_us: int


class ToolKey(NamedTuple):
    """Tool, caller and result of an execution."""

    service: str
    tool: str
    agent: str
    source: str
    error_type: str
    failed: int


class ToolRow(NamedTuple):
    """One execution of a tool as stored; the key is interned on write."""

    start_ns: int
    span_id: int
    place: int
    trace_id: bytes
    tool: ToolKey
    duration_us: int | None


_TRACE_ID: Final[dict[str, int]] = {
    "insert": Row._fields.index("trace_id"),
    "revise": Row._fields.index("trace_id"),
    "violation": ViolationRow._fields.index("trace_id"),
    "tool": ToolRow._fields.index("trace_id"),
}


class Entry(NamedTuple):
    """One idempotent change of the ledger."""

    kind: Kind
    row: Row | ViolationRow | ToolRow


def microseconds(milliseconds: float) -> int:
    """Return whole microseconds within the bounds of the ledger; 0 for NaN."""
    if not milliseconds > 0:
        return 0
    return int(min(milliseconds * 1000, MAX_LATENCY_US))


def to_line(entry: Entry) -> str:
    """Return *entry* as one line of JSON."""
    values = [*entry.row]
    values[_TRACE_ID[entry.kind]] = entry.row.trace_id.hex()
    return json.dumps([LINE_VERSION, entry.kind, values], separators=(",", ":")) + "\n"


def from_line(line: str) -> Entry:
    """Return the entry that `to_line` wrote; raises ValueError for anything else."""
    try:
        version, kind, values = json.loads(line)
        if version != LINE_VERSION:
            raise ValueError(f"expected line version {LINE_VERSION}, got {version!r}")
        return Entry(kind, _row(kind, values))
    except (TypeError, ValueError, LookupError, RecursionError) as error:
        raise ValueError(f"not a spilled entry: {error}") from error


def _row(kind: str, values: list[Any]) -> Row | ViolationRow | ToolRow:
    if kind not in _TRACE_ID:
        raise ValueError(f"unknown kind {kind!r}")
    values[_TRACE_ID[kind]] = bytes.fromhex(values[_TRACE_ID[kind]])
    if kind == "violation":
        return ViolationRow(*values)
    if kind == "tool":
        tool = ToolRow(*values)
        return tool._replace(tool=ToolKey(*tool.tool))
    row = Row(*values)
    return row._replace(
        dim=DimKey(*row.dim), origin=OriginKey(*row.origin), outcome=OutcomeKey(*row.outcome)
    )
