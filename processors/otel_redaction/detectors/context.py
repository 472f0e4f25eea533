"""The words around a candidate, which decide about numbers that look like many things."""

from __future__ import annotations

BEFORE = 56
AFTER = 20


def before(text: str, start: int, width: int = BEFORE) -> str:
    """Return the lower-case text that leads up to *start*."""
    return text[max(0, start - width) : start].lower()


def after(text: str, end: int, width: int = AFTER) -> str:
    """Return the lower-case text that follows *end*."""
    return text[end : end + width].lower()
