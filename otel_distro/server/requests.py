"""Requests between receiver and store, and their outcome."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a request."""

    status: int
    """An HTTP status: 200, 4xx for a permanent failure, 503 for a retryable one."""
    reason: str = ""
    rejected: int = 0
    """Rejected records of an accepted request."""


@dataclass(slots=True)
class Job:
    """A queued request."""

    signal: str
    body: bytes
    content_type: str
    encoding: str
    outcome: Future[Outcome] = field(default_factory=Future)


@dataclass(slots=True)
class PreparedRequest:
    """A request that is decoded, redacted and priced."""

    job: Job
    message: Any
    has_calls: bool = False
    """Whether it has model or tool calls, which the ledger has to have before the response."""
    rejected: int = 0
    reason: str = ""
