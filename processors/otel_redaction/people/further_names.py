"""Further names in a text, derived from found ones: their parts, and other items of their lists."""

from __future__ import annotations

from bisect import bisect_right

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import Match
from otel_redaction.people.name_form import SHORTEST_GIVEN, SHORTEST_SINGLE, UPPER, WORD, is_inside
from otel_redaction.people.vocabulary import NOT_NAMES, folded, words_too

_SINGLE = lazy_pattern(rf"{WORD}(?![\w@/\\(\[{{=-]| [{UPPER}])")
_JOINED = lazy_pattern(r"(?:, ?(?:and |und |y |et |e )?| and | & | und | y | et )")
_ENDS_LIST = lazy_pattern(rf"({WORD})(?:, ?(?:and )?| and | & | und | y | et )\Z")
_REACH_OF_LIST = 32
_MOST_PARTS = 32
_MOST_PLACES = 500


def repeated_parts(text: str, found: list[Match]) -> list[Match]:
    """Return separate occurrences of a part of a full name: `Ana Holinka ... starring Holinka`."""
    parts: set[str] = set()
    for match in found:
        words_of_name = text[match.start : match.end].split()
        if len(words_of_name) > 1 and len(parts) < _MOST_PARTS:
            parts.update(word for word in words_of_name if _is_separate(word))
    ordered = sorted(found)
    starts = [match.start for match in ordered]
    more: list[Match] = []
    for part in parts:
        position = text.find(part)
        while position >= 0 and len(more) < _MOST_PLACES:
            end = position + len(part)
            before = bisect_right(starts, position) - 1
            inside = before >= 0 and position < ordered[before].end
            whole = not is_inside(text, position) and not text[end : end + 1].isalnum()
            if whole and not inside:
                more.append(Match(position, end, "person"))
            position = text.find(part, end)
    return more


def _is_separate(word: str) -> bool:
    low = folded(word)
    return (
        len(word) >= SHORTEST_SINGLE
        and word[:1].isupper()
        and word.isalpha()
        and low not in NOT_NAMES
        and low not in words_too()
    )


def listed_beside(text: str, found: list[Match]) -> list[Match]:
    """Return the unknown names in a list of persons: `Gaetane, Hannah and Tom`."""
    starts = {match.start for match in found}
    ends = {match.end for match in found}
    more: list[Match] = []
    waiting = list(found)
    while waiting:
        match = waiting.pop()
        joined = _JOINED.match(text, match.end)
        after = _SINGLE.match(text, joined.end()) if joined else None
        lead = text[max(0, match.start - _REACH_OF_LIST) : match.start]
        before = _ENDS_LIST.search(lead) if lead[-1:] == " " else None
        offset = match.start - len(lead)
        for start, end in (
            after.span() if after else (0, 0),
            (before.start(1) + offset, before.end(1) + offset) if before else (0, 0),
        ):
            if end - start < SHORTEST_GIVEN or start in starts or end in ends:
                continue
            word = text[start:end]
            if is_inside(text, start) or word.isupper() or folded(word) in NOT_NAMES:
                continue
            starts.add(start)
            ends.add(end)
            more.append(Match(start, end, "person"))
            waiting.append(more[-1])
    return more
