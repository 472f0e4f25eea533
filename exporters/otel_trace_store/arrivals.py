"""What is written to a trace store, and how much of it was new."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans


@dataclass(frozen=True, slots=True)
class SpanCost:
    """What one model call cost."""

    trace_id: bytes
    span_id: bytes
    nano_usd: int | None
    """Nano-US-dollars; None where the price is unknown."""
    billed: bool
    """False where another span carries the cost of the same call."""
    revised: bool = False
    """Whether it takes the place of an earlier decision; else one that is stored stays."""
    tokens: int | None = None
    """Input and output tokens together; None where neither is known."""


@dataclass(slots=True)
class Arrivals:
    """What is written together."""

    spans: list[ResourceSpans] = field(default_factory=list)
    logs: list[ResourceLogs] = field(default_factory=list)
    metrics: list[ResourceMetrics] = field(default_factory=list)
    costs: list[SpanCost] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Written:
    """How much was new; what the store had already is left as it is."""

    spans: int = 0
    log_records: int = 0
    points: int = 0
