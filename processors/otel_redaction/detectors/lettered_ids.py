"""National ids of digits and a few letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.detectors.context import vocabulary
from otel_redaction.detectors.countries import hetu, hkid, pps, resident_id, rut, taiwan
from otel_redaction.detectors.national import is_labelled_elsewhere
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_redaction.detectors.context import Context
    from otel_redaction.patterns.scan import Scan

_NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NRIC_WEIGHTS = (2, 7, 6, 5, 4, 3, 2)
_NRIC_LETTERS = {"S": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}

_NIF = lazy_pattern(r"([XYZ]?)(\d{7,8})([A-Z])")
_NRIC = lazy_pattern(r"([STFGM])(\d{7})([A-Z])")
_NINO = lazy_pattern(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[ABCEGHJ-PRSTW-Z][ABCEGHJ-NPRSTW-Z]\d{6}[A-D]")
_MBI = lazy_pattern(
    r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d{2}"
)


def _is_mbi(value: str) -> bool:
    return _MBI.fullmatch(value) is not None


def _is_vat(value: str) -> bool:
    return len(value) >= 8 and value[:2].isalpha() and sum(map(str.isdigit, value)) >= 7


def _is_long(value: str) -> bool:
    return 10 <= len(value) <= 14


_DOCUMENT = lazy_pattern(r"[A-Z]{1,3}\d{6,14}[A-Z]{0,2}|\d{6,9}[A-Z]{1,2}")
_DOCUMENT_WORDS = vocabulary(
    "passport passports reisepass pass pasaporte passeport passaporto licence license licenses "
    "driver drivers visa führerschein ausweis personalausweis document id card identity member "
    "identification certificate dea voter kvnr krankenkasse versichertennummer "
    "insurance nino ni national medicare dl"
)

_LABELLED: tuple[tuple[frozenset[bytes], Callable[[str], bool]], ...] = (
    (vocabulary("身份证 resident china chinese"), resident_id),
    (vocabulary("pps ppsn"), pps),
    (vocabulary("hkid hong kong"), hkid),
    (vocabulary("taiwan taiwanese"), taiwan),
    (vocabulary("rut run"), rut),
    (vocabulary("hetu henkilötunnus"), hetu),
    (vocabulary("mbi medicare beneficiary"), _is_mbi),
    (vocabulary("ust ustid vat umsatzsteuer mwst uid tva nif iva"), _is_vat),
    (vocabulary("svnr rvnr rentenversicherungsnummer sozialversicherungsnummer"), _is_long),
)

# An Indian tax number: five letters, of which the fourth is the kind of holder, four digits.
_PAN = lazy_pattern(r"\b[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]\b")
_REACH = 40


def find_pans(scan: Scan) -> None:
    """Add Indian tax numbers, which have too few digits for the detector of numbers."""
    for position in scan.cues.get("pan", ()):
        number = _PAN.search(scan.text, position, position + _REACH)
        if number is not None:
            scan.add(*number.span(), "national_id")


def is_lettered_id(value: str, context: Context) -> bool:
    """Return whether *value* is a national id by its check letter or its label."""
    written = value
    value = value.upper().replace("-", "").replace(" ", "")
    nif = _NIF.fullmatch(value)
    if nif is not None and len(value) == 9:
        number = int(nif[1].translate(str.maketrans("XYZ", "012")) + nif[2])
        if _NIF_LETTERS[number % 23] == nif[3]:
            return True
    if _is_nric(value):
        return True
    recent = context.words[-5:]
    if _NINO.fullmatch(value) or hetu(written):
        return True
    if recent and any(
        not labels.isdisjoint(recent) and check(value) for labels, check in _LABELLED
    ):
        return True
    if recent and is_labelled_elsewhere(value, recent, context):
        return True
    return _DOCUMENT.fullmatch(value) is not None and not _DOCUMENT_WORDS.isdisjoint(recent)


def _is_nric(value: str) -> bool:
    nric = _NRIC.fullmatch(value)
    if nric is None:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(nric[2], _NRIC_WEIGHTS, strict=True))
    total += {"T": 4, "G": 4, "M": 3}.get(nric[1], 0)
    letters = _NRIC_LETTERS[{"T": "S", "G": "F"}.get(nric[1], nric[1])]
    place = total % 11
    return letters[10 - place if nric[1] == "M" else place] == nric[3]
