"""Which book a call is written in; a value of its own, so that settings need no database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Book:
    """Which book: the spending of one scope value under one budget in one window."""

    budget: str
    scope: str
    since_ns: int
    """Entries from here on count."""
    start_ns: int
    """The entry that is written to."""
    limit: int
    """In the budget's unit: nano-USD, tokens or calls."""
    thresholds: tuple[int, ...] = (50, 80, 95, 100)
