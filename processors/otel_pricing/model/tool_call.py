"""One execution of a tool, by the program or by the provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EXECUTED: Final = "span"
"""The program ran the tool, and a span describes it."""
BY_PROVIDER: Final = "provider"
"""The provider ran the tool while it answered, and its usage report counts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool that ran once."""

    tool: str
    """Its name; empty where the span has none."""
    trace_id: int
    span_id: int
    start_ns: int
    """Nanoseconds since the Unix epoch."""
    place: int = 0
    """Distinguishes several executions that one span reports."""
    duration_ns: int | None = None
    """None where only the model call around it was timed."""
    service: str = ""
    agent: str = ""
    source: str = EXECUTED
    """`EXECUTED` or `BY_PROVIDER`."""
    error_type: str = ""
    """Class of the error; empty where it succeeded, or failed without saying why."""
    failed: bool = False
