"""Matches of detectors, their kinds, and the marker of each kind."""

from __future__ import annotations

from typing import NamedTuple

from otel_redaction.patterns.lazy_pattern import lazy_pattern


class Match(NamedTuple):
    """A span of sensitive text, as offsets into the searched text."""

    start: int
    end: int
    kind: str


KINDS: dict[str, str] = {
    "private_key": "PEM and PGP private key blocks, age secret keys",
    "jwt": "JSON web tokens, judged by their decoded header",
    "api_key": "provider API keys with a published prefix",
    "password": "passwords in assignments, flags, URLs and connection strings",
    "secret": "high-entropy values assigned to a secret-sounding name",
    "token": "access, refresh and session tokens, bearer and basic credentials",
    "cookie": "cookie header values",
    "email": "e-mail addresses",
    "card": "payment cards: issuer range and Luhn check",
    "iban": "bank accounts: country format and mod 97",
    "us_ssn": "US social security numbers",
    "national_id": "national and tax ids with a checksum, passports and licences in context",
    "bank_account": "account and routing numbers in context",
    "phone": "telephone numbers",
    "ip_address": "IPv4 and IPv6 addresses and networks",
    "mac_address": "hardware addresses",
    "crypto_address": "Bitcoin and Ethereum addresses",
    "birth_date": "dates of birth in context",
    "location": "street-level coordinates in context",
    "person": "names of persons in content",
    "address": "street addresses and postcodes in content",
    "health": "conditions, medicines, procedures and record numbers in content",
    "username": "handles of users beside a label, in content",
    "vehicle": "vehicle identification numbers and licence plates in context, in content",
    "device": "IMEI numbers in context, in content",
}
"""Every built-in kind with a one-line description, most sensitive first.

The order resolves overlaps: if two detectors match the same characters, the union is taken with the
earlier kind.
"""

PRIORITY: dict[str, int] = {kind: rank for rank, kind in enumerate(KINDS)}

_MASKS = {kind: f"[{kind.upper()}]" for kind in KINDS} | {"us_ssn": "[SSN]"}

MASK = lazy_pattern(r"\[(?:[A-Z][A-Z0-9_]{1,30}|[0-9]{1,12} MORE CHARACTERS DROPPED)\]")
"""A marker of redaction, or its note about dropped text; never redacted again."""

PSEUDONYM = lazy_pattern(r"\b[a-z][a-z0-9]{0,30}(?:_[a-z0-9]{1,30}){0,3}_[0-9a-f]{24}\b")
"""A pseudonym of redaction; never redacted again."""


def mask(kind: str) -> str:
    """Return the marker for *kind*, such as `[EMAIL]`, which does not reveal the value."""
    return _MASKS.get(kind) or f"[{kind.upper()}]"


def merged(matches: list[Match]) -> list[Match]:
    """Return *matches* in order without overlaps; overlapping ones become their union."""
    if len(matches) < 2:
        return matches
    result: list[Match] = []
    for match in sorted(matches):
        if result and match.start < result[-1].end:
            result[-1] = _union(result[-1], match)
        else:
            result.append(match)
    return result


def _union(left: Match, right: Match) -> Match:
    last = len(PRIORITY)
    stronger = min(left, right, key=lambda match: PRIORITY.get(match.kind, last))
    return Match(left.start, max(left.end, right.end), stronger.kind)
