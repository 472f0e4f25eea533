"""Check digits, which distinguish an identifier from any other run of digits."""

from __future__ import annotations

# Each digit, as its character, to the digit sum of its double.
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")


def luhn(digits: str) -> bool:
    """Return whether *digits* passes the Luhn check used by cards and several national ids."""
    written = digits.encode("ascii")
    total = sum(written[-1::-2]) + sum(written[-2::-2].translate(_DOUBLED))
    return (total - ord("0") * len(written)) % 10 == 0


def mod_97(value: str) -> bool:
    """Return whether *value*, an IBAN without spaces in upper case, has a remainder of one."""
    rearranged = value[4:] + value[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    """Return the sum of each digit times its weight."""
    return sum((ord(digit) - 48) * weight for digit, weight in zip(digits, weights, strict=False))


_VERHOEFF_PRODUCT = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_VERHOEFF_SHIFT = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def verhoeff(digits: str) -> bool:
    """Return whether *digits* passes the Verhoeff check (Indian Aadhaar numbers)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        shifted = _VERHOEFF_SHIFT[place % 8][ord(digit) - 48]
        check = int(_VERHOEFF_PRODUCT[check][ord(shifted) - 48])
    return check == 0


def iso_7064_11_10(digits: str) -> bool:
    """Return whether *digits* passes ISO 7064 mod 11,10 (German tax and VAT ids)."""
    product = 10
    for digit in digits[:-1]:
        total = (ord(digit) - 48 + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == ord(digits[-1]) - 48


def date_yymmdd(digits: str) -> bool:
    """Return whether six digits can be a year, month and day."""
    return 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31


def date_ddmmyy(digits: str) -> bool:
    """Return whether six digits can be a day, month and year."""
    return 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[:2]) <= 31
