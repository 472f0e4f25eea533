"""Text around markers: whether hiding one match may have uncovered another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.fast_path import is_words_only
from otel_redaction.patterns.match import mask

if TYPE_CHECKING:
    from otel_redaction.patterns.match import Match

_REACH = 72
"""No detector looks further than this from a match for its context."""


def around(text: str, matches: list[Match]) -> str:
    """Return the text around *matches*, markers blanked, where a search is worthwhile.

    In `a@example.org+14155550132` the number only becomes one when the address
    is gone. A second search of the short surroundings shows whether
    that happened; those that are words only need no search.
    """
    return "\x00\n".join(piece for piece in _pieces(text, matches) if not is_words_only(piece))


def _pieces(text: str, matches: list[Match]) -> list[str]:
    """Return the surroundings of each match, or of several close together."""
    if not matches:
        return []
    pieces = []
    piece = text[max(0, matches[0].start - _REACH) : matches[0].start]
    for match, following in zip(matches, [*matches[1:], None], strict=True):
        piece += "\x00" * len(mask(match.kind))  # as `flattened` leaves it
        if following is not None and following.start - match.end <= 2 * _REACH:
            piece += text[match.end : following.start]
            continue
        pieces.append(piece + text[match.end : match.end + _REACH])
        if following is not None:
            piece = text[following.start - _REACH : following.start]
    return pieces
