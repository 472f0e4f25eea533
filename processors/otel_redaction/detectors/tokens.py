"""Long runs of word characters: provider keys, JSON web tokens, crypto addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_redaction.detectors.announced_secrets import announced_end, joined_span
from otel_redaction.detectors.crypto import is_crypto_address
from otel_redaction.detectors.encoded import encoded_end
from otel_redaction.detectors.jwt import jwt_end
from otel_redaction.detectors.provider_forms import (
    is_another_form,
    listed_key_end,
    listed_key_start,
    named_value_end,
    value_end_before_name,
)
from otel_redaction.detectors.providers import UNMISTAKABLE, looks_random, provider_key_end
from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.scan import TOKEN_RUN, TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_redaction.patterns.match import Match
    from otel_redaction.patterns.scan import Scan

_LEAD_REVERSED = lazy_pattern(r"[\w.~-]{1,44}")
_SPECIAL = lazy_pattern(
    r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,80}"
    r"|[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"
    r"|[\w~.]{3}\dQ~[\w.~-]{31,34}"
    r"|[0-9a-f]{32}-us\d{1,2}(?!\w)"
    r"|[MNO][A-Za-z0-9]{23,25}\.[\w-]{6}\.[\w-]{27,38}"
    r"|AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}"
)
# Italian tax codes and Mexican CURPs, with a distinct arrangement of letters and digits.
_NATIONAL = lazy_pattern(
    r"[A-Z]{6}\d\d[A-EHLMPRST][0-7]\d[A-Z]\d{3}[A-Z]"
    r"|[A-Z]{4}\d\d[01]\d[0-3]\d[HMX][A-Z]{5}[A-Z0-9]\d",
    re.IGNORECASE,
)
# `user:500:...:8846f7ea...:::`, as tools list the accounts of Windows.
_NT_HASH = lazy_pattern(r"[0-9a-fA-F]{32}")
_LONG_BLOB = 48
"""Shorter runs of base64 without a digit are identifiers."""
_ANNOUNCING = lazy_pattern(rb"key|token|secret|access|private")
_BEFORE_VALUE = frozenset(["", *" \t\n=:'\"`({[<>|-,"])
_REACH_OF_WORD = 16
_HEXADECIMAL = b"0123456789abcdefABCDEF-"
_LONGEST_SERVICE = 24
# A session of Salesforce: the organization's id, `!`, the secret.
_SALESFORCE_REVERSED = lazy_pattern(r"![A-Za-z0-9]{9,12}(?:00)?D00(?![A-Za-z0-9])")
_SALESFORCE_REST = lazy_pattern(r"[\w.]{60,200}")
# `123456789:AAF...` is a Telegram bot token, `4815162342108|Zx...` a Facebook app token.
_NUMBER_REVERSED = lazy_pattern(r"[:|]\d{8,16}(?:tob)?(?!\w)")


def find_tokens(scan: Scan, search: Callable[[str], list[Match]] | None = None) -> None:
    """Add provider keys, JSON web tokens and crypto addresses.

    Decoded runs of base64 or hexadecimal are searched with *search*, if given.
    """
    shape = scan.data.translate(TOKENS)
    start = shape.find(TOKEN_RUN)
    decoded = 0
    while start >= 0:
        end = shape.find(b" ", start)
        end = len(shape) if end < 0 else end
        count = len(scan.matches)
        done = _judge(scan, start, end)
        if (
            search is not None
            and start >= decoded
            and len(scan.matches) == count
            and (end - start >= _LONG_BLOB or b"0" in scan.shape[start:end])
        ):
            first, decoded, kind = encoded_end(scan, start, search)
            if kind:
                scan.add(first, decoded, kind)
                done = decoded
        start = shape.find(TOKEN_RUN, max(end, done))


def _judge(scan: Scan, start: int, end: int) -> int:
    """Add the first match in the run; return its end."""
    text = scan.text
    lead = text[start - 1 : start]
    has_digit = b"0" in scan.shape[start:end]
    if not has_digit and text[start:end].islower():
        # A name: no key is made of small letters alone, but for the few that a service names.
        return _letters_end(scan, start, end) if lead in _BEFORE_VALUE else end
    if lead and lead in ".~":
        reach = _LEAD_REVERSED.match(text[max(0, start - 44) : start][::-1])
        first = start - (reach.end() if reach else 0)
        found = _key_end(scan, first)
        if found > start:
            return found
    found = _key_end(scan, start)
    if found:
        return found
    if lead in _BEFORE_VALUE:
        found, kind = announced_end(scan, start)
        if found and not (kind == "api_key" and is_another_form(scan, start)):
            scan.add(start, found, kind)
            return found
    if not has_digit:
        # Identifiers and long words; every form below has digits.
        return _letters_end(scan, start, end) if text[start:end].isupper() else end
    if scan.data[start:end].translate(None, _HEXADECIMAL):
        # No name is hexadecimal, and no prefix of a key inside a word.
        first, last, kind = joined_span(scan, start, end)
        if last:
            scan.add(first, last, kind)
            return last
        found = _glued(scan, start, end)
        if found:
            return found
    if lead in _BEFORE_VALUE:
        dash = text.find("-", start, start + _LONGEST_SERVICE)
        # After a name that a dash joins to it: `refiner-123e4567-...`.
        first = dash + 1 if dash > 0 and text[start:dash].isalpha() else start
        found = named_value_end(scan, first) or value_end_before_name(scan, start, end)
        if found:
            scan.add(first, found, "api_key")
            return found
    # After a prefix that ends with a sign, such as `AstraCS:` and `1//`.
    first = listed_key_start(text, start)
    found = listed_key_end(text, first) if first < start else 0
    if found:
        scan.add(first, found, "api_key")
        return found
    if lead == "!":
        session = _SALESFORCE_REVERSED.match(text[max(0, start - 24) : start][::-1])
        value = _SALESFORCE_REST.match(text, start)
        if session and value:
            scan.add(start - session.end(), value.end(), "token")
            return value.end()
    if lead == ":" and text.startswith(":::", end) and _NT_HASH.fullmatch(text, start, end):
        scan.add(start, end, "password")
        return end
    if lead and lead in ":|":
        number = _NUMBER_REVERSED.match(text[max(0, start - 18) : start][::-1])
        if number and 24 <= end - start <= 50 and looks_random(text[start:end]):
            scan.add(start - number.end(), end, "api_key")
            return end
    if end - start in {16, 18} and _NATIONAL.fullmatch(text, start, end):
        scan.add(start, end, "national_id")
    elif end - start <= 90 and is_crypto_address(
        text[start:end], scan.lower[max(0, start - 90) : start]
    ):
        scan.add(start, end, "crypto_address")
    return end


def _letters_end(scan: Scan, start: int, end: int) -> int:
    """Add a run of letters that has the form of a named service's key; return where to look on."""
    if not scan.data[start:end].isalpha() or not _ANNOUNCING.search(
        scan.lower, max(0, start - _REACH_OF_WORD), start
    ):
        return end
    found = named_value_end(scan, start)
    if found:
        scan.add(start, found, "api_key")
    return found or end


def _glued(scan: Scan, start: int, end: int) -> int:
    """Add the first key that begins inside a run; return its end, 0 without one."""
    for inner in UNMISTAKABLE.finditer(scan.text, start + 1, end):
        found = _key_end(scan, inner.start())
        if found:
            return found
    return 0


def _key_end(scan: Scan, start: int) -> int:
    text = scan.text
    if text.startswith("eyJ", start):
        end = jwt_end(text, start)
        if end:
            scan.add(start, end, "jwt")
            return end
    end = provider_key_end(text, start) or listed_key_end(text, start)
    if not end:
        special = _SPECIAL.match(text, start) if b"0" in scan.shape[start : start + 90] else None
        if special is None or (not looks_random(special.group()) and special.group()[0] != "A"):
            return 0
        end = special.end()
    scan.add(start, end, "api_key")
    return end
