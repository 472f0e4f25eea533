"""Form of capitalised words in names."""

from __future__ import annotations

UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u017d\u0386-\u03ab\u0401-\u042f\u0490\u0531-\u0556"
WORD = rf"[{UPPER}]\w*(?:['\u2019-][{UPPER}]\w*)*"
_NOT_BEFORE = frozenset("@/\\.$#=&*_<\x00-")
SHORTEST_SINGLE = 4
SHORTEST_GIVEN = 3


def is_inside(text: str, start: int) -> bool:
    """Return whether the text from *start* is part of a word, a path or an identifier."""
    lead = text[start - 1 : start]
    return bool(lead) and (lead.isalnum() or lead in _NOT_BEFORE)
