"""Numbers identified by preceding words: national ids, bank accounts, dates of birth.

A checksum alone matches once in ten or a hundred times by chance, and telemetry is full of numbers.
So each of these needs its label, and its checksum if it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.detectors.context import vocabulary
from otel_redaction.detectors.national import is_national_id
from otel_redaction.patterns.checksums import weighted
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from otel_redaction.detectors.context import Context

# Four decimals of a degree are eleven metres: a house, not a town.
_COORDINATE = lazy_pattern(r"(?:1[0-7]\d|\d{1,2})\.\d{4,15}")
_SSN = vocabulary("ssn social")
_PLACE = vocabulary(
    "lat latitude lon lng long longitude gps coordinates coords geo location position"
)
_ROUTING = vocabulary("routing aba rtn")
_BANK = vocabulary("account acct routing aba iban sort bank konto kontonummer cuenta compte rtn")
_BANK_OBJECTS = vocabulary("bank routing aba checking savings wire deposit transfer sort konto rtn")
_ACCOUNT = vocabulary("account acct konto")
_DATE = lazy_pattern(r"(?:19|20)\d\d[01]\d[0-3]\d|1[4-9]\d{8}(?:\d{3})?")
_YEARS = lazy_pattern(r"(?:19|20)\d\d(?:[-/](?:19|20)\d\d|-[01]\d-[0-3]\d)")
_NUMBER = vocabulary("number no num nr nummer code #")
_MAYBE = _SSN | _PLACE | _BANK


def labelled_kind(value: str, digits: str, shape: str, context: Context) -> str:
    """Return the kind of *value* by the preceding words, or an empty string."""
    if _YEARS.fullmatch(value):
        return ""
    if is_national_id(digits, shape, context):
        return "national_id"
    words = context.words
    if _MAYBE.isdisjoint(words):
        return ""
    recent = words[-6:]
    if len(digits) == 9 and not _SSN.isdisjoint(recent):
        return "us_ssn"
    if not _PLACE.isdisjoint(recent) and _COORDINATE.fullmatch(value):
        return "location"
    return _bank(value, digits, recent)


def _bank(value: str, digits: str, recent: list[bytes]) -> str:
    if _BANK.isdisjoint(recent) or "." in value:
        return ""
    if not _ROUTING.isdisjoint(recent):
        return "bank_account" if len(digits) == 9 and _is_routing_number(digits) else ""
    if recent[-1:] and recent[-1] in _ACCOUNT and len(digits) == len(value):
        return "bank_account" if 8 <= len(digits) <= 17 and not _DATE.fullmatch(digits) else ""
    named = not _NUMBER.isdisjoint(recent) or not _BANK_OBJECTS.isdisjoint(recent)
    return "bank_account" if named and 6 <= len(digits) <= 17 else ""


def _is_routing_number(digits: str) -> bool:
    weights = (3, 7, 1, 3, 7, 1, 3, 7, 1)
    return weighted(digits, weights) % 10 == 0
