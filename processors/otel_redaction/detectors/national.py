"""National identity, tax and health numbers made of digits, by country."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_redaction.checksums import (
    date_ddmmyy,
    date_yymmdd,
    iso_7064_11_10,
    luhn,
    verhoeff,
    weighted,
)
from otel_redaction.detectors.context import vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_redaction.detectors.context import Context


def _nhs(digits: str) -> bool:
    return len(digits) == 10 and weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _tfn(digits: str) -> bool:
    return len(digits) == 9 and weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def _abn(digits: str) -> bool:
    if len(digits) != 11:
        return False
    first = str(int(digits[0]) - 1) if digits[0] != "0" else "9"
    return weighted(first + digits[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def _medicare(digits: str) -> bool:
    check = weighted(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10
    return len(digits) in {10, 11} and digits[0] in "23456" and check == int(digits[8])


def _sin(digits: str) -> bool:
    return len(digits) == 9 and digits[0] not in "08" and luhn(digits)


def _cpf(digits: str) -> bool:
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    first = weighted(digits[:9], tuple(range(10, 1, -1))) * 10 % 11 % 10
    second = weighted(digits[:10], tuple(range(11, 1, -1))) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}"


def _aadhaar(digits: str) -> bool:
    return len(digits) == 12 and digits[0] not in "01" and verhoeff(digits)


def _steuer_id(digits: str) -> bool:
    return len(digits) == 11 and digits[0] != "0" and iso_7064_11_10(digits)


def _pesel(digits: str) -> bool:
    return len(digits) == 11 and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def _bsn(digits: str) -> bool:
    return len(digits) == 9 and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _nir(digits: str) -> bool:
    if len(digits) != 15 or digits[0] not in "12347":
        return False
    return 97 - int(digits[:13]) % 97 == int(digits[13:])


def _ahv(digits: str) -> bool:
    if len(digits) != 13 or not digits.startswith("756"):
        return False
    return weighted(digits, (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)) % 10 == 0


def _personnummer(digits: str) -> bool:
    return len(digits) in {10, 12} and luhn(digits[-10:]) and date_yymmdd(digits[-10:-4])


def _za(digits: str) -> bool:
    return len(digits) == 13 and date_yymmdd(digits[:6]) and digits[10] in "012" and luhn(digits)


def _rrn(digits: str) -> bool:
    return len(digits) == 13 and date_yymmdd(digits[:6]) and digits[6] in "12345678"


def _cpr(digits: str) -> bool:
    return len(digits) == 10 and date_ddmmyy(digits[:6])


def _rijksregister(digits: str) -> bool:
    if len(digits) != 11:
        return False
    rest = int(digits[9:])
    return rest in {97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97}


def _npi(digits: str) -> bool:
    return len(digits) == 10 and digits[0] in "12" and luhn("80840" + digits)


def _itin(digits: str) -> bool:
    return len(digits) == 9 and digits[0] == "9" and digits[3] in "5789"


def _ein(digits: str) -> bool:
    return len(digits) == 9


def _any_length(digits: str) -> bool:
    return 6 <= len(digits) <= 14


_LABELLED: tuple[tuple[frozenset[bytes], Callable[[str], bool]], ...] = (
    (vocabulary("nhs"), _nhs),
    (vocabulary("tfn"), _tfn),
    (vocabulary("abn"), _abn),
    (vocabulary("medicare"), _medicare),
    (vocabulary("sin nas insurance"), _sin),
    (vocabulary("cpf"), _cpf),
    (vocabulary("aadhaar aadhar uidai"), _aadhaar),
    (vocabulary("steuer idnr steueridentifikationsnummer identifikationsnummer"), _steuer_id),
    (vocabulary("pesel"), _pesel),
    (vocabulary("bsn burgerservicenummer"), _bsn),
    (vocabulary("nir sécurité securite sécu secu"), _nir),
    (vocabulary("ahv avs"), _ahv),
    (vocabulary("personnummer samordningsnummer"), _personnummer),
    (vocabulary("rrn resident 주민등록번호"), _rrn),
    (vocabulary("cpr"), _cpr),
    (vocabulary("rijksregisternummer national registre"), _rijksregister),
    (vocabulary("npi provider"), _npi),
    (vocabulary("itin"), _itin),
    (vocabulary("ein fein tin tax"), _ein),
    (vocabulary("african rsa id"), _za),
    (
        vocabulary(
            "passport reisepass pasaporte passeport driver drivers driving licence license "
            "führerschein nin taxpayer tin mrn patient"
        ),
        _any_length,
    ),
)
_LABELS = frozenset[bytes]().union(*(words for words, _ in _LABELLED))

# Written so that digits and separators leave hardly another reading; these need no label.
_FORMS: dict[str, Callable[[str], bool]] = {
    "000.000.000-00": _cpf,
    "000000-0000000": _rrn,
    "000.0000.0000.00": _ahv,
    "00.00.00-000.00": _rijksregister,
    "0 00 00 00 000 000 00": _nir,
    "0000 0000 0000": _aadhaar,
    "00 000 000 000": _abn,
    "000 000 000": _sin,
    "000-000000": _itin,
    "00000-0000": _itin,
}


_DATES = frozenset({"00.00.0000", "0000-00-00", "00/00/0000", "00-00-0000", "0000/00/00"})


def is_national_id(digits: str, shape: str, context: Context) -> bool:
    """Return whether *digits*, written as *shape*, are an id by form, or by label and checksum."""
    check = _FORMS.get(shape)
    if check is not None and check(digits):
        return True
    words = context.words
    if shape in _DATES:
        return False
    if _LABELS.isdisjoint(words):
        return False
    recent = words[-6:]
    return any(not labels.isdisjoint(recent) and check(digits) for labels, check in _LABELLED)
