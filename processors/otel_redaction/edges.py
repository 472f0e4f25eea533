"""What is left around the markers: whether hiding one match may have uncovered another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.match import mask

if TYPE_CHECKING:
    from otel_redaction.match import Match

_REACH = 72
"""No detector looks further than this from a match for its context."""
_CUT = " \x00 "


def around(text: str, matches: list[Match]) -> str:
    """Return *text* with its matches hidden and what is far from all of them cut out.

    In `a@example.org+14155550132` the number only becomes one when the address
    is gone. Searching this again, short as it is, tells whether that happened.
    """
    parts = []
    position = 0
    for match in matches:
        parts += [_shortened(text[position : match.start]), mask(match.kind)]
        position = match.end
    parts.append(_shortened(text[position : position + _REACH]))
    return "".join(parts)


def _shortened(gap: str) -> str:
    return gap if len(gap) <= 2 * _REACH else gap[:_REACH] + _CUT + gap[-_REACH:]
