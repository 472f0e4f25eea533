"""Keys of almost a thousand services, by a fixed prefix or by their form beside the service's name.

The table is made by `tools/provider_keys.py` and read with the first text that has a run of
letters and digits which nothing else explains.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from otel_redaction.detectors.announced_secrets import is_generated
from otel_redaction.detectors.providers import is_placeholder
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import DIGITS, LETTERS, class_map

if TYPE_CHECKING:
    from otel_redaction.patterns.scan import Scan

ALPHABETS = {
    "d": r"[0-9]",
    "h": r"[0-9a-f]",
    "H": r"[0-9A-F]",
    "x": r"[0-9a-fA-F]",
    "l": r"[0-9a-z]",
    "u": r"[0-9A-Z]",
    "a": r"[0-9A-Za-z]",
    "w": r"[0-9A-Za-z_-]",
    "b": r"[0-9A-Za-z+/=]",
    "t": r"[0-9A-Za-z_.~+/=-]",
    "s": r"[0-9A-Za-z_.~+/=:|-]",
    "p": r"[!-~]",
}
_PIECE = lazy_pattern(r"\"([^\"]*)\"|([a-zA-Z])(\d+)(?:-(\d+))?")
# A longer value, also one with another sign in it, has another form.
_END = r"(?![0-9A-Za-z_-]|[?=!@$%^*+/~][0-9A-Za-z])"
_BEGINNING = 3
"""The shortest fixed beginning of a key that means one service."""
_HEAD = lazy_pattern(r".*[^A-Za-z0-9_.-]")
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
_FEWEST_DISTINCT = 6


class Table(NamedTuple):
    """Services and the forms of their keys."""

    services: dict[bytes, tuple[str, ...]]
    """Name of a service to the forms of its keys that have no beginning of their own."""
    words: frozenset[bytes]
    """Names that are words as well, or names that are in every text about computers."""
    beginnings: dict[str, tuple[str, ...]]
    """First three characters of a key to the forms that begin so."""


@cache
def table() -> Table:
    """Return the table; read once."""
    text = files("otel_redaction.detectors").joinpath("provider_forms.txt").read_text("ascii")
    services: dict[bytes, tuple[str, ...]] = {}
    words: set[bytes] = set()
    beginnings: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line[:1] == "#":
            continue
        name, _, written = line.partition("\t")
        service = name.lstrip("~").encode()
        if name[:1] == "~":
            words.add(service)
        own = []
        for form in written.split():
            if form[0] == '"' and '"' not in form[1 : 1 + _BEGINNING]:
                beginnings.setdefault(form[1 : 1 + _BEGINNING], []).append(form)
            else:
                own.append(form)
        services[service] = tuple(own)
    return Table(
        services,
        frozenset(words),
        {start: tuple(forms) for start, forms in beginnings.items()},
    )


@lru_cache(maxsize=1024)
def _compiled(forms: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(map(_expression, forms))}){_END}")


def _expression(form: str) -> str:
    parts = []
    for piece in _PIECE.finditer(form):
        if piece[1] is not None:
            parts.append(re.escape(piece[1]))
        else:
            most = f",{piece[4]}" if piece[4] else ""
            parts.append(f"{ALPHABETS[piece[2]]}{{{piece[3]}{most}}}")
    return "".join(parts)


@cache
def _heads() -> dict[str, tuple[str, ...]]:
    """Return the beginnings of keys up to their last sign, such as `AstraCS:`, by that sign."""
    found: dict[str, set[str]] = {}
    for forms in table().beginnings.values():
        for form in forms:
            fixed = form[1 : form.index('"', 1)]
            head = _HEAD.match(fixed)
            if head is not None:
                found.setdefault(head.group()[-1], set()).add(head.group())
    return {sign: tuple(sorted(heads, key=len, reverse=True)) for sign, heads in found.items()}


def listed_key_start(text: str, start: int) -> int:
    """Return the start of a key whose prefix ends with the sign before *start*, else *start*."""
    for head in _heads().get(text[start - 1 : start], ()):
        if text.startswith(head, start - len(head)):
            return start - len(head)
    return start


def listed_key_end(text: str, start: int) -> int:
    """Return the end of the key with a listed prefix at *start*, or 0."""
    forms = table().beginnings.get(text[start : start + _BEGINNING], ())
    return _value_end(text, start, forms)


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
            end = _end_beside(scan, start, word, word, announced=announced)
            if end:
                return end
        elif word in _SECRET_WORDS:
            announced = True
        elif word.endswith(_SECRET_ENDINGS):
            announced = True
            name = _ENDING.sub(b"", word)
            end = name in services and _end_beside(scan, start, name, word, announced=True)
            if end:
                return end
    return 0


def _end_beside(scan: Scan, start: int, name: bytes, word: bytes, *, announced: bool) -> int:
    """Return the end of the value at *start* if it is a key of the service *name*, else 0."""
    end = _value_end(scan.text, start, table().services[name])
    if not end:
        return 0
    place = scan.lower.rfind(word, 0, start)
    if place == start - _REACH and scan.lower[place - 1 : place].isalnum():
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
    return bool(forms) and not _value_end(scan.text, start, tuple(forms))


def _stands_alone(lower: bytes, start: int, end: int) -> bool:
    """Return whether the name is no part of a host's name, a path or an address."""
    before, after = lower[start - 1 : start] if start else b"", lower[end : end + 1]
    return not (before and before[0] in _NO_NAME) and not (after and after[0] in _NO_NAME)


def _value_end(text: str, start: int, forms: tuple[str, ...]) -> int:
    """Return the end of the value of one of *forms* at *start*, or 0; a placeholder is none."""
    if not forms:
        return 0
    value = _compiled(forms).match(text, start)
    if value is None or len(set(value.group())) < _FEWEST_DISTINCT or is_placeholder(value.group()):
        return 0
    return value.end()
