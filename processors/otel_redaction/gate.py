"""The `[fast]` gate: one native pass that says when a text holds nothing to look at.

google-re2 matches all patterns below in one pass at several hundred MB/s, but
it cannot say where they match. So it only ever rejects: each pattern admits at
least what the detector beside it begins with, and a text that none admits has
no match. Without google-re2 installed everything works the same, only slower.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STEM = r"(?:pass|pwd|secret|token|key|auth|cred|cookie)"
_NAME = rf"{_STEM}[\w.-]*[\"'`\])\\]*[ \t]*"
_OPENS = "ation|ity|login|time|otp|fa|factor|access|recovery|reset|sign|pass|password"
_PATTERNS = (
    r"[^\s@]@[\w\[]",  # emails
    r"(?:[0-9][-.()/+ ]*){6}",  # numbers
    r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]",
    r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11}",  # ibans
    r"(?i)pan[^a-z]",
    r":[0-9A-Fa-f]{0,4}:",  # network addresses
    r"-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-",
    r"\.[0-9A-Fa-f]{4}\.",
    r"[A-Za-z0-9_-]{16}",  # tokens
    r"-----BEGIN",  # credentials
    r"://",
    r"(?i)bearer[\s:]",
    r"(?i)basic\s",
    r"(?i)curl ",
    r"(?i)webhook|hooks\.slack",
    r"(?i)(?:cvv|cvc|otp|pin)2?(?: code| number)?[\"']?\s*(?:is|was|:|=|#)?\s*[0-9]{3}",
    rf"(?i)(?:{_OPENS})[ _-]?code[\"']?\s*(?:is|was|:|=|#)?\s*[\"']?[0-9]{{3}}",
    r"(?i)mysql|redis-cli|pass -p",
    r"(?i)birth|born|dob",  # births
    # assignments: a joined value, a flag, a name in capitals, and "password x"
    rf"(?i){_NAME}(?:[A-Za-z][\w.]*[ \t]+)?(?:[:=]|[?.+|-][=>])",
    rf"(?i){_NAME}(?:>|,[ \t]*[\"'`]|(?:is|was|value|content)[ \t:=])",
    rf"(?i)--[\w-]*{_STEM}",
    r"[A-Z0-9_.-]*(?:PASS|PWD|SECRET|TOKEN|KEY|AUTH|CRED|COOKIE)[A-Z0-9_-]*[ \t]",
    r"(?i)(?:password|passwd|pwd|passphrase)[ \t]",
)


_BLOCK = 4096
_CHUNK = 1024
_OVERLAP = 256
"""More than any detector looks back, and more than any pattern above needs to match."""
_LONGEST = 2560
"""More than what one detector takes from its anchor on, without a second anchor in it."""


def regions(text: str) -> list[tuple[int, int]]:
    """Return the parts of *text* that have to be searched: without google-re2, all of it."""
    may_match = _gate()
    if may_match is None or not text.isascii():
        return [(0, len(text))]
    data = text.encode("ascii")
    found: list[tuple[int, int]] = []
    for chunk in _chunks(data, may_match):
        start = max(0, chunk - _OVERLAP)
        end = min(len(data), chunk + _CHUNK + _LONGEST)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((_word_start(text, start), end))
    return found


def _chunks(data: bytes, may_match: Callable[[bytes], bool]) -> Iterator[int]:
    """Yield where each chunk begins in which a pattern may begin to match.

    Most blocks hold nothing, and a large one costs less than its chunks. Only
    in one that holds something, after one that does not, is it worth knowing
    where: one after another, they are searched as a whole.
    """
    holds = True
    for block in range(0, len(data), _BLOCK):
        held, holds = holds, may_match(data[block : block + _BLOCK + _OVERLAP])
        if holds:
            for chunk in range(block, min(block + _BLOCK, len(data)), _CHUNK):
                if held or may_match(data[chunk : chunk + _CHUNK + _OVERLAP]):
                    yield chunk


def _word_start(text: str, position: int) -> int:
    """Return where the word around *position* starts, so that no region begins inside one."""
    while position and not text[position - 1].isspace():
        position -= 1
    return position


@lru_cache(maxsize=1)
def _gate() -> Callable[[bytes], bool] | None:
    """Return what tells whether an ASCII text may hold a match, or None without google-re2."""
    try:
        re2 = import_module("re2")
    except ImportError:
        return None
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    patterns = re2.Set.SearchSet(options)
    for pattern in _PATTERNS:
        patterns.Add(pattern)
    patterns.Compile()
    return lambda data: bool(patterns.Match(data))
