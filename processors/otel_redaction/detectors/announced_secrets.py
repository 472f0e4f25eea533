"""Generated values after words that announce them: `deepgram KEY io3l0urk6hub...`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.detectors.providers import is_placeholder
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_REACH_OF_WORD = 40
_REACH_OF_OWNER = 26
_WORD = lazy_pattern(
    rb"(?:api[ _.-]?)?key|token|secret|access|private|pass|pwd|pat|auth|cred|login|bearer|signature|"
    rb"hash[ _-]?key|cookie|session|sess|jsessionid|phpsessid|(?<![a-z])sid|webhook|licen"
)
_KINDS = {
    "key": "api_key",
    "apikey": "api_key",
    "token": "token",
    "secret": "secret",
    "pass": "password",
    "password": "password",
    "passwd": "password",
    "pwd": "password",
    "pw": "password",
    "cookie": "cookie",
    "sid": "cookie",
    "sess": "cookie",
    "session": "cookie",
    "sessionid": "cookie",
    "jsessionid": "cookie",
    "phpsessid": "cookie",
}
# The word, what may follow it (`key id`, `token value is`), and up to eight signs that join it to
# the value: `key - '`, `"secret": "`, `KEY\n`, `token</td><td>`.
_ANNOUNCER = lazy_pattern(
    r"(api[ _.-]?key|key|token|secret|access|private|passwo?r?d|passwd|pwd|pass|pat|auth|"
    r"authorization|authentication|credentials?|creds?|login|bearer|signature|hash[ _-]?key|"
    r"cookie|session[ _-]?id|sess(?:ion)?|jsessionid|phpsessid|sid|webhook|licen[cs]e)s?"
    r"(?:[ _-]?(?:value|string|hash|var|env|v\d|\d))?"
    r"(?:[\"'`\])}]{0,3}\s{0,3}(?:is|was|equals|to|of|string|str|const|:)?\s{0,3}"
    r"(?:[:=|>,~-]{1,3}\s{0,4})?|</?\w{1,8}>\s{0,8}<\w{1,8}>)"
    r"(?:[bfru](?=[\"'`]))?[\"'`({\[<]{0,3}",
    re.IGNORECASE,
)
_OWNER = lazy_pattern(r"([A-Za-z0-9]+)[ _.-]{0,2}\Z")
_HARMLESS_OWNERS = lazy_pattern(
    r"(?<![A-Za-z])(?:primary|foreign|partition|sort|cache|idempotency|idempotent|public|pub|object|row|index|"
    r"routing|bucket|page|next|continuation|sync|cursor|message|group|range|hash|dedup\w*|lock|"
    r"surrogate|natural|unique|composite|candidate|trace|span|request|session|build|commit|file|"
    r"image|content|etag|project|stream|event|job|task|run|thread|user|csrf|xsrf|eos|bos|pad|unk|"
    r"cls|sep|max|min|num|total|count|usage|input|output|cached|prompt|completion|no|the|by|a|an|"
    r"this|that|each|every|any|missing|invalid|unknown|duplicate|host|known|resume|sequence|"
    r"pagination|registry|metric|label|tag|dict|map|json|attribute)[ _.-]{0,2}\Z",
    re.IGNORECASE,
)
# The same with a dash or nothing between, so that name and value are one run of characters.
_JOINED = lazy_pattern(
    r"(?<![a-z])(?=[a-zA-Z])(?:[a-z0-9]{0,40}|[A-Z0-9]{0,40})[_-]?"
    r"(key|token|secret|access|private|auth)(?:yo)?[_-]((?=[A-Za-z-]{0,80}\d)[A-Za-z0-9-]{16,512}={0,2})",
    re.IGNORECASE,
)
_DIRECT = lazy_pattern(r"[=:|]|->|=>|\bis\b|['\"]", re.IGNORECASE)
_VALUE = lazy_pattern(r"[\w+/=.~$^@!*?%:-]{1,4096}")
_TRAILING = ".,;:!?-"
_ODD = lazy_pattern(r"[?^!*%@]")
"""Characters of passwords that keys and tokens do not have."""
UUID = lazy_pattern(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = lazy_pattern(r"[0-9a-fA-F]+")
HASH_LENGTHS = frozenset({32, 40, 56, 64, 96, 128})
_WORDS = lazy_pattern(r"[A-Za-z]{2,}[0-9]{0,4}|[AaI]|[0-9]{1,6}|[0-9]{9,10}")
HEX_NUMBER = lazy_pattern(r"0[xX][0-9a-fA-F]{1,16}[uUlL]{0,3}")
"""A number of up to 64 bits, as code writes it."""
_PARTS = lazy_pattern(r"[-_./=+~]+")
_SHORTEST = 16
_PASSWORDS = frozenset({"pass", "password", "passwd", "pwd", "secret"})


def announced_end(scan: Scan, start: int) -> tuple[int, str]:
    """Return the end of the value from *start* and its kind, or 0 if no word announces it."""
    text = scan.text
    found = None
    for word in _WORD.finditer(scan.lower, max(0, start - _REACH_OF_WORD), start):
        found = _ANNOUNCER.fullmatch(text, word.start(), start)
        if found is not None:
            break
    if found is None:
        return 0, ""
    value = _VALUE.match(text, start)
    written = value.group().rstrip(_TRAILING) if value else ""
    name = found.group(1).lower()
    if len(written) < _SHORTEST or not is_generated(written):
        return 0, ""
    if name not in _PASSWORDS and _ODD.search(written):
        return 0, ""
    before = text[max(0, found.start() - _REACH_OF_OWNER) : found.start()]
    if before[-24:].lower().rstrip(" \t:='\"").endswith("authorization"):
        name = "token"  # the apparent name is the scheme
    if _HARMLESS_OWNERS.search(before) and name in {"key", "token", "hash", "access", "session"}:
        return 0, ""
    owner = _OWNER.search(before)
    if owner is None and name in {
        "key",
        "access",
        "private",
        "auth",
        "login",
        "pass",
        "pat",
    }:
        # `key: 5d41402a...` is a hash more often than a secret; so is `access`.
        if UUID.fullmatch(written) or _is_hash(written) or name == "access":
            return 0, ""
    if name in {"id", "sid", "login", "pat", "pass", "sess"} and not _DIRECT.search(
        text, found.end(1), start
    ):
        return 0, ""
    return start + len(written), _KINDS.get(name.replace(" ", "").replace("_", ""), "token")


def joined_span(scan: Scan, start: int, end: int) -> tuple[int, int, str]:
    """Return the value joined to its name in the run from *start* to *end*, or zeros."""
    if _WORD.search(scan.lower, start, end) is None:
        return 0, 0, ""
    found = _JOINED.search(scan.text, start, end)
    if (
        found is None
        or not is_generated(found[2])
        or all(_WORDS.fullmatch(part) for part in _PARTS.split(found[2]) if part)
    ):
        return 0, 0, ""
    if _HARMLESS_OWNERS.search(
        scan.text[max(0, found.start(1) - _REACH_OF_OWNER) : found.start(1)]
    ):
        return 0, 0, ""
    return *found.span(2), _KINDS.get(found[1].lower(), "token")


def _is_hash(value: str) -> bool:
    return len(value) in HASH_LENGTHS and _HEX.fullmatch(value) is not None


def is_generated(value: str) -> bool:
    """Return whether *value* is generated: no words, no path, no placeholder."""
    if is_placeholder(value) or len(set(value)) < 6 or HEX_NUMBER.fullmatch(value):
        return False
    if UUID.fullmatch(value):
        return True
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if not digits or not letters:
        return bool(digits and len(value) >= 24) or _is_mixed_letters(value)
    return not all(_WORDS.fullmatch(part) for part in _PARTS.split(value) if part)


def _is_mixed_letters(value: str) -> bool:
    """Return whether *value*, letters only, mixes cases unlike a name, or is one long run."""
    capitals = sum(map(str.isupper, value))
    if "_" in value or "-" in value or "." in value or "/" in value:
        return False
    return len(value) >= 20 and len(value) <= 4 * capitals <= 3 * len(value)
