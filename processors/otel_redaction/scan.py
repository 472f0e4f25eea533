"""A text prepared for searching: the text, its ASCII bytes and its class maps.

The maps are what makes the standard library fast enough. `bytes.translate` runs
at about 1 GB/s and replaces each byte by its class; after that one `find` or one
regular expression with a literal start answers "is there a run of digits here"
without looking at each character from Python. Every map has one byte for each
character of the text, so offsets are the same everywhere.
"""

from __future__ import annotations

import re
import time

from otel_redaction.match import MASK, PSEUDONYM, Match


class DeadlineExceeded(Exception):  # noqa: N818 - named for what happened, like TimeoutError's kin
    """Redaction of one record took longer than the policy allows; its content must be dropped."""


def _class_map(default: bytes, **classes: str) -> bytes:
    """Return a translation table: each byte's class letter, *default* for all others."""
    table = bytearray(default * 256)
    for members in classes.values():
        letter, characters = members[0], members[1:]
        for character in characters:
            table[ord(character)] = ord(letter)
    return bytes(table)


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"

SHAPE = _class_map(b" ", letters="a" + _LETTERS, digits="0" + _DIGITS)
NUMBERS = _class_map(b" ", digits="0" + _DIGITS, separators="- -.()/+")
TOKENS = _class_map(b" ", tokens="a" + _LETTERS + _DIGITS + "_-")
HEX = _class_map(b" ", hexadecimal="h" + _DIGITS + "abcdefABCDEF", colon="::", dash="--", dot="..")

_ESCAPES = ("\\n", "\\r", "\\t", '\\"')


class Scan:
    """One text on its way through the detectors, which append what they find to `matches`.

    `text` has the same length as the original; escape sequences and the markers
    of an earlier redaction are blanked in it, so that `\\nbob@example.com` inside
    a JSON string begins at `b` and a marker never counts as context.
    """

    __slots__ = ("data", "deadline", "lower", "matches", "text")

    def __init__(self, text: str, deadline: float | None = None) -> None:
        if "\\" in text:
            for escape in _ESCAPES:
                if escape in text:
                    text = text.replace(escape, " " + ('"' if escape == '\\"' else " "))
        if "[" in text:
            text = MASK.sub(_blank, text)
        if "_" in text and _PSEUDONYM_TAIL.search(text) is not None:
            text = PSEUDONYM.sub(_blank, text)
        self.text = text
        # One byte for each character: what is not ASCII becomes "?", which no
        # detector anchors on.
        self.data = text.encode("ascii", "replace")
        self.lower = self.data.lower()
        self.matches: list[Match] = []
        self.deadline = deadline

    def add(self, start: int, end: int, kind: str) -> None:
        """Record that *start* to *end* is a *kind*."""
        self.matches.append(Match(start, end, kind))

    def check_deadline(self) -> None:
        """Raise DeadlineExceeded when the record's time is up."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineExceeded("redaction passed its deadline; drop this record's content")


_PSEUDONYM_TAIL = re.compile(r"_[0-9a-f]{24}(?![0-9a-f])")


def _blank(match: re.Match[str]) -> str:
    return "\x00" * (match.end() - match.start())
