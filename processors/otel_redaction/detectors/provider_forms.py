"""Keys of almost a thousand services, by a prefix or by their form beside the service's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.detectors.announced_secrets import is_generated
from otel_redaction.detectors.provider_table import BEGINNING, heads, table, value_end
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import DIGITS, LETTERS, class_map

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

_REACH = 56
_WORD_MAP = class_map(b" ", **{letter: letter * 2 for letter in LETTERS[26:] + DIGITS})
_NOTHING_BETWEEN = lazy_pattern(rb"[^a-z0-9]{1,14}\Z")
_SECRET_WORDS = frozenset(
    b"key keys apikey token tokens apitoken secret secrets access private auth pass password "
    b"credential credentials creds pat bearer authorization license".split()
)
_SECRET_ENDINGS = (b"key", b"token", b"secret", b"access", b"private", b"pat", b"auth")
_OTHER_WORDS = frozenset(
    b"id ids uid uuid guid sha sha1 sha256 sha512 md5 commit commits rev revision digest hash "
    b"checksum etag trace span request correlation version build run job release image session "
    b"thread event message object project org organization account user tenant client model "
    b"public pub cache index ref branch tag tree blob file path line page cursor node pod host".split()
)
_ENDING = lazy_pattern(
    rb"(?:api|app|access|auth|client|private|personal|secret|key|token|id|pat)+\Z"
)
_BARE_KEY = lazy_pattern(rb"(?<![a-z0-9_.-])keys?[\"']?[ \t]{0,2}[=:]?[ \t]{0,2}[\"']?\Z")
_OWNERS = _SECRET_WORDS | frozenset({b"api", b"my", b"our", b"your"})
_HEXADECIMAL = lazy_pattern(r"[0-9a-fA-F-]+")
_NO_NAME = frozenset(b"./@")


def listed_key_start(text: str, start: int) -> int:
    """Return the start of a key whose prefix ends with the sign before *start*, else *start*."""
    for head in heads().get(text[start - 1 : start], ()):
        if text.startswith(head, start - len(head)):
            return start - len(head)
    return start


def listed_key_end(text: str, start: int) -> int:
    """Return the end of the key with a listed prefix at *start*, or 0."""
    forms = table().beginnings.get(text[start : start + BEGINNING], ())
    return value_end(text, start, forms)


def named_value_end(scan: Scan, start: int) -> int:
    """Return the end of the value at *start* if a service named before has such keys, else 0.

    The words between decide: a name that is also a common word needs `key`, `token` or a similar
    word, and a value after `commit` or `trace id` is never a key.
    """
    first = max(0, start - _REACH)
    services = table().services
    announced = False
    for word in reversed(scan.lower[first:start].translate(_WORD_MAP).split()):
        if word in _OTHER_WORDS:
            if not announced:
                return 0
        elif word in services:
            end = _end_beside(scan, first, start, word, word, announced=announced)
            if end:
                return end
        elif word in _SECRET_WORDS:
            announced = True
        elif word.endswith(_SECRET_ENDINGS):
            announced = True
            name = _ENDING.sub(b"", word)
            end = name in services and _end_beside(scan, first, start, name, word, announced=True)
            if end:
                return end
    return 0


def value_end_before_name(scan: Scan, start: int, end: int) -> int:
    """Return *end* if a service named after the value has such keys, else 0.

    As in `2afd3ce5... # api2cart` and `2afd3ce5... is the api2cart key`: on the same line, after
    little else.
    """
    following = _NAME_AFTER.match(scan.lower, end)
    if following is None:
        return 0
    name = following[1]
    known = table()
    if name not in known.services or (name in known.words and following[2] is None):
        return 0
    return end if value_end(scan.text, start, known.services[name]) == end else 0


_NAME_AFTER = lazy_pattern(
    rb"[\"'`]?[;,]?[ \t]{0,4}(?:(?:#|//|--|\(|\[|<!--|is|for|=)[ \t]{1,4}|[(\[])"
    rb"(?:(?:the|my|our|your|a|an)[ \t])?([a-z0-9]{3,24})([ _-](?:api[ _-]?)?(?:key|token|secret))?(?![a-z0-9])"
)


def _end_beside(
    scan: Scan, first: int, start: int, name: bytes, word: bytes, *, announced: bool
) -> int:
    """Return the end of the value at *start* if it is a key of the service *name*, else 0.

    *word* holds the name and stands between *first* and *start*.
    """
    end = value_end(scan.text, start, table().services[name])
    if not end:
        return 0
    place = _last_word(scan.lower, word, first, start)
    if place < 0:
        return 0  # the end of a longer word
    if announced:
        return end
    after = place + len(word)
    value = scan.text[start:end]
    if (
        name in table().words
        or not _stands_alone(scan.lower, place, after)
        or not is_generated(value)
        or (_HEXADECIMAL.fullmatch(value) and not _NOTHING_BETWEEN.match(scan.lower, after, start))
    ):
        return 0
    return end


def _last_word(lower: bytes, word: bytes, first: int, last: int) -> int:
    """Return the last place of *word* as a whole word between *first* and *last*, or -1."""
    place = lower.rfind(word, first, last)
    while place >= 0:
        after = place + len(word)
        if not lower[place - 1 : place].isalnum() and not lower[after : after + 1].isalnum():
            return place
        place = lower.rfind(word, first, after - 1)
    return -1


def is_another_form(scan: Scan, start: int) -> bool:
    """Return whether the value at *start* of a bare `key` lacks the form of the service's keys.

    A `key` without an owner is ambiguous. Where a service is named before, the form decides.
    """
    lead = scan.lower[max(0, start - _REACH) : start]
    if _BARE_KEY.search(lead) is None:
        return False
    services = table().services
    before = lead.translate(_WORD_MAP).split()[1:-1]
    if not before or before[-1] in services or before[-1] in _OWNERS:
        return False
    forms = [form for word in before if word in services for form in services[word]]
    return bool(forms) and not value_end(scan.text, start, tuple(forms))


def _stands_alone(lower: bytes, start: int, end: int) -> bool:
    """Return whether the name is no part of a host's name, a path or an address."""
    before, after = lower[start - 1 : start] if start else b"", lower[end : end + 1]
    return not (before and before[0] in _NO_NAME) and not (after and after[0] in _NO_NAME)
