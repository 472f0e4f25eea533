"""Secrets split over consecutive list items, as streamed answers split them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from otel_redaction.match import mask
from otel_redaction.words import words

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from otel_redaction.match import Match
    from otel_redaction.redactor import Redactor

_ACROSS = words(
    "email card iban jwt api_key private_key us_ssn phone password token secret ip_address"
)
_LONGEST = 262_144


def across_items(
    items: list[str], redactor: Redactor, tally: MutableMapping[str, int] | None
) -> list[str]:
    """Return *items* with each match that spans several of them masked in the first.

    A match counts only if no item holds a complete one at the seam: in
    `["bob@example.com", "next"]` the address ends where its item does.
    """
    joined = "".join(items)
    if len(joined) > _LONGEST:
        return items
    starts = [0]
    for item in items:
        starts.append(starts[-1] + len(item))
    spanning = [
        match
        for match in redactor.find(joined)
        if match.kind in _ACROSS and not _within_one(match.start, match.end, starts)
    ]
    if not spanning:
        return items
    items = list(items)
    for match in reversed(spanning):
        touched = [
            index
            for index in range(len(items))
            if starts[index] < match.end and starts[index + 1] > match.start
        ]
        if any(_holds_part(items[index], starts[index], match, redactor) for index in touched):
            continue
        for index in reversed(touched):
            first = max(match.start - starts[index], 0)
            last = match.end - starts[index]
            marker = mask(match.kind) if index == touched[0] else ""
            items[index] = items[index][:first] + marker + items[index][last:]
        if tally is not None:
            tally[match.kind] = tally.get(match.kind, 0) + 1
    return items


def _within_one(start: int, end: int, starts: list[int]) -> bool:
    return any(first <= start and end <= last for first, last in pairwise(starts))


def _holds_part(item: str, offset: int, spanning: Match, redactor: Redactor) -> bool:
    """Return whether a match of *item* itself, which starts at *offset*, overlaps *spanning*."""
    return any(
        offset + match.start < spanning.end and offset + match.end > spanning.start
        for match in redactor.find(item)
    )
