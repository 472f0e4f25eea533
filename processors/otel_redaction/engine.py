"""Find everything that must not leave in one text."""

from __future__ import annotations

import re

from otel_redaction.detectors.assignments import find_assignments
from otel_redaction.detectors.births import find_birth_dates
from otel_redaction.detectors.credentials import find_credentials
from otel_redaction.detectors.emails import find_emails
from otel_redaction.detectors.iban import find_ibans
from otel_redaction.detectors.network import find_network_addresses
from otel_redaction.detectors.numbers import find_numbers
from otel_redaction.detectors.tokens import find_tokens
from otel_redaction.evasion import plain
from otel_redaction.gate import regions
from otel_redaction.match import Match, merged
from otel_redaction.scan import Scan, flattened


def find_all(text: str, deadline: float | None = None) -> list[Match]:
    """Return every match of every built-in kind, in order and without overlaps."""
    if len(text) <= _PLAIN_AT_MOST and is_plain(text):
        return []
    matches = _search(text, deadline)
    unfolded = plain(text)
    if unfolded is not None:
        for match in _search(unfolded.text, deadline):
            start, end = unfolded.original(match.start, match.end)
            matches.append(Match(start, end, match.kind))
    return merged(matches)


def _search(text: str, deadline: float | None) -> list[Match]:
    text = flattened(text)
    if len(text) <= _SHORT:
        return _search_region(Scan(text, deadline))
    matches = []
    for start, end in regions(text):
        found = _search_region(Scan(text[start:end], deadline))
        matches += [Match(first + start, last + start, kind) for first, last, kind in found]
    return matches


def _search_region(scan: Scan) -> list[Match]:
    if "@" in scan.text:
        find_emails(scan)
    if b"0" in scan.shape:
        find_ibans(scan)
        find_numbers(scan)
        find_birth_dates(scan)
    scan.check_deadline()
    find_network_addresses(scan)
    find_tokens(scan)
    scan.check_deadline()
    find_credentials(scan)
    find_assignments(scan)
    return scan.matches


_SHORT = 256
_PLAIN_AT_MOST = 1024
_LONG_WORD = 16
# What nothing can do without that is looked for in a text with few digits; but
# for long words and for values after a word such as "password".
_SUSPECT = re.compile(r"[^\sA-Za-z0-9_.,;()/?\[\]{}-]|--")
_THREE_DIGITS = re.compile(r"(?:[^0-9]*+[0-9]){3}")
_DIGIT = re.compile(r"[0-9]")
_NAMES = re.compile(r"pass|pwd|secret|token|key|auth|cred|bearer|basic", re.IGNORECASE)


def is_plain(text: str) -> bool:
    """Return whether a short *text* is words only, as most attribute values are."""
    if _SUSPECT.search(text) is not None or _THREE_DIGITS.match(text) is not None:
        return False
    if not text.islower() and max(map(len, text.split()), default=0) >= _LONG_WORD:
        return False
    return _DIGIT.search(text) is None or _NAMES.search(text) is None
