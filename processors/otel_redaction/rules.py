"""User-defined rules: a kind and its regular expression."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

_LONGEST_PATTERN = 1000
_PROBE_CHARACTERS = ("a", "A", "0", " ", "-", "a0", "a ", "0.", "a@", "ab-", "_1")
_SLOWEST_PROBE_SECONDS = 0.02
_PROBE_LENGTHS = (12, 16, 20, 24, 200, 2000)


class RuleError(ValueError):
    """An invalid rule, with the reason."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One custom kind."""

    kind: str
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, kind: str, pattern: str) -> Rule:
        """Compile *pattern*; raises RuleError if it is invalid, matches "", or can stall."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{1,30}", kind):
            raise RuleError(f"kind {kind!r} must be 2 to 31 lower-case letters, digits or _")
        if len(pattern) > _LONGEST_PATTERN:
            raise RuleError(f"pattern is longer than {_LONGEST_PATTERN} characters")
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise RuleError(f"pattern is not a regular expression: {error}") from error
        if compiled.search("") is not None:
            raise RuleError("pattern matches the empty string, so it would match everywhere")
        slow = _slow_probe(compiled)
        if slow is not None:
            raise RuleError(f"pattern takes too long on text like {slow!r}; avoid nested repeats")
        return cls(kind, compiled)


def _slow_probe(pattern: re.Pattern[str]) -> str | None:
    """Return a text on which *pattern* backtracks badly, or None.

    A trial is more reliable than an analysis of the pattern: exponential backtracking shows at
    twenty characters.
    """
    pieces = (*_PROBE_CHARACTERS, *_literal_pieces(pattern.pattern))
    for piece in pieces:
        for length in _PROBE_LENGTHS:
            probe = (piece * length)[:length] + "\x01"
            began = time.perf_counter()
            pattern.search(probe)
            if time.perf_counter() - began > _SLOWEST_PROBE_SECONDS:
                # Try again: another process may have used the CPU.
                began = time.perf_counter()
                pattern.search(probe)
                if time.perf_counter() - began > _SLOWEST_PROBE_SECONDS:
                    return piece
    return None


def _literal_pieces(pattern: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9@:/#=-]{1,8}", pattern)[:12]
