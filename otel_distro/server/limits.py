"""Limits of requests and of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MEGABYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """Limits on the resources that senders can use."""

    body_bytes: int = 16 * MEGABYTE
    """A request body as sent; larger ones get 413."""
    message_bytes: int = 64 * MEGABYTE
    """A body after decompression."""
    waiting_bytes: int = 64 * MEGABYTE
    """Queued bodies; beyond it senders are asked to retry later."""
    waiting_requests: int = 4_096
    body_seconds: float = 30.0
    """Time for a body to arrive."""
    head_seconds: float = 10.0
    """Time for the head of a request to arrive, and the longest idle time between two requests."""
    connections: int = 512
    attributes: int = 1_000
    """Attributes of one span, event, link, log record or point; excess ones are dropped and
    counted."""
    events: int = 1_000
    """Events, and links, of one span."""
    nesting: int = 32
    """Nesting levels of arrays and maps in one value; deeper ones are cut off."""
    json_nesting: int = 100
    """Nesting levels of objects and lists in a JSON body."""


DEFAULT_LIMITS: Final = ReceiverLimits()
