"""Rescan of the text around markers: a marker may uncover another match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.fast_path import is_words_only
from otel_redaction.patterns.match import mask

if TYPE_CHECKING:
    from otel_redaction.patterns.match import Match

_REACH = 72
"""Maximum distance of a match's context in all detectors."""


def around(text: str, matches: list[Match]) -> str:
    """Return the text around *matches*, with blanked markers, where another search is worthwhile.

    In `a@example.org+14155550132` the number is only found once the address is removed. A second
    search of the short context finds it; a context of words only needs no search.
    """
    return "\x00\n".join(piece for piece in _pieces(text, matches) if not is_words_only(piece))


def _pieces(text: str, matches: list[Match]) -> list[str]:
    """Return the context of each match, or of several close together."""
    if not matches:
        return []
    pieces = []
    piece = text[max(0, matches[0].start - _REACH) : matches[0].start]
    for match, following in zip(matches, [*matches[1:], None], strict=True):
        piece += "\x00" * len(mask(match.kind))  # as in `flattened`
        if following is not None and following.start - match.end <= 2 * _REACH:
            piece += text[match.end : following.start]
            continue
        pieces.append(piece + text[match.end : match.end + _REACH])
        if following is not None:
            piece = text[following.start - _REACH : following.start]
    return pieces
