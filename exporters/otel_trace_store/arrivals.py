"""Input and result of a write to the trace store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans


@dataclass(frozen=True, slots=True)
class SpanCost:
    """Cost of one model call."""

    trace_id: bytes
    span_id: bytes
    nano_usd: int | None
    """Nano-USD; None if the price is unknown."""
    billed: bool
    """False if another span carries the cost of the same call."""
    revised: bool = False
    """Whether it replaces a stored decision; otherwise the stored one is kept."""
    tokens: int | None = None
    """Input and output tokens together; None if both are unknown."""


@dataclass(slots=True)
class Arrivals:
    """Data written in one transaction."""

    spans: list[ResourceSpans] = field(default_factory=list)
    logs: list[ResourceLogs] = field(default_factory=list)
    metrics: list[ResourceMetrics] = field(default_factory=list)
    costs: list[SpanCost] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Written:
    """Counts of new records; duplicates are ignored."""

    spans: int = 0
    log_records: int = 0
    points: int = 0
