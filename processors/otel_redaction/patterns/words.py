"""Word lists, written as plain text."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Return the set of the words in *text*."""
    return frozenset(text.split())
