"""One execution of a tool, by the program or by the provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EXECUTED: Final = "span"
"""The program ran the tool, and a span describes it."""
BY_PROVIDER: Final = "provider"
"""The provider ran the tool during the call, and its usage report counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One execution of a tool."""

    tool: str
    """Its name; empty if the span has none."""
    trace_id: int
    span_id: int
    start_ns: int
    """Nanoseconds since the Unix epoch."""
    place: int = 0
    """Distinguishes several executions in one span."""
    duration_ns: int | None = None
    """None if only the surrounding model call was timed."""
    service: str = ""
    agent: str = ""
    source: str = EXECUTED
    """`EXECUTED` or `BY_PROVIDER`."""
    error_type: str = ""
    """Class of the error; empty for a success or an unspecified error."""
    failed: bool = False
