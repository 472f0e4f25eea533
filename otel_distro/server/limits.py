"""What one request may hold, and how much may wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MEGABYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """Bounds on what senders can make this process do."""

    body_bytes: int = 16 * MEGABYTE
    """A request body as it is sent; larger ones get 413."""
    message_bytes: int = 64 * MEGABYTE
    """A body after decompression."""
    waiting_bytes: int = 64 * MEGABYTE
    """Bodies that wait to be stored; when there are more, senders are asked to come back later."""
    waiting_requests: int = 4_096
    body_seconds: float = 30.0
    """Time for a body to arrive."""
    head_seconds: float = 10.0
    """Time for the head of a request to arrive, and the longest rest between two requests."""
    connections: int = 512
    attributes: int = 1_000
    """Attributes of one span, event, link, log record or point; the rest is dropped and counted."""
    events: int = 1_000
    """Events, and links, of one span."""
    nesting: int = 32
    """Levels of arrays and maps in one value; deeper ones are cut off."""
    json_nesting: int = 100
    """Levels of objects and lists in a JSON body."""


DEFAULT_LIMITS: Final = ReceiverLimits()
