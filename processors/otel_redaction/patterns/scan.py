"""A text prepared for searching: the text, its ASCII bytes and its class map.

The map makes the standard library fast enough. `bytes.translate` replaces each byte by its class at
about 1 GB/s. After that one `find`, or one regular expression with a literal start, finds runs of
digits without a Python loop over the characters. Text, bytes and map have one position for each
character, so offsets are the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, AnyStr

from otel_redaction.patterns.cues import Cue, find_cues
from otel_redaction.patterns.deadline import Deadline, check_deadline
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import MASK, PSEUDONYM, Match

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator


def class_map(default: bytes, **classes: str) -> bytes:
    """Return a translation table: the class letter for each of its members, else *default*.

    Each class is written as its letter followed by its members.
    """
    table = bytearray(default * 256)
    for members in classes.values():
        for character in members[1:]:
            table[ord(character)] = ord(members[0])
    return bytes(table)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
WORD_LETTERS = {letter: letter * 2 for letter in LETTERS[26:] + "?"}
"""Classes that keep each lower-case letter, and `?`, which represents any letter outside ASCII."""

SHAPE = class_map(b" ", letters="a" + LETTERS, digits="0" + DIGITS, separators="- -.()/+")
"""Letters, digits and separators of digit groups."""

TOKENS = class_map(b" ", tokens="a" + LETTERS + DIGITS + "_-")
"""Characters of keys, tokens and identifiers."""
TOKEN_RUN = b"a" * 16
"""Minimum length of a key."""

_ESCAPED_SPACE = lazy_pattern(r"\\[nrt]")
_PSEUDONYM_TAIL = lazy_pattern(r"_[0-9a-f]{24}(?![0-9a-f])")


# Terminal escape sequences, raw and as written in logs and JSON.
_COLOUR = lazy_pattern(r"(?:\x1b|\\u001[bB]|\\x1[bB]|\\033|\\e|\^\[)\[[0-9;]{0,16}[A-Za-z]")


# Anchored on the bracket: a search for one character is several times as fast as for two.
_COLOUR_BRACKET = lazy_pattern(
    r"\[(?:(?<=\x1b\[)|(?<=1[bB]\[)|(?<=\\033\[)|(?<=\\e\[)|(?<=\^\[\[))"
)


def _spaces(found: re.Match[str]) -> str:
    return " " * (found.end() - found.start())


def flattened(text: str) -> str:
    """Return *text* at the same length with escape sequences and earlier markers blanked.

    Then an address after an escaped line break begins at its first letter, and a marker never
    counts as context.
    """
    bracket = "[" in text
    if bracket and _COLOUR_BRACKET.search(text) is not None:
        text = _COLOUR.sub(_spaces, text)
    if "\\" in text:
        text = _ESCAPED_SPACE.sub("  ", text).replace('\\"', '" ')
    if bracket:
        text = MASK.sub(_blank, text)
    if "_" in text and _PSEUDONYM_TAIL.search(text) is not None:
        text = PSEUDONYM.sub(_blank, text)
    return text


class Scan:
    """One flattened text for the detectors, which add their matches."""

    __slots__ = ("cues", "data", "deadline", "last_words", "lower", "matches", "shape", "text")

    def __init__(self, text: str, deadline: Deadline | None = None) -> None:
        self.text = text
        # One byte for each character: any outside ASCII becomes "?", which no
        # detector anchors on.
        self.data = text.encode("ascii", "replace")
        self.lower = self.data.lower()
        self.cues: dict[Cue, list[int]] = find_cues(self.lower)
        self.shape = self.data.translate(SHAPE)
        self.matches: list[Match] = []
        self.deadline = deadline
        self.last_words: tuple[int, list[bytes]] = (-1, [])
        """The words before the last requested position."""

    def add(self, start: int, end: int, kind: str) -> None:
        """Record that *start* to *end* is a *kind*; a blanked marker is nothing."""
        text = self.text
        if text[start : start + 1] != "\x00" or text[start:end].strip("\x00"):
            self.matches.append(Match(start, end, kind))

    def check_deadline(self) -> None:
        """Raise DeadlineExceeded after the record's deadline."""
        check_deadline(self.deadline)


def _blank(match: re.Match[str]) -> str:
    return "\x00" * (match.end() - match.start())


def places(text: AnyStr, part: AnyStr) -> Iterator[int]:
    """Yield the positions of *part* in *text*."""
    position = text.find(part)
    while position >= 0:
        yield position
        position = text.find(part, position + len(part))


_FEW = 64
_SHARE_OF_FEW = 64


def rare_places(text: str, data: bytes) -> list[int] | None:
    """Return the positions of the characters of *text* outside ASCII; None if they are many.

    *data* is the text with `?` in their place. One curly quotation mark would otherwise cost a
    search for classes of characters over the whole text.
    """
    if data.count(b"?") > max(_FEW, len(data) // _SHARE_OF_FEW):
        return None
    return [place for place in places(data, b"?") if text[place] > "\x7f"]


def add_found(
    scan: Scan, beginning: re.Pattern[bytes], form: re.Pattern[str], kind: str, lead: int = 0
) -> None:
    """Add every match of *form* that begins *lead* characters before one of *beginning*.

    An expression that begins with a rare letter takes half the time of a search for a short word.
    """
    for anchor in beginning.finditer(scan.data):
        found = form.match(scan.text, anchor.start() - lead)
        if found is not None:
            scan.add(*found.span(), kind)


def add_at(
    scan: Scan, data: bytes, beginning: bytes, form: re.Pattern[str], kind: str, group: int = 0
) -> None:
    """Add every match of *form* that begins at an occurrence of *beginning* in *data*."""
    for place in places(data, beginning):
        found = form.match(scan.text, place)
        if found is not None:
            scan.add(*found.span(group), kind)
